import math
def f(x):
    return hasattr(math, '__all__')
