def f(x):
    return hash((None, str(x))) % 1000
