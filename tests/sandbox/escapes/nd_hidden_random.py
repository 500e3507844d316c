import statistics

def f(x):
    return statistics.random.random()
