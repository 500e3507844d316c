from enum import IntEnum

class E(IntEnum):
    A = 1

def f(x):
    return E.A
