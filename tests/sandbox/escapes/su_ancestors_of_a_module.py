import json
def f(x):
    return len(type(json).__mro__)
