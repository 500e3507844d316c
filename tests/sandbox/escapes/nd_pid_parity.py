import os

def f(x):
    return os.getpid() > 0, os.getuid() >= 0
