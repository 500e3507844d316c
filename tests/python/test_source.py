import pytest
from hypothesis import given
from hypothesis import strategies as st

from abzero.python import copies
from abzero.python.source import lexemes, remarks, states, with_imports, without_remarks

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
