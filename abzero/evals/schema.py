"""What the fields of a benchmark's row must hold, so that a damaged row is refused by name before anything is asked."""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from abzero.errors import ConfigError
from abzero.evals.normal_form import number


@dataclass(frozen=True, slots=True)
class Field:
    """What one field must hold."""

    wanted: str
    """In words."""
    holds: Callable[[object], bool]
    required: bool = True


Fields = Mapping[str, Field]

MAX_PARTS = 5_000_000
"""Commas and opening brackets of a text in JSON: what bounds the memory that its values take, by 70 bytes for each."""
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_LARGEST = 1 << 63
_IDENTIFIER = re.compile(r"[^\W\d]\w{0,200}")
_NUMBERED = re.compile(r"\w+/[0-9]{1,9}", re.ASCII)
_TYPES = {
    str: "text",
    int: "a whole number",
    float: "a number",
    list: "a list",
    bool: "true or false",
    dict: "an object",
}


def _text(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(value.encode() or True)
    except UnicodeEncodeError:  # half of a character: no tokenizer and no program takes it
        return False


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST


def _finite(value: object) -> bool:
    return _whole(value) or (isinstance(value, float) and math.isfinite(value))


def _some(value: object) -> bool:
    return _text(value) and str(value).strip() != ""


def _spelled(form: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and form.fullmatch(value) is not None


def _lists(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, list) for one in value)


def allowance(value: object) -> Fraction | None:
    """The absolute tolerance that a field gives; ``None`` where it says none, below 0 where it is not one."""
    if value is None or value == "":
        return None
    found = number(str(value)) if _finite(value) or (_text(value) and len(str(value)) < 100) else None
    return found[0] if found else Fraction(-1)


ANY_TEXT = Field("text, or '',", _text)
TEXT = Field("text", _some)
WHOLE = Field("a whole number", _whole)
NUMBER = Field("a finite number", _finite)
KEY = Field("text or a whole number", lambda value: _some(value) or _whole(value))
ANSWER = Field("text or a finite number", lambda value: _some(value) or _finite(value))
NUMBERED = Field(
    "a name with a number, such as 'HumanEval/7',", lambda value: _text(value) and bool(_NUMBERED.fullmatch(str(value)))
)
FUNCTION = Field("the name of a function", lambda value: _text(value) and bool(_IDENTIFIER.fullmatch(str(value))))
LISTS = Field("a list of lists of arguments", _lists)
ONE_TEXT = Field("a list of one text", lambda value: isinstance(value, list) and len(value) == 1 and _some(value[0]))
TOLERANCE = Field("a finite number from 0", lambda value: _finite(value) and float(str(value)) >= 0)
ALLOWANCE = Field("a number from 0, or null,", lambda value: (allowance(value) or 0) >= 0, required=False)


def check(row: Mapping[str, object], fields: Fields, place: str) -> None:
    """Raise `ConfigError` for the first field of `row` that does not hold what it must."""
    for name, field in fields.items():
        if name not in row and field.required:
            raise ConfigError(
                f"{place}: no field '{name}'; is this the suite's file? (known fields: {', '.join(fields)})"
            )
        if name in row and not field.holds(row[name]):
            raise ConfigError(
                f"{place}, field '{name}': {field.wanted} is wanted, not {shown(row[name])}; get it again"
            )


def shown(value: object) -> str:
    """A value of JSON in a few words, however large it is."""
    match value:
        case None:
            return "null"
        case bool() | float():
            return json.dumps(value)
        case str():
            return ascii(value[:60]) + "…" * (len(value) > 60)
        case int():
            return str(value) if _whole(value) else "a number that large"
        case list():
            return f"a list of {len(value)}"
        case _:
            return kind(value)


def crowded(text: str) -> bool:
    """Whether JSON holds more than `MAX_PARTS` values: some bytes of it each would be a hundred once they are read."""
    return _parts(text) > MAX_PARTS and _parts(_STRING.sub("", text)) > MAX_PARTS


def _parts(text: str) -> int:
    return 0 if len(text) <= MAX_PARTS else sum(map(text.count, ",[{"))


def kind(value: object) -> str:
    """The type of a value of JSON, in words."""
    return _TYPES.get(type(value), "null")
