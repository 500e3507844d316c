"""Whatever names a program chooses, its normal form is the same, and so is what it does."""

# ruff: noqa: E501 (a table of programs)

import ast
import keyword
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abzero.python.analysis import normal_form
from abzero.python.entry import entry_of

TEMPLATES = {
    "parameters and locals": ("def f({a}, {b}=2, *{c}, **{d}):\n    {e} = {a} + {b}\n    return {e}, {c}, {d}", (1,)),
    "a helper": ("def {a}({b}):\n    return {b} * 2\ndef f({c}):\n    return {a}({c})", (3,)),
    "a name in one function alone": ("def {a}({b}):\n    return {b}\ndef f({c}):\n    return {a}({c}) + {c}", (3,)),
    "keyword calls": ("def {a}({b}, *, {c}=1):\n    return {b} - {c}\ndef f({d}):\n    return {a}({b}={d}, {c}=5)", (3,)),
    "except as": ("def f({a}):\n    try:\n        return 1 // {a}\n    except ZeroDivisionError as {b}:\n        return str({b})", (0,)),
    "match": (
        "def f({a}):\n    match {a}:\n        case [{b}, *{c}] if {b}:\n            return {c}\n"
        "        case {{'k': {d}, **{e}}}:\n            return {d}, {e}\n        case ({g}):\n            return {g}",
        ({"k": 1, "l": 2},),
    ),
    "match as": ("def f({a}):\n    match {a}:\n        case [1 | 2 as {b}]:\n            return {b}\n    return None", ([2],)),
    "import as": ("import math as {a}\nfrom math import gcd as {b}\ndef f({c}):\n    return {a}.floor({c}), {b}(4, 6)", (2.5,)),
    "nonlocal": (
        "def f({a}):\n    {b} = 0\n    def {c}():\n        nonlocal {b}\n        {b} += {a}\n    {c}()\n    return {b}",
        (4,),
    ),
    "global": ("{a} = 1\ndef f({b}):\n    global {a}\n    {a} += {b}\n    return {a}", (4,)),
    "a local that hides a global": ("{a} = 1\ndef {b}({c}):\n    {a} = {c}\n    return {a}\ndef f({d}):\n    return {b}({d}), {a}", (4,)),
    "walrus": ("def f({a}):\n    if ({b} := {a} + 1) > 2:\n        return {b}\n    return [{c} for {d} in [1] if ({c} := {d})], {c}", (0,)),
    "comprehensions": (
        "def f({a}):\n    return [{b} for {b} in {a}], {{{c}: {d} for {c}, {d} in enumerate({a})}}, {{{e} for {e} in {a}}}, sum({g} for {g} in {a})",
        ([1, 2],),
    ),
    "lambda": ("def f({a}):\n    {b} = lambda {c}, {d}=1: {c} + {d}\n    return {b}({a})", (3,)),
    "class scope": (
        "class {a}:\n    {b} = 3\n    def __init__(self, {c}):\n        self.{d} = {c}\n    def {e}(self):\n"
        "        return self.{d} + self.{b}\ndef f({g}):\n    return {a}({c}={g}).{e}()",
        (3,),
    ),
    "inheritance": (
        "class {a}:\n    def {b}(self, {c}):\n        return {c}\nclass {d}({a}):\n    def {b}(self, {c}):\n"
        "        return super().{b}({c}) + 1\ndef f({e}):\n    return {d}().{b}({e})",
        (3,),
    ),
    "for, with and del": ("def f({a}):\n    for {b}, ({c}, *{d}) in {a}:\n        {e} = {b}\n        del {b}\n    return {c}, {d}, {e}", ([(1, (2, 3))],)),
    "decorators": (
        "def {a}({b}):\n    def {c}(*{d}, **{e}):\n        return {b}(*{d}, **{e}) + 1\n    return {c}\n@{a}\ndef f({g}):\n    return {g}",
        (1,),
    ),
    "generators": ("def {a}({b}):\n    {c} = yield {b}\n    yield from range({b})\ndef f({d}):\n    return list({a}({d}))", (2,)),
    "a star": ("def f(*{a}):\n    {b}, *{c} = {a}\n    return {b}, {c}", (1, 2, 3)),
    "recursion": ("def f({a}):\n    return 1 if {a} < 2 else {a} * f({a} - 1)", (4,)),
    "partial": (
        "from functools import partial as {a}\ndef {b}({c}, {d}):\n    return {c} - {d}\ndef f({e}):\n    return {a}({b}, {d}={e})(10)",
        (4,),
    ),
    "an annotation": ("def f({a}: int) -> int:\n    {b}: list[int] = [{a}]\n    return {b}", (1,)),
    "an entry of another name": ("def {a}({b}):\n    return {b}\ndef {c}({d}):\n    return {a}({d})", (1,)),
}  # fmt: skip
if sys.version_info >= (3, 12):
    TEMPLATES["type parameters"] = (
        "def {a}[{b}]({c}: {b}) -> {b}:\n    return {c}\ndef f({d}):\n    return {a}({d})",
        (1,),
    )

PLACES = "abcdeg"
NAMES = st.lists(
    st.from_regex(r"[a-z_][a-z0-9]{0,6}", fullmatch=True).filter(
        lambda name: not keyword.iskeyword(name) and name not in dir(__builtins__) and not name.startswith("__") and name not in ("f", "_", "k", "l")
    ),
    min_size=len(PLACES),
    max_size=len(PLACES),
    unique=True,
)  # fmt: skip


def written(name: str, names: list[str]) -> str:
    return TEMPLATES[name][0].format(**dict(zip(PLACES, names, strict=True)))


def value(program: str, arguments: tuple[object, ...]) -> object:
    names: dict[str, object] = {"__name__": "program"}
    exec(program, names)
    return names[entry_of(program)](*arguments)  # type: ignore[operator]


@pytest.mark.parametrize("name", TEMPLATES)
@given(names=NAMES)
def test_names_do_not_count_wherever_they_are_bound(name, names):
    plain, other = written(name, [f"name_{place}" for place in PLACES]), written(name, names)
    arguments = TEMPLATES[name][1]
    assert value(other, arguments) == value(plain, arguments)
    assert normal_form(other) == normal_form(plain)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_normal_form_is_a_program_that_does_the_same_and_has_itself_for_a_normal_form(name):
    plain = written(name, [f"name_{place}" for place in PLACES])
    form = normal_form(plain)
    ast.parse(form)
    assert value(form, TEMPLATES[name][1]) == value(plain, TEMPLATES[name][1])
    assert normal_form(form) == form


DIFFERENT = [
    ("def f(a, b):\n    return a - b", "def f(a, b):\n    return b - a"),
    ("def f(x):\n    return x.pop()", "def f(x):\n    return x.sort()"),
    ("import math\ndef f(x):\n    return math.floor(x)", "import math\ndef f(x):\n    return math.ceil(x)"),
    ("def f(x):\n    return sorted(x, reverse=True)", "def f(x):\n    return sorted(x, key=True)"),
    ("def f(x):\n    return f'{x=}'", "def f(y):\n    return f'{y=}'"),
    (
        "from enum import Enum\nclass C(Enum):\n    RED = 1\ndef f(x):\n    return C(1).name",
        "from enum import Enum\nclass C(Enum):\n    BLUE = 1\ndef f(x):\n    return C(1).name",
    ),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_names_that_mean_something_outside_count(one, other):
    assert normal_form(one) != normal_form(other)
