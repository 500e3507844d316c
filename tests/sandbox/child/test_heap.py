"""Which of two new objects lies lower is never a value: some zygote lays out any two the other way round."""

import itertools
import random

import pytest

from abzero.sandbox.base import Call, Nondeterministic
from abzero.sandbox.child.heap import order_of_places

NEW = {
    "an object": "object()",
    "a list": "[]",
    "a list of one": "[x]",
    "a dictionary": "{}",
    "a dictionary of one": "{x: x}",
    "a tuple": "(x, x)",
    "a float": "x * 1.5",
    "a number": "x + 10**6",
    "a large number": "x ** 70",
    "a complex number": "x * 1j",
    "a function": "lambda: 1",
    "a set": "set()",
    "a text": "str(x) * 30",
    "a longer text": "str(x) * 300",
    "bytes": "bytes(100)",
    "more bytes": "bytes(400)",
    "an instance": "A()",
    "a generator": "(i for i in 'a')",
    "a method": "[].append",
    "an iterator": "iter([])",
    "an error": "ValueError(x)",
    "a slice": "slice(x)",
    "a range": "range(x)",
}
PROGRAM = "class A:\n    pass\n\ndef f(x):\n    a = {}\n    b = {}\n    return id(a) < id(b)\n"
UNNOTICED = 2
"""How many pairs may pass all the same: the interpreter's own work comes between a program and its places (0.06 %)."""


def test_no_two_small_objects_lie_in_the_same_order_everywhere(pool):
    pairs = [(one, one) for one in NEW] + random.Random(7).sample([*itertools.permutations(NEW, 2)], 100)
    calls = [Call(PROGRAM.format(NEW[one], NEW[other]), "7", verify=True) for one, other in pairs]
    found = dict(zip(pairs, pool.run(calls), strict=True))
    passed = {pair: outcome for pair, outcome in found.items() if outcome != Nondeterministic()}
    assert len(passed) <= UNNOTICED, passed


@pytest.mark.parametrize("size", range(16, 513, 16))
def test_the_orders_of_places(size):
    upwards, downwards, inwards, outwards, *others = [
        order_of_places(16_000 // size, size, random.Random(place), place) for place in range(8)
    ]
    assert upwards == sorted(upwards) == downwards[::-1]
    assert inwards == outwards[::-1]
    threes = zip(inwards, inwards[1:], inwards[2:], strict=False)
    assert all(min(one, other) < last < max(one, other) for one, other, last in threes)
    assert len({tuple(order) for order in (upwards, downwards, inwards, outwards, *others)}) == 8
    assert {tuple(sorted(order)) for order in (inwards, *others)} == {tuple(upwards)}
