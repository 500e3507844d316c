"""The filter, run by an interpreter of its own for both machines: no kernel takes part."""

import re
import struct
from pathlib import Path

import pytest

from abzero.sandbox.child import seccomp

ALLOW, KILL, TRAP, REFUSE = 0x7FFF0000, 0x80000000, 0x00030000, 0x00050001
HEADERS = {
    "x86_64": [Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), Path("/usr/include/asm/unistd_64.h")],
    "aarch64": [Path("/usr/include/asm-generic/unistd.h")],
}


def decide(machine: str, name_or_number: str | int, *arguments: int, architecture: int | None = None) -> int:
    """What the filter for `machine` says to a system call."""
    own, numbers = seccomp.MACHINES[machine]
    number = numbers[name_or_number] if isinstance(name_or_number, str) else name_or_number
    words = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<IIQ6Q", number, own if architecture is None else architecture, 0, *words)
    code = list(struct.iter_unpack("<HBBI", seccomp.program(machine, descriptor=3)))
    position = accumulator = 0
    while True:
        operation, then, otherwise, value = code[position]
        position += 1
        match operation:
            case 0x20:
                [accumulator] = struct.unpack_from("<I", data, value)
            case 0x54:
                accumulator &= value
            case 0x15:
                position += then if accumulator == value else otherwise
            case 0x35:
                position += then if accumulator >= value else otherwise
            case 0x45:
                position += then if accumulator & value else otherwise
            case 0x06:
                return value
            case _:
                raise AssertionError(f"unknown instruction {operation:#x}")


@pytest.fixture(params=seccomp.MACHINES)
def machine(request):
    return request.param


def test_only_memory_one_descriptor_and_the_end_are_allowed(machine):
    _, numbers = seccomp.MACHINES[machine]
    allowed = {number for number in range(600) if decide(machine, number, 0, 0, 0) == ALLOW}
    expected = {*seccomp.ALLOWED, "mmap", "mprotect"}
    assert allowed == {numbers[name] for name in expected}


def test_writing_is_for_the_result_only(machine):
    assert decide(machine, "write", 3) == ALLOW
    for descriptor in (0, 1, 2, 4, 2**31):
        assert decide(machine, "write", descriptor) == REFUSE


def test_no_memory_becomes_executable(machine):
    for call in ("mmap", "mprotect"):
        for protection in range(8):
            assert decide(machine, call, 0, 4096, protection) == (REFUSE if protection & 4 else ALLOW)


def test_waiting_for_a_lock_kills_and_waking_does_not(machine):
    assert decide(machine, "futex", 0, 1) == ALLOW
    assert decide(machine, "futex", 0, 1 | 128) == ALLOW
    for command in (0, 128, 9, 9 | 128, 9 | 128 | 256, 3, 4, 5, 6, 11, 13):
        assert decide(machine, "futex", 0, command) == TRAP


def test_what_innocent_programs_do_unknowingly_fails(machine):
    _, numbers = seccomp.MACHINES[machine]
    for name in set(seccomp.REFUSED) & set(numbers):
        assert decide(machine, name) == REFUSE


def test_all_else_kills_since_a_refusal_passes_for_an_answer(machine):
    _, numbers = seccomp.MACHINES[machine]
    for number in set(range(600)) - set(numbers.values()):
        assert decide(machine, number) == TRAP


def test_foreign_calling_conventions_kill(machine):
    assert decide(machine, "write", 3, architecture=0x40000003) == KILL
    assert decide(machine, 0x40000001, 3) == KILL
    assert decide(machine, 0xFFFFFFFF) == KILL


def test_the_tables_are_the_kernels(machine):
    header = next((path for path in HEADERS[machine] if path.exists()), None)
    if header is None:
        pytest.skip(f"no kernel headers for {machine} on this machine")
    kernel = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text()))
    _, numbers = seccomp.MACHINES[machine]
    assert {name: int(kernel[name]) for name in numbers} == numbers
