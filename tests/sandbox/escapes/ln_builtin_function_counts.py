def f(x):
    calls = len.__module__
    len.__module__ = 1 if calls == 'builtins' else calls + 1
    return len.__module__
