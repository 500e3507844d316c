import threading

def f(x):
    return threading.get_ident()
