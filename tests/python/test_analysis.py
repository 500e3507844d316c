import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abzero.python import analysis

TOTAL = """
def f(numbers):
    total = 0
    for number in numbers:
        if number > 2 and number % 2:
            total += number
    return total
"""


@pytest.mark.parametrize(
    "same",
    [
        TOTAL + "# a comment",
        TOTAL.replace("    ", "  "),
        TOTAL.replace("total = 0", "total  =  (0)"),
        TOTAL.replace("total", "s").replace("numbers", "xs").replace("number", "n"),
        TOTAL.replace("    total = 0", '    """Adds."""\n    total = 0', 1),
        TOTAL.replace("def f", "def total_of_odd_numbers"),
    ],
)
def test_comments_layout_docstrings_and_local_names_do_not_count(same):
    assert analysis.normal_form(same) == analysis.normal_form(TOTAL)
    assert analysis.distance(same, TOTAL) == 0.0


@pytest.mark.parametrize(
    "other",
    [
        TOTAL.replace("> 2", "> 3"),
        TOTAL.replace("and", "or"),
        TOTAL.replace("total += number", "total += 1"),
        TOTAL.replace("numbers", "number"),
        TOTAL.replace("return total", "return 'total'"),
    ],
)
def test_what_changes_the_meaning_counts(other):
    assert analysis.normal_form(other) != analysis.normal_form(TOTAL)
    assert 0.0 < analysis.distance(other, TOTAL) < 1.0


def test_names_from_outside_are_kept():
    assert analysis.normal_form("def f(x):\n    return len(x)") != analysis.normal_form("def f(x):\n    return sum(x)")


@pytest.mark.parametrize(
    ("program", "complexity"),
    [
        ("def f(a):\n    return a", 1),
        (TOTAL, 4),
        ("def f(x):\n    return [y for y in x if y if y > 1]", 4),
        ("def f(x):\n    return 1 if x else 2", 2),
        ("def f(x):\n    while x or x > 1 or x < 3:\n        x -= 1", 4),
        ("def f(x):\n    try:\n        assert x\n    except ValueError:\n        pass", 3),
        ("def f(x):\n    match x:\n        case 1:\n            return 2\n        case _:\n            return 3", 3),
        ("def f(x:\n", 1),
    ],
)
def test_complexity_is_decisions_plus_one(program, complexity):
    assert analysis.complexity(program) == complexity


DEEP = {
    "elif": "def f(x):\n    if x == 0:\n        return 0\n"
    + "".join(f"    elif x == {i}:\n        return {i}\n" for i in range(400)),
    "sum": "def f(x):\n    return " + " + ".join(["x"] * 390),
    "sum on lines": "def f(x):\n    return (" + "+\n".join(["x"] * 8000) + ")",
    "index": "def f(x):\n    return x" + "[0]" * 390,
    "call": "def f(x):\n    return x" + "()" * 390,
    "attribute": "def f(x):\n    return x" + "\\\n.a" * 3000,
    "minus": "def f(x):\n    return " + "-" * 30_000 + "x",
    "minus on lines": "def f(x):\n    return (" + "-\n" * 15_000 + "x)",
    "not": "def f(x):\n    return " + "not " * 7_000 + "x",
    "lambda": "def f(x):\n    return " + "lambda: " * 4_000 + "x",
    "power": "def f(x):\n    return " + "2**" * 10_000 + "x",
    "brackets": "[" * 30_000,
    "long": "x = 1\n" * 10_000,
    "nul": "def f(x):\n    return '\0'",
    "surrogate": "def f(x):\n    return '\ud800'",
    "warns": "def f(x):\n    return '\\d' is 1",
}


@pytest.mark.parametrize("name", DEEP)
def test_a_program_too_deep_to_read_is_taken_as_it_is(name):
    program = DEEP[name]
    assert analysis.normal_form(program)
    assert analysis.complexity(program) >= 1.0


def test_the_normal_form_does_not_depend_on_how_deep_its_caller_stands():
    program = "def f(x):\n    return " + " + ".join(["x"] * 90)

    def deeper(levels):
        if levels:
            return deeper(levels - 1)
        analysis.normal_form.cache_clear()
        return analysis.normal_form(program)

    assert deeper(0) == deeper(sys.getrecursionlimit() // 4)


@given(st.text(st.characters(), max_size=200))
def test_any_text_has_a_normal_form_and_no_distance_to_itself(text):
    assert isinstance(analysis.normal_form(text), str)
    assert analysis.distance(text, text) == 0.0


@given(st.text("abc() =\n", max_size=40), st.text("abc() =\n", max_size=40))
def test_distance_is_a_share(left, right):
    assert 0.0 <= analysis.distance(left, right) <= 1.0


def test_shortcuts_leave_one_step_out_each():
    program = "def f(x):\n    a = x[::-1]\n    b = a + [len(x)]\n    b.sort()\n    a += b\n    c = b\n    return c"
    body = ["a = x[::-1]", "b = a + [len(x)]", "b.sort()", "a += b", "c = b", "return c"]

    def with_step(place, step):
        return "\n    ".join(["def f(x):", *body[:place], step, *body[place + 1 :]])

    assert analysis.shortcuts(program, 24) == [
        with_step(0, "a = x"),
        *(with_step(1, copy) for copy in ("b = a", "b = x")),
        with_step(2, "pass"),
        with_step(3, "pass"),
    ]


def test_of_many_shortcuts_the_first_are_written():
    program = "def f(x):\n" + "".join(f"    a{n} = x + {n}\n" for n in range(9)) + "    return x"
    every = analysis.shortcuts(program, 100)
    assert len(every) == 9
    assert analysis.shortcuts(program, 3) == every[:3]


def test_what_cannot_be_read_has_no_shortcuts():
    assert analysis.shortcuts("def f(x:", 24) == analysis.shortcuts("def f(x):\n    return " + "(" * 500, 24) == []


def test_steps_of_loops_are_left_out_too():
    assert "        pass" in "\n".join(analysis.shortcuts(TOTAL, 24))


@pytest.mark.parametrize("idle", ["pass", "...", "'a note'", "0"])
def test_a_statement_that_does_nothing_does_not_make_a_program_new(idle):
    padded = (
        f"{idle}\ndef f(x):\n    if x:\n        {idle}\n        return x\n    else:\n        {idle}\n        return 1"
    )
    bare = "def f(x):\n    if x:\n        return x\n    else:\n        return 1"
    assert analysis.normal_form(padded) == analysis.normal_form(bare)
