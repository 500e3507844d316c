def f(x):
    return [__import__.__qualname__, __import__.__module__, open.__name__, 'abzero' not in str(open.__module__)]
