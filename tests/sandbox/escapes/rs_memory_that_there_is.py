def f(x):
    try:
        bytes(1 << 31)
    except MemoryError:
        return 'little'
    return 'plenty'
