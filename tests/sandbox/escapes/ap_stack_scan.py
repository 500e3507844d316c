
import sys, gc

def f(x):
    frame = sys._getframe()
    while frame:
        for value in [*frame.f_locals.values(), *frame.f_globals.values()]:
            if "S3CR3T" in repr(value):
                return repr(value)[repr(value).index("S3CR3T"):][:13]
        frame = frame.f_back
    for o in gc.get_objects():
        if isinstance(o, (list, tuple, dict)) and "S3CR3T" in repr(o):
            return repr(o)[repr(o).index("S3CR3T"):][:13]
