from math import *
from bisect import *
from string import *
from functools import *
def f(x):
    return [sqrt(x), reduce(lambda a, b: a * b, range(1, x + 1)), bisect_left([x], x), ascii_letters[:2]]
