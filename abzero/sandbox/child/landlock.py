"""Landlock: no file, no TCP port, no abstract socket and no signal beyond this process. Standard library only."""

import ctypes

from abzero.sandbox.child import syscalls

_CREATE, _RESTRICT = 444, 446
_VERSION_FLAG = 1
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many file-system rights each ABI knows, as bits from the lowest; later ABIs know what 5 does."""


def restrict() -> int:
    """Give up every right that this kernel's Landlock knows, with no exception, for good. Returns the ABI's number."""
    abi = syscalls.syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG))
    files = (1 << _FILE_RIGHTS[min(abi, 5)]) - 1
    ports = 0b11 if abi >= 4 else 0
    scopes = 0b11 if abi >= 6 else 0
    attributes = (ctypes.c_uint64 * 3)(files, ports, scopes)
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    ruleset = syscalls.syscall(_CREATE, ctypes.byref(attributes), ctypes.c_size_t(size), ctypes.c_uint32(0))
    syscalls.syscall(_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    syscalls.libc.close(ctypes.c_int(ruleset))
    return abi
