from collections.abc import Sequence

class Mine:
    pass

def f(x):
    seen = isinstance(Mine(), Sequence)
    Sequence.register(Mine)
    return seen
