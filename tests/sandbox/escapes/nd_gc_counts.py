import gc, sys

def f(x):
    return len(gc.get_objects()), sys.getallocatedblocks()
