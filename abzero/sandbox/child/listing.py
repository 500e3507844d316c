"""A program as a benchmark runs it: one process, an entry point, a list of inputs in turn; or standard input to output.

Standard library only. State persists from input to input. Each value is sent at once, in two forms: the SHA-256 of a
text in which equal values are equal (``1 == 1.0 == True``), and, where it is short, JSON of the value itself. The child
sends values; whether they are right is decided by the parent alone, which alone knows what is expected.
"""

import builtins
import gc
import io
import itertools
import json
import marshal
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any, cast

from abzero.sandbox.child import wire
from abzero.sandbox.child.stdin import Stdin

_DESCRIPTOR = 3
_TEXT = 1 << 18
"""Characters of JSON up to which a value is sent as such."""
_NODES, _DEPTH, _ITEMS = 20_000, 60, 100_000
_OUTPUT = 64 << 20
_BITS = 1_000
"""An integer of more is written in hex, since decimal takes quadratic time."""
_CHUNK = 4_096

try:
    from _sha2 import sha256  # type: ignore[import-not-found,unused-ignore]
except ImportError:
    from _sha256 import sha256  # type: ignore[import-not-found,unused-ignore]

_BASES = (bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset)
_LAZY: tuple[type, ...] = tuple(
    map(
        type,
        (iter(()), iter([]), map(str, ""), filter(None, ""), zip(), range(0), {}.keys(), {}.values(), (_ for _ in ())),
    )
)


_SOLUTION = "Solution."
_STARRED = (
    "string re datetime collections heapq bisect copy math random statistics itertools functools operator io sys json"
    " builtins typing"
)
_HEADER = "\n".join(f"from {name} import *" for name in _STARRED.split())
_HEADER += "\nimport " + ", ".join(name for name in _STARRED.split() if name not in ("datetime", "copy"))
"""What LiveCodeBench's programs find imported."""


class _Unequal(BaseException):
    """A part of a value that equals nothing: an object, nan."""


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
    execute, load, name_of, encode, base = exec, marshal.loads, _name_of, encoded, BaseException
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
    execute, name_of, base, leaving, full = exec, _name_of, BaseException, SystemExit, MemoryError
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


_name_of = type.__dict__["__name__"].__get__


def encoded(value: object) -> bytes:
    """The digest of `value`, 64 characters of hex, or blanks where it equals nothing; then its JSON, or nothing."""
    digest = sha256()
    try:
        for part in _unified(value, 0):
            digest.update(part.encode("utf-8", "surrogatepass"))
        found = digest.hexdigest().encode()
    except (_Unequal, RecursionError):
        found = b" " * 64
    try:
        text = json.dumps(_typed(value, itertools.count(), 0)).encode()
    except (OverflowError, RecursionError, ValueError):
        text = b""
    return bytes(found) + (text if len(text) <= _TEXT else b"")


def _base(value: object) -> type | None:
    """The built-in type that `value` is one of; whatever its class says of itself."""
    for kind in type.__dict__["__mro__"].__get__(type(value)):
        if kind in _BASES:
            return cast(type, kind)
    return None


def _unified(value: Any, depth: int) -> Iterator[str]:
    """Pieces of a text that two values share exactly if they are equal in Python. Raises `_Unequal`."""
    kind = _base(value)
    if value is None:
        yield "None"
    elif kind in (bool, int, float, complex):
        yield _number(value)
    elif kind is str:
        yield repr(str.__str__(value))
    elif kind in (bytes, bytearray):
        yield repr(bytes(value))
    elif depth > _DEPTH * 10 or kind is None:
        raise _Unequal
    elif kind in (list, tuple):
        yield "[" if kind is list else "("
        yield from _sequence(kind, value, depth + 1)
        yield "]" if kind is list else ")"
    elif kind is dict:
        pairs = [
            "".join([*_unified(key, depth + 1), ": ", *_unified(item, depth + 1)]) for key, item in dict.items(value)
        ]
        yield "{" + ", ".join(sorted(pairs)) + "}"
    else:
        items = set.__iter__(value) if kind is set else frozenset.__iter__(value)
        yield "set(" + ", ".join(sorted("".join(_unified(item, depth + 1)) for item in items)) + ")"


def _sequence(kind: type, value: Any, depth: int) -> Iterator[str]:
    """The items of a list or tuple, as ``repr`` joins them; chunks of plain ones at the interpreter's own speed."""
    items: Iterator[Any] = kind.__iter__(value)  # type: ignore[attr-defined]
    count = 0
    while chunk := list(itertools.islice(items, _CHUNK)):
        if _plain(chunk):
            yield (", " if count else "") + repr(chunk)[1:-1]
            count += len(chunk)
            continue
        if set(map(type, chunk)) <= {int, float}:
            yield (", " if count else "") + ", ".join(map(_real, chunk))
            count += len(chunk)
            continue
        for one in chunk:
            if count:
                yield ", "
            count += 1
            yield from _unified(one, depth)
    if kind is tuple and count == 1:
        yield ","


def _plain(chunk: list[Any]) -> bool:
    """Whether ``repr`` writes these items as `_unified` does."""
    kinds = set(map(type, chunk))
    if kinds == {tuple}:
        return set(map(type, itertools.chain.from_iterable(chunk))) <= {str}
    return kinds == {str} or (kinds == {int} and max(chunk) < 1 << 63 and min(chunk) > -(1 << 63))


def _number(value: Any) -> str:
    if isinstance(value, complex):
        real, imaginary = complex.real.__get__(value), complex.imag.__get__(value)
        return _real(real) if imaginary == 0 else f"{_real(real)}+{_real(imaginary)}j"
    return _real(float.__add__(value, 0.0) if isinstance(value, float) else int.__add__(value, 0))


def _real(value: int | float) -> str:
    """Equal numbers alike: a whole float as the integer that it is."""
    if type(value) is float:
        if value != value:
            raise _Unequal
        if value in (float("inf"), float("-inf")) or not value.is_integer():
            return float.__repr__(value)
        value = int(value)
    return int.__repr__(value) if int.bit_length(value) <= _BITS else hex(value)  # type: ignore[arg-type]


def _typed(value: Any, count: Iterator[int], depth: int) -> object:
    """`value` as JSON can carry it. Raises `OverflowError` where it has too many parts."""
    if next(count) > _NODES or depth > _DEPTH:
        raise OverflowError
    kind = _base(value)
    if value is None or kind is bool:
        return value
    if kind is int:
        number = int.__add__(value, 0)
        return number if int.bit_length(number) <= _BITS else {"h": hex(number)}
    if kind is float:
        return float.__add__(value, 0.0)
    if kind is complex:
        return {"c": [complex.real.__get__(value), complex.imag.__get__(value)]}
    if kind is str:
        if str.__len__(value) > _TEXT:
            raise OverflowError
        return str.__str__(value)
    if kind in (bytes, bytearray):
        return {"b": bytes(value[:_TEXT]).hex()}
    if kind is dict:
        return {
            "d": [[_typed(key, count, depth + 1), _typed(item, count, depth + 1)] for key, item in dict.items(value)]
        }
    items: Iterable[Any]
    if kind is None:
        if type(value) not in _LAZY:
            return {"o": _name_of(type(value))}
        items, letter = itertools.islice(value, _ITEMS), "i"
    else:
        items, letter = kind.__iter__(value), "l" if kind is list else "t" if kind is tuple else "s"  # type: ignore[attr-defined]
    return {letter: [_typed(item, count, depth + 1) for item in items]}
