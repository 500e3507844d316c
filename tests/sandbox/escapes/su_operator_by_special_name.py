import operator
def f(x):
    return [operator.__add__(x, 2), operator.__eq__(x, 2), operator.__neg__(x)]
