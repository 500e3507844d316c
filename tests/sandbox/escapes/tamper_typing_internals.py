import typing, collections

def f(x):
    sys = getattr(typing, "sys", None) or collections._sys
    return sys.modules["os"].listdir("/")
