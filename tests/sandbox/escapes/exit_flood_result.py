import os

def f(x):
    while True:
        os.write(3, b"V" * 65536)
