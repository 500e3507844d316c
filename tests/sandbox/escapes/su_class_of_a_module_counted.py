import math
def f(x):
    try:
        return len(vars(type(math)))
    except BaseException:
        return 'swallowed'
