import pytest
from hypothesis import given

from abzero.python import literals
from abzero.sandbox.child.encode import Unfit, encoder
from tests.python.test_literals import VALUES

ENCODE = encoder(max_characters=1000, max_depth=8, max_nodes=100)


def unfit(value) -> tuple[bytes, str]:
    with pytest.raises(Unfit) as caught:
        ENCODE(value)
    return caught.value.tag, caught.value.name


@given(VALUES)
def test_a_child_writes_what_the_parent_would(value):
    assert encoder(10**6, 64, 10**5)(value) == literals.canonical(value)


class Liar(int):
    @property
    def __class__(self):
        raise SystemExit

    def __repr__(self):
        raise SystemExit

    __eq__ = __hash__ = __str__ = __repr__


def test_only_exact_builtin_types_have_a_text():
    for value, name in (
        (Liar(1), "Liar"),
        ([1, (Liar(1),)], "Liar"),
        (bytearray(b"a"), "bytearray"),
        (frozenset(), "frozenset"),
        (..., "ellipsis"),
        (range(2), "range"),
        (type("D", (dict,), {})(), "D"),
        (float("nan"), "float"),
        ([-float("inf")], "float"),
        (complex(0, float("inf")), "complex"),
        ("\ud800", "str"),
        ({"a": {1: print}}, "builtin_function_or_method"),
    ):
        assert unfit(value) == (b"N", name)


def test_what_is_too_large_is_refused():
    cycle: list[object] = []
    cycle.append(cycle)
    shared: list[object] = [1]
    for _ in range(7):
        shared = [shared, shared]
    for value in (cycle, shared, "a" * 1001, ["ab"] * 300, 10**5000, 1 << 40_000, {"a" * 600: "a" * 600}):
        tag, _ = unfit(value)
        assert tag == b"X"


def test_no_method_of_the_values_own_is_called():
    calls = []

    class Spy:
        def __getattribute__(self, name):
            calls.append(name)
            raise AttributeError(name)

    assert unfit([1, Spy()]) == (b"N", "Spy")
    assert calls == []
