import ctypes

def f(x):
    libc = ctypes.CDLL(None, use_errno=True)
    return [libc.syscall(n, p, 0, 0, 0, 0) >= 0 for n in (310, 311, 101, 438, 434, 312, 117) for p in (1, 2)]
