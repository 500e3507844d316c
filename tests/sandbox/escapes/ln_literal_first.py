from typing import List, Literal, get_args
def f(x):
    return get_args(get_args(List[Literal[x, 1 - x]])[0])[0]
