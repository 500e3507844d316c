"""When a returned value counts as the expected one: Python's equality, tolerance where floats are expected, and the
rules that EvalPlus makes for single functions.
"""

import json
import math
from collections.abc import Callable, Sequence

from abzero.sandbox.listing import ReturnedValue

RELATIVE, ABSOLUTE = 1e-7, 1e-6

ToleranceRule = Callable[[object, object, Sequence[object], float], bool | None]
"""Judges (returned, expected, arguments, atol), as `_read` gives them; ``None`` leaves it to the usual comparison."""


class Unread:
    """Stands for a value that no JSON denotes: an object, or one too long to be sent."""

    def __init__(self, kind: str = "") -> None:
        self.kind = kind


class Lazy(list[object]):
    """The items of an iterator."""


def equal(
    value: ReturnedValue, expected: ReturnedValue, atol: float, rule: ToleranceRule | None, arguments: Sequence[object]
) -> bool:
    """Whether `value` counts as `expected`."""
    if rule is None and value.digest and value.digest == expected.digest:
        return True
    returned, wanted = read(value.text), read(expected.text)
    if rule is not None:
        decided = rule(returned, wanted, arguments, atol)
        if decided is not None:
            return decided
        if value.digest and value.digest == expected.digest:
            return True
    if isinstance(wanted, Unread) or isinstance(returned, Unread):
        return False
    if atol == 0 and _floats(wanted):
        atol = ABSOLUTE
    return atol != 0 and type(returned) is type(wanted) and _close(returned, wanted, atol)


def read(text: str) -> object:
    """The value that a child wrote as JSON. Total: whatever is none of that is `Unread`."""
    try:
        return _plain(json.loads(text))
    except (ValueError, RecursionError, TypeError):
        return Unread()


def _plain(value: object) -> object:
    if isinstance(value, list):
        raise ValueError("a bare list")
    if not isinstance(value, dict):
        return value
    [(kind, content)] = value.items()
    match kind:
        case "h":
            return int(content, 16)
        case "c":
            return complex(*content)
        case "b":
            return bytes.fromhex(content)
        case "d":
            return {_plain(key): _plain(item) for key, item in content}
        case "o":
            return Unread(content)
    items = [_plain(item) for item in content]
    match kind:
        case "l":
            return items
        case "t":
            return tuple(items)
        case "i":
            return Lazy(items)
        case "s":
            return set(items)
    raise ValueError("no such kind")


def _floats(value: object) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and all(isinstance(one, float) for one in value)
    return isinstance(value, float)


def _close(value: object, expected: object, atol: float) -> bool:
    if isinstance(expected, list | tuple):
        if not isinstance(value, list | tuple) or len(value) != len(expected):
            return False
        return all(_close(one, other, atol) for one, other in zip(value, expected, strict=True))
    if not isinstance(value, int | float | complex) or not isinstance(expected, int | float | complex):
        return False
    try:
        if value == expected:
            return True
        gap, size = abs(value - expected), abs(expected)
        return math.isfinite(size) and gap <= atol + RELATIVE * size
    except OverflowError:
        return False


def rule(suite: str, entry: str) -> ToleranceRule | None:
    """EvalPlus's own rule for a function, if it has one."""
    return (_HUMANEVAL if suite == "humaneval+" else _MBPP).get(entry)


def _root(returned: object, expected: object, arguments: Sequence[object], atol: float) -> bool:
    """A zero of the polynomial whose coefficients were given, whichever."""
    coefficients = arguments[0]
    if not isinstance(returned, int | float) or not isinstance(coefficients, list):
        return False
    try:
        return bool(abs(sum(c * math.pow(returned, i) for i, c in enumerate(coefficients))) <= atol)
    except (OverflowError, ValueError):
        return False


def _as_sets(returned: object, expected: object, arguments: Sequence[object], atol: float) -> bool | None:
    try:
        return set(returned) == set(expected)  # type: ignore[call-overload,no-any-return]
    except TypeError:
        return False


def _matches(returned: object, expected: object, arguments: Sequence[object], atol: float) -> bool | None:
    """A bool is compared; of all else it matters only whether it is something."""
    if isinstance(returned, bool):
        wanted = expected if isinstance(expected, bool) else expected is not None
        return returned == wanted
    wanted = expected if isinstance(expected, bool) else expected is not None
    return (returned is not None) == wanted


def _zero_too(returned: object, expected: object, arguments: Sequence[object], atol: float) -> bool | None:
    return True if isinstance(returned, int | float) and returned == 0 else None


def _surface(returned: object, expected: object, arguments: Sequence[object], atol: float) -> bool | None:
    """Of a square pyramid, the height may be the upright one, too."""
    side, height = (float(str(one)) for one in arguments)
    upright = round(side**2 + 2 * side * math.sqrt((side / 2) ** 2 + height**2))
    return True if isinstance(returned, int | float) and returned == upright else None


def _digits(returned: object, expected: object, arguments: Sequence[object], atol: float) -> bool | None:
    left, right = (str(one) for one in arguments)
    width = max(len(left), len(right))
    pairs = zip(left.zfill(width), right.zfill(width), strict=True)
    try:
        distance = sum(abs(int(a) - int(b)) for a, b in pairs)
    except ValueError:
        return None
    return True if isinstance(returned, int | float) and returned == distance else None


def _anything(returned: object, expected: object, arguments: Sequence[object], atol: float) -> bool | None:
    return True


_SETS = (
    "similar_elements find_char_long common_in_nested_lists extract_singly larg_nnum intersection_array"
    " find_dissimilar Diff"
)
_MBPP: dict[str, ToleranceRule] = {
    "are_equivalent": _anything,
    "sum_div": _zero_too,
    "surface_Area": _surface,
    "digit_distance_nums": _digits,
    **dict.fromkeys(_SETS.split(), _as_sets),
    **dict.fromkeys(["check_str", "text_match_three", "text_starta_endb"], _matches),
}
_HUMANEVAL: dict[str, ToleranceRule] = {"find_zero": _root}
