import decimal

def f(x):
    was = decimal.getcontext().prec
    decimal.getcontext().prec = 3
    return was
