def f(x):
    return len(repr(license)) > 50
