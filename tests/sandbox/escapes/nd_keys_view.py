def f(a, b):
    return list(a.keys() - b.keys())
