def f(x):
    return "a" + chr(0xDC80)
