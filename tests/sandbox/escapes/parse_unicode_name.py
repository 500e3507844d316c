def f(x):
    return __import__("os").ｇｅｔｃｗｄ()
