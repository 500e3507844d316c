def f(x):
    a = [1]
    for _ in range(40):
        a = [a, a]
    return a
