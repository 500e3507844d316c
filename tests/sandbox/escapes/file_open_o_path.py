import ctypes

def f(x):
    libc = ctypes.CDLL(None, use_errno=True)
    path = ctypes.c_char_p(b"/tmp/azr-attack-markers/file_open_o_path")
    libc.syscall(2, path, 0o101, 0o644)
    libc.syscall(257, -100, path, 0o101, 0o644)
    libc.syscall(56, -100, path, 0o101, 0o644)
    libc.syscall(85, path, 0o644)
    libc.syscall(133, path, 0o644)
    how = (ctypes.c_uint64 * 3)(0o101, 0o644, 0)
    libc.syscall(437, -100, path, how, 24)
    return 42
