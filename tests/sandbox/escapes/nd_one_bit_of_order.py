def f(x):
    return list({"ab", "cd"})[0]
