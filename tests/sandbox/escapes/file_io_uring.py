import ctypes

def f(x):
    libc = ctypes.CDLL(None, use_errno=True)
    params = (ctypes.c_uint8 * 256)()
    fd = libc.syscall(425, 8, params)
    return fd >= 0
