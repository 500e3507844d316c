"""A value as a benchmark's child sends it, in two forms: the SHA-256 of a text in which equal values are equal
(``1 == 1.0 == True``), and, where it is short, JSON of the value itself. Standard library only.
"""

import itertools
import json
import math
from array import array
from collections.abc import Iterable, Iterator
from typing import Any, cast

_TEXT = 1 << 18
"""Characters of JSON up to which a value is sent as such."""
_NODES, _DEPTH, _ITEMS = 20_000, 60, 100_000
_BITS = 1_000
"""An integer of more is written in hex, since decimal takes quadratic time."""
_CHUNK = 4_096
_EXACT = 1 << 53
"""Up to here a double holds each whole number."""

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


class _Unequal(BaseException):
    """A part of a value that equals nothing: an object, nan."""


name_of = type.__dict__["__name__"].__get__


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
        if depth == 1 and (packed := _packed(chunk)) is not None:
            yield packed
            count += len(chunk)
            continue
        if _plain(chunk):
            yield (", " if count else "") + repr(chunk)[1:-1]
            count += len(chunk)
            continue
        if set(map(type, chunk)) <= {int, float}:
            yield (", " if count else "") + _reals(chunk)
            count += len(chunk)
            continue
        for one in chunk:
            if count:
                yield ", "
            count += 1
            yield from _unified(one, depth)
    if kind is tuple and count == 1:
        yield ","


def _packed(chunk: list[Any]) -> str | None:
    """Numbers that doubles are exact for, as these, if all items are; long lists are hashed ten times as fast so."""
    kinds = set(map(type, chunk))
    if not kinds <= {int, float}:
        if not set(map(_base, chunk)) <= {bool, int, float, complex}:
            return None
        chunk = [_exact(one) for one in chunk]
        if complex in map(type, chunk):
            return None
    if not (max(chunk) <= _EXACT and min(chunk) >= -_EXACT):
        return None
    doubles = array("d", [one + 0.0 for one in chunk])  # -0.0 becomes 0.0
    if math.isnan(sum(doubles)):
        raise _Unequal
    return f"#{doubles.tobytes().decode('latin-1')}"


def _exact(value: Any) -> int | float | complex:
    """A number of whatever class as one of the built-in types, real if it can be."""
    if isinstance(value, complex):
        real, imaginary = complex.real.__get__(value), complex.imag.__get__(value)
        return complex(real, imaginary) if imaginary else real
    return float.__add__(value, 0.0) if isinstance(value, float) else int.__add__(value, 0)


def _plain(chunk: list[Any], depth: int = 0) -> bool:
    """Whether ``repr`` writes these items as `_unified` does."""
    kinds = set(map(type, chunk))
    if kinds <= {list, tuple}:
        small = depth < _DEPTH and sum(map(len, chunk)) <= _ITEMS
        return not kinds or (small and _plain(list(itertools.chain.from_iterable(chunk)), depth + 1))
    return kinds == {str} or (kinds == {int} and _short(chunk))


def _short(chunk: list[Any]) -> bool:
    """Whether all numbers of `chunk` fit in 64 bits; nan may be among them."""
    return bool(max(chunk) < 1 << 63 and min(chunk) > -(1 << 63))


def _reals(chunk: list[Any]) -> str:
    """What `_real` makes of each, joined."""
    whole = [int(one) if type(one) is float and one.is_integer() else one for one in chunk]
    text = repr(whole)[1:-1] if _short(whole) else ", ".join(map(_real, chunk))
    if "nan" in text:
        raise _Unequal
    return text


def _number(value: Any) -> str:
    exact = _exact(value)
    return f"{_real(exact.real)}+{_real(exact.imag)}j" if isinstance(exact, complex) else _real(exact)


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
            return {"o": name_of(type(value))}
        items, letter = itertools.islice(value, _ITEMS), "i"
    else:
        items, letter = kind.__iter__(value), "l" if kind is list else "t" if kind is tuple else "s"  # type: ignore[attr-defined]
    return {letter: [_typed(item, count, depth + 1) for item in items]}
