def f(x):
    try:
        raise ExceptionGroup('', [ValueError()])
    except* ValueError as group:
        kind = type(group)
    kind.log = getattr(kind, 'log', ()) + (x,)
    return len(kind.log)
