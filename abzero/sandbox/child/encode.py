"""The canonical text of a value, written inside a child. Standard library only, and nothing of ours.

The same text as `abzero.python.literals.canonical`, which this must not import. Only exact builtin types count, and
only their own methods run: no method of the program's takes part. Every name is bound before the program runs, so that
patching ``repr`` changes nothing here.
"""

from collections.abc import Callable
from typing import Any, NoReturn


class Unfit(BaseException):
    """`tag` says why a value has no text: N, no literal (then `name` is the type); X, too large."""

    def __init__(self, tag: bytes, name: str) -> None:
        self.tag = tag
        self.name = name


def _complex_text(value: complex) -> str:
    """A literal of `value`, with the signs of its zeros as far as a literal can have them, which needs a sum or not."""
    real, imag = value.real, value.imag
    if real == 0.0 and float.__repr__(real) == "-0.0":
        if float.__repr__(imag)[0] == "-":
            return f"-{complex.__repr__(complex(0.0, -imag))}"
        if imag == 0.0:
            return "(-0.0-0j)"
    if real == 0.0 and imag < 0.0:
        return f"(0{complex.__repr__(complex(0.0, imag))})"
    return complex.__repr__(complex(real + 0.0, imag + 0.0))


def encoder(max_characters: int, max_depth: int, max_nodes: int) -> Callable[[object], str]:
    """A function that gives a value's canonical text, or raises `Unfit`."""
    kind, length, ordered, infinity, join = type, len, sorted, float("inf"), str.join
    name_of = type.__dict__["__name__"].__get__
    int_text, float_text, complex_text = int.__repr__, float.__repr__, _complex_text
    str_text, bytes_text, encode = str.__repr__, bytes.__repr__, str.encode
    size_of = int.bit_length
    Int, Float, Complex, Str, Bytes, List, Tuple, Dict, Set = int, float, complex, str, bytes, list, tuple, dict, set
    items_of, Encoding, Digits, unfit = dict.items, UnicodeEncodeError, ValueError, Unfit
    largest = (10**4300).bit_length()
    nodes = left = 0

    def no_literal(value: object) -> NoReturn:
        raise unfit(b"N", name_of(kind(value)))

    def atom(value: Any) -> str:
        t = kind(value)
        if value is None or value is True or value is False:
            return "None" if value is None else "True" if value is True else "False"
        if t is Int:
            if size_of(value) > largest:
                raise unfit(b"X", "an integer of more than 4,300 digits")
            try:
                return int_text(value)
            except Digits:
                raise unfit(b"X", "an integer of more than 4,300 digits") from None
        if t is Float:
            if value != value or value == infinity or value == -infinity:
                no_literal(value)
            return float_text(value)
        if t is Complex:
            for part in (value.real, value.imag):
                if part != part or part == infinity or part == -infinity:
                    no_literal(value)
            return complex_text(value)
        if t is Str or t is Bytes:
            if length(value) > max_characters:
                raise unfit(b"X", f"a value of more than {max_characters} characters")
            if t is Bytes:
                return bytes_text(value)
            try:
                encode(value)
            except Encoding:
                no_literal(value)
            return str_text(value)
        no_literal(value)

    def text(value: Any, depth: int) -> str:
        nonlocal nodes, left
        nodes += 1
        if nodes > max_nodes:
            raise unfit(b"X", f"a value of more than {max_nodes} parts")
        t = kind(value)
        if t is not List and t is not Tuple and t is not Dict and t is not Set:
            written = atom(value)
            left -= length(written) + 2
            if left < 0:
                raise unfit(b"X", f"a value of more than {max_characters} characters")
            return written
        if depth >= max_depth:
            raise unfit(b"X", f"a value nested more than {max_depth} deep")
        left -= 4
        depth += 1
        if t is Dict:
            pairs = [f"{text(key, depth)}: {text(item, depth)}" for key, item in items_of(value)]
            return f"{{{join(', ', pairs)}}}"
        parts = [text(item, depth) for item in value]
        if t is List:
            return f"[{join(', ', parts)}]"
        if t is Tuple:
            return f"({parts[0]},)" if length(parts) == 1 else f"({join(', ', parts)})"
        return f"{{{join(', ', ordered(parts))}}}" if parts else "set()"

    def canonical(value: object) -> str:
        nonlocal nodes, left
        nodes, left = 0, 2 * max_characters
        written = text(value, 0)
        if length(written) > max_characters:
            raise unfit(b"X", f"a value of more than {max_characters} characters")
        return written

    return canonical
