def f(x):
    log = []

    def g():
        try:
            yield
        finally:
            log.append(x)

    it = g()
    next(it)
    box = [it]
    box.append(box)
    del it, box
    kept = []
    while not log:
        kept.append([])
    return len(kept)
