import statistics
def f(x):
    middle = statistics.mean([x, x, x + 12])
    statistics.mean.__code__ = statistics.median.__code__
    return middle
