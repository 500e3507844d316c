import pytest
from hypothesis import given
from hypothesis import strategies as st

from abzero.python import copies
from abzero.python.source import lexemes, remarks, states, with_imports, without_hints, without_remarks

PROGRAM = """def f(xs):
    total = 0
    for x in xs:
        if x % 2 == 0:
            total += x * len('a b')
    return total"""


@given(st.text(st.sampled_from("def f(x):\n#'\"\\ rb0123;`·")) | st.text())
def test_lexemes_are_the_text_and_every_reading_of_it_is_total(text):
    assert "".join(piece.text for piece in lexemes(text)) == text
    assert isinstance(without_remarks(text), str)
    assert isinstance(without_hints(text), str)
    assert isinstance(copies.holds(text, PROGRAM), bool)
    assert isinstance(copies.holds(PROGRAM, text), bool)


COMMENTED = '''"""A module that returns 42."""
import math  # for the 7

# f(1) is 42
def f(x):
    """Gives 42.

    Always."""
    y = "# no comment"  # 43
    z = """
# no comment
"""
    return x, y, z


class A:
    "Nothing."


def g(): return "text"
'''
BARE = '''import math

def f(x):
    y = "# no comment"
    z = """
# no comment
"""
    return x, y, z


class A:
    pass


def g(): return "text"'''


def test_remarks_are_comments_and_docstrings_and_nothing_else():
    assert without_remarks(COMMENTED) == BARE
    assert without_remarks(BARE) == BARE
    assert [remark[:8] for remark in remarks(COMMENTED)] == [
        '"""A mod',
        "# for th",
        "# f(1) i",
        '"""Gives',
        "# 43",
        '"Nothing',
    ]


@pytest.mark.parametrize(
    ("answer", "stated"), [("42", True), ("43", True), ("7", True), ("4", False), ("[42]", False), ("'text'", False)]
)
def test_an_answer_is_stated_by_a_remark_that_holds_it_whole(answer, stated):
    assert states(COMMENTED, answer) is stated


@pytest.mark.parametrize(
    "message",
    [
        PROGRAM,
        f"It is\n```python\n{PROGRAM}\n```\nas you see.",
        PROGRAM.replace("total", "acc").replace("xs", "numbers"),
        PROGRAM.replace("    ", "\t"),
        PROGRAM.replace("    total = 0", "    # sum up\n    total = 0"),
        PROGRAM.replace("    total = 0", '    """Sum."""\n    total = (0)', 1),
        PROGRAM.replace("'a b'", '"a b"').replace("x * len", "x*len"),
        PROGRAM.replace("def f", "def solution"),
        "Do this: total = 0; for x in xs: if x % 2 == 0: total += x * len('a b'); return total.",
        "Do this: s = 0; for y in z: if y % 2 == 0: s += y * len('a b') return s",
        "\n".join(f"{number}. {line}" for number, line in enumerate(PROGRAM.split("\n"), 1)),
        "\n".join(f"> - {line}" for line in PROGRAM.split("\n")),
        "\n".join(f"| {line}" for line in PROGRAM.split("\n")),
        PROGRAM.replace("\n", "\\n"),
        PROGRAM.replace("\n", " → "),
    ],
)
def test_a_message_that_holds_the_program_is_seen_through(message):
    assert copies.holds(message, PROGRAM)


TYPED = """from typing import Any, List
def f(xs: List[int], *rest: "Any", start: int = 0) -> int | None:
    total: int = start
    count: int
    for x in xs:
        if x % 2 == 0:
            total += x * len('a b')
    return total"""
UNTYPED = """def f(xs, *rest, start=0):
    total = start
    for x in xs:
        if x % 2 == 0:
            total += x * len('a b')
    return total"""
CLASSES = """class Stack:
    def __init__(self):
        self.items = []

    def push(self, x):
        self.items.append(x * 2 + 1)
        return sum(self.items) - len("items")

def f(xs):
    s = Stack()
    return [s.push(x) % 7 for x in xs]"""
