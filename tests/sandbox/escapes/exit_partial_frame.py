import os

def f(x):
    os.write(3, b"V\xff\xff\xff\xff" + b"1" * 100)
    os._exit(0)
