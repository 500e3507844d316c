"""Takes the clock away. Standard library only.

The kernel answers clock questions in user space, through code that it maps into every process (the vDSO), where no
filter sees them. Here that code is overwritten, in this process and so in its children, by real system calls, which the
children's filter refuses. The interpreter's locks read the clock too, and put up with the refusal.
"""

import ctypes
import os
import platform
import struct

from abzero.sandbox.child import syscalls

_PROT_READ, _PROT_WRITE, _PROT_EXEC = 1, 2, 4
_X86_64 = {
    "__vdso_clock_gettime": 228, "__vdso_gettimeofday": 96, "__vdso_time": 201, "__vdso_clock_getres": 229,
    "__vdso_getcpu": 309,
}  # fmt: skip
_AARCH64 = {"__kernel_clock_gettime": 113, "__kernel_gettimeofday": 169, "__kernel_clock_getres": 114}


def hide() -> None:
    """Turn clock reads into system calls, and where the processor can, make its counter fault. Raises `OSError`."""
    symbols = {"x86_64": _X86_64, "aarch64": _AARCH64}[platform.machine()]
    image = ctypes.CDLL("linux-vdso.so.1", mode=os.RTLD_LAZY | os.RTLD_NOLOAD)
    start, end = _mapping()
    _protect(start, end, _PROT_READ | _PROT_WRITE)  # never both; the kernel syncs the caches when it is code again
    for name, number in symbols.items():
        if (function := getattr(image, name, None)) is not None:
            address, code = ctypes.cast(function, ctypes.c_void_p).value or 0, _system_call(number)
            if not start <= address <= end - len(code):
                raise OSError(f"{name} is not in the vDSO")
            ctypes.memmove(address, code, len(code))
    _protect(start, end, _PROT_READ | _PROT_EXEC)
    if platform.machine() == "x86_64":
        syscalls.prctl(syscalls.PR_SET_TSC, syscalls.PR_TSC_SIGSEGV)


def _system_call(number: int) -> bytes:
    """A function that passes its arguments on to system call `number`."""
    if platform.machine() == "x86_64":
        return b"\xb8" + struct.pack("<I", number) + b"\x0f\x05\xc3"  # mov eax, number; syscall; ret
    return struct.pack("<III", 0xD2800008 | number << 5, 0xD4000001, 0xD65F03C0)  # mov x8, number; svc 0; ret


def _mapping() -> tuple[int, int]:
    """First address of the vDSO and first after it. The kernel changes its protection as a whole only."""
    with open("/proc/self/maps") as file:
        for line in file:
            if line.rstrip().endswith("[vdso]"):
                start, end = line.split()[0].split("-")
                return int(start, 16), int(end, 16)
    raise OSError("this process has no vDSO")


def _protect(start: int, end: int, protection: int) -> None:
    if syscalls.libc.mprotect(ctypes.c_void_p(start), ctypes.c_size_t(end - start), protection) != 0:
        raise syscalls.failure("mprotect of the vDSO")