RENAMED = CLASSES.replace("self.items", "self.values").replace("push", "put").replace("xs", "numbers")
POINT = """from dataclasses import dataclass
@dataclass
class Point:
    x: int
    y: int
def f(a, b):
    p = Point(a, y=b)
    return p.x * 3 + p.y - 1"""
RENAMED_POINT = POINT.replace("x: int", "one: int").replace("y: int", "two: int").replace("y=b", "two=b")


@pytest.mark.parametrize(
    ("message", "program"),
    [
        *((TYPED, UNTYPED), (UNTYPED, TYPED), (f"from a list, add:\n{TYPED}\nas you see", UNTYPED)),
        (TYPED.replace("None:\n", 'None:\n    """Adds.\n\n    Twice."""\n'), UNTYPED),
        ("Do: total: int = start; for x in xs: if x % 2 == 0: total += x * len('a b'); return total", UNTYPED),
        (" ".join(TYPED.replace("    count: int\n", "").split()), UNTYPED),
        ("\n".join(f"| `{line}` |" for line in TYPED.split("\n")), UNTYPED),
        (RENAMED, CLASSES),
        ("    " + RENAMED.replace("\n", "\n    "), CLASSES),
        (RENAMED.replace("self.values = []", "self.values: list[int] = []").replace("x):", "x: int) -> int:"), CLASSES),
        (RENAMED_POINT.replace("p.x", "p.one").replace("p.y", "p.two"), POINT),
        (f"import math\n{CLASSES}\n\nif __name__ == '__main__':\n    print(f([1]))", CLASSES),
        (RENAMED + "\n\nif __name__ == '__main__':\n    print(f([1]))", CLASSES),
    ],
)
def test_hints_docstrings_and_other_names_of_attributes_hide_no_program(message, program):
    assert copies.holds(message, program)


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        (
            "def f(a: int, b: dict[str, int] = {}, *c: Any) -> list[int]:\n    x: int = 1",
            "def f(a, b= {}, *c):\n    x = 1",
        ),
        ("def f(a=lambda x: x, b: str='a:b'):", "def f(a=lambda x, b='a:b'):"),
        ("d = {1: x}\ns = x[1:n]\nif a == 1: b = 1", "d = {1: x}\ns = x[1:n]\nif a == 1: b = 1"),
        ("self.x: 'int' = 3\ny: int | None = 4\nz: int", "self.x: 'int' = 3\ny= 4\nz: int"),
        ("def f(a", "def f(a"),
    ],
)
def test_hints_are_what_looks_like_them(text, bare):
    assert without_hints(text) == bare


@pytest.mark.parametrize(
    "message",
    [
        "It adds up the even numbers, each times three.",
        "```python\ndef f(xs):\n    return sum(xs)\n```",
        PROGRAM.replace("% 2", "% 3"),
        "total = 0",
        "1. Take the even ones.\n2. Add them up.\n- [] gives 0",
        "",
    ],
)
def test_a_message_that_only_hints_is_let_through(message):
    assert not copies.holds(message, PROGRAM)


def test_names_are_replaced_one_to_one():
    assert not copies.holds("def f(a, b): return a * a + a", "def f(a, b):\n    return a * b + a")


FUTURE = "from __future__ import annotations\ndef f(x: int):\n    return math.floor(x)"


@pytest.mark.parametrize(
    ("program", "imports", "expected"),
    [
        (FUTURE, ["import math"], FUTURE.replace("annotations\n", "annotations\nimport math\n")),
        ("# import re\ndef f(x): ...", ["import re"], "import re\n# import re\ndef f(x): ..."),
        ("import re\ndef f(x): ...", ["import re"], "import re\ndef f(x): ..."),
        ("'import re'\ndef f(x): ...", ["import re"], "import re\n'import re'\ndef f(x): ..."),
    ],
)
def test_imports_stand_where_they_may(program, imports, expected):
    assert with_imports(program, imports) == expected
