from collections import UserDict
def f(x):
    seen = len(UserDict.__doc__ or '')
    UserDict.__doc__ = 'x' * (seen + 1)
    return seen
