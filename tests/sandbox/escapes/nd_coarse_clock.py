import time

def f(x):
    return int(time.clock_gettime(5)) // 86400
