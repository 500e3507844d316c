"""What a child says of values: equal ones have one digest, whichever way it was come by; others have others."""

import enum
import random

import pytest

from abzero.sandbox.child.values import encoded


class Level(enum.IntEnum):
    ONE = 1


class Text(str):
    pass


def digest(value):
    return encoded(value)[:64].strip()


NAN = float("nan")
NUMBERS = [0, 1, 2, -1, 1 << 53, (1 << 53) + 1, 1 << 63, 10**400, 1.5, -0.0, 1e300, float("inf"), 1j]


def disguised(rng, value):
    """A value that is equal to `value`, of other types."""
    if isinstance(value, list | tuple):
        return type(value)(disguised(rng, one) for one in value)
    if isinstance(value, dict):
        return {disguised(rng, key): disguised(rng, one) for key, one in reversed(value.items())}
    if isinstance(value, str):
        return Text(value)
    others = [complex(value)] if abs(value) < 1 << 53 else []
    others += [float(value)] if abs(value) < 1 << 53 and not isinstance(value, complex) else []
    return rng.choice([value, *others, *([True, Level.ONE] if value == 1 else [])])


def made(rng, depth):
    kind = rng.choice(["number", "text", "list", "tuple", "numbers", "dict"][: 6 if depth else 2])
    if kind == "number":
        return rng.choice(NUMBERS)
    if kind == "text":
        return rng.choice(["", "1", "a"])
    if kind == "numbers":
        return [rng.choice(NUMBERS[: rng.choice([3, 6, 12])]) for _ in range(rng.randrange(6))]
    if kind == "dict":
        return {made(rng, 0): made(rng, depth - 1) for _ in range(rng.randrange(3))}
    return (list if kind == "list" else tuple)(made(rng, depth - 1) for _ in range(rng.randrange(4)))


def test_equal_values_have_one_digest_and_unequal_ones_have_others():
    rng = random.Random(0)
    values = [made(rng, 3) for _ in range(600)]
    known = {}
    for value in values:
        other = disguised(rng, value)
        assert value == other
        assert digest(value) == digest(other) != b"", (value, other)
        known.setdefault(digest(value), value)
        assert known[digest(value)] == value
    for value in values:
        [same] = [found for found, one in known.items() if one == value]
        assert same == digest(value)


@pytest.mark.parametrize("value", [NAN, [1, NAN], [NAN, 1.0], ([1, NAN],), object()])
def test_what_equals_nothing_has_no_digest(value):
    assert digest(value) == b""


@pytest.mark.parametrize("many", [[0] * 5_000, [[1, 2]] * 5_000, ["a"] * 5_000, [1.5, 2] * 2_500])
def test_long_lists_are_told_apart_to_their_last_item(many):
    assert digest(many) == digest([*many]) != digest([*many[:-1], many[0] * 2 or 1])


def test_a_list_that_holds_itself_has_an_end():
    value = [1]
    value.append(value)
    assert digest(value) == b""
    shared = [[0] * 1_000] * 200
    assert digest([shared]) != digest([shared[1:]])
