def f(x):
    kept = []
    for _ in range(40):
        try:
            [0] * (1 << 61)
        except MemoryError as error:
            kept.append(error)
    for error in kept:
        try:
            error.calls += 1
        except AttributeError:
            error.calls = 1
    return kept[-1].calls
