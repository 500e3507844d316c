import random

def f(x):
    return random.getrandbits(1)
