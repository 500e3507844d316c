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
    junk = [[] for _ in range(100000)]
    return log
