def f(x):
    n = 10
    for _ in range(16):
        n = n * n
    return n
