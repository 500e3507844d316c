"""Values and texts in a few words, for the line that says why an answer is wrong. Bounded in time and length."""

import reprlib
from collections.abc import Sequence

from abzero.evals.tolerance import Unread, read
from abzero.sandbox.listing import ReturnedValue

_MOST = 120
_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxlong = _REPR.maxother = 60


def value(given: object) -> str:
    """`given` as Python writes it, its middle left out where it is long."""
    if isinstance(given, Unread):
        return f"an object ({given.kind})" if given.kind else "a value too long to keep"
    try:
        return text(_REPR.repr(given))
    except (ValueError, RecursionError):  # of an integer of more digits than Python writes
        return "a number too long to write"


def returned(given: ReturnedValue) -> str:
    """What a call returned."""
    return value(read(given.text))


def call(entry: str, arguments: Sequence[object]) -> str:
    return f"{entry}({text(', '.join(value(one) for one in arguments[:6]))})"


def text(given: str, most: int = _MOST) -> str:
    """`given`, its middle left out where it has more than `most` characters."""
    return given if len(given) <= most else f"{given[: most // 2]}…{given[-most // 2 + 1 :]}"
