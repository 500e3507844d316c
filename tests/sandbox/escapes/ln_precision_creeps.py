from decimal import getcontext
def f(x):
    getcontext().prec += 1
    return getcontext().prec
