import math
import types
def f(x):
    return [type(math) is types.ModuleType, isinstance(types, type(math)), math.pi > 3]
