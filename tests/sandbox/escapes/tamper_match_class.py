import math

def f(x):
    match math:
        case object(__dict__=names):
            names["sqrt"] = lambda x: 666
    return 42
