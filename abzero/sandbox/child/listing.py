"""A program as a benchmark runs it: one process, an entry point, a list of inputs in turn; or standard input to output.

Standard library only. State persists from input to input. Each value is sent at once, as `values` writes it. The child
sends values; whether they are right is decided by the parent alone, which alone knows what is expected.
"""

import builtins
import gc
import io
import marshal
import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from abzero.sandbox.child import values, wire
from abzero.sandbox.child.stdin import Stdin

_DESCRIPTOR = 3
_OUTPUT = 64 << 20
_SOLUTION = "Solution."
_STARRED = (
    "string re datetime collections heapq bisect copy math random statistics itertools functools operator io sys json"
    " builtins typing"
)
_HEADER = "\n".join(f"from {name} import *" for name in _STARRED.split())
_HEADER += "\nimport " + ", ".join(name for name in _STARRED.split() if name not in ("datetime", "copy"))
"""What LiveCodeBench's programs find imported."""


def run(request: bytes, write: Callable[..., None]) -> None:
    """Do what `request` says. Everything may happen here, an end without a report included."""
    frames = wire.frames(request)
    _, program = next(frames)
    tag, rest = next(frames)
    send = _sender()
    send(wire.LOCKED, b"")
    gc.enable()
    if tag == wire.STDIN:
        _run_program(program, rest, send)
    else:
        _run_list(program, rest.decode(), [body for _, body in frames], send)


def _sender() -> Callable[[bytes, bytes], None]:
    put, pack, length = os.write, wire.FRAME.pack, len

    def send(tag: bytes, body: bytes) -> None:
        data = memoryview(pack(tag, length(body)) + body)
        while data:
            data = data[put(_DESCRIPTOR, data) :]

    return send


def _run_list(program: bytes, entry: str, inputs: list[bytes], send: Callable[[bytes, bytes], None]) -> None:
    execute, load, name_of, encode, base = exec, marshal.loads, values.name_of, values.encoded, BaseException
    prepared, valued, raised, memory, exited = wire.PREPARED, wire.VALUE, wire.RAISED, wire.MEMORY, wire.EXITED
    full, leaving = MemoryError, SystemExit
    module = sys.modules["solution"] = ModuleType("solution")
    sys.modules["__main__"] = ModuleType("__main__")
    namespace = vars(module)
    namespace["__builtins__"] = builtins
    sys.setrecursionlimit(1_000)
    if entry.startswith(_SOLUTION):
        sys.setrecursionlimit(50_000)
        execute(_HEADER, namespace)
    try:
        execute(compile(program, "<program>", "exec", dont_inherit=True), namespace)
        function = _entry(namespace, entry)
        send(prepared, b"")
        for blob in inputs:
            send(valued, encode(function(*load(blob))))
    except base as error:
        kind = type(error)
        send(
            memory if kind is full else exited if kind is leaving else raised, name_of(kind).encode("utf-8", "replace")
        )


def _entry(namespace: dict[str, Any], entry: str) -> Callable[..., object]:
    """The function called `entry`; ``Solution.name`` is that method, or a function of that name where no class is."""
    name = entry.removeprefix(_SOLUTION)
    if name != entry and "Solution" in namespace:
        return getattr(namespace["Solution"](), name)  # type: ignore[no-any-return]
    return namespace[name]  # type: ignore[no-any-return]


def _run_program(program: bytes, stdin: bytes, send: Callable[[bytes, bytes], None]) -> None:
    execute, name_of, base, leaving, full = exec, values.name_of, BaseException, SystemExit, MemoryError
    valued, raised, memory, most = wire.VALUE, wire.RAISED, wire.MEMORY, _OUTPUT
    written = io.BytesIO()
    out = io.TextIOWrapper(written, "utf-8", errors="replace", newline="\n", write_through=True)
    value_of, flush = written.getvalue, out.flush
    sys.stdin, sys.stdout = Stdin(stdin), out
    sys.__stdin__, sys.__stdout__ = sys.stdin, out  # type: ignore[misc,assignment]

    def leave(code: object = None) -> None:
        raise leaving(code)

    vars(builtins).update(exit=leave, quit=leave)
    sys.setrecursionlimit(50_000)
    module = sys.modules["__main__"] = ModuleType("__main__")
    namespace = vars(module)
    namespace["__builtins__"] = builtins
    execute(_HEADER, namespace)
    try:
        execute(compile(program, "<program>", "exec", dont_inherit=True), namespace)
    except leaving:
        pass
    except base as error:
        kind = type(error)
        send(memory if kind is full else raised, name_of(kind).encode("utf-8", "replace"))
        return
    flush()
    send(valued, value_of()[: most + 1])
