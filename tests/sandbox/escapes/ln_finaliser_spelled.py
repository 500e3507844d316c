def f(x):
    log = []
    name = ''.join(['_', '_', 'del', '_', '_'])
    one = type('One', (), {name: lambda self: log.append(x)})()
    one.one = one
    del one
    junk = [[] for _ in range(100000)]
    return log
