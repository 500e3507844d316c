def f(x):
    row = ["a" * 30000] * 30000
    return [row] * 30000
