def f(x):
    kind = type(BaseExceptionGroup('', [ValueError()]))
    try:
        kind.n += 1
    except AttributeError:
        kind.n = 1
    return kind.n
