import pytest

from abzero.errors import Malformed, Unsteady
from abzero.sandbox.base import Nondeterministic
from abzero.sandbox.fake import FakeSandbox
from abzero.sandbox.run import run_checks
from abzero.tasks import Abduction
from abzero.types import Case, Task
from tests.fakes import COMPACT

SQUARE = Task("abduction", "def f(x):\n    return x * x", (Case("2", "4"),))
PAIR = Task("abduction", "def f(x, y):\n    return (x, y)", (Case("1, 2", "(1, 2)"),))
LONGEST = Task("abduction", "def f(words):\n    return max(words, key=len)", (Case("['a', 'bc']", "'bc'"),))


def score(task, answer):
    [result] = run_checks([Abduction(COMPACT).grade(task, answer)], FakeSandbox())
    return "malformed" if isinstance(result, Malformed) else result


@pytest.mark.parametrize(
    ("task", "answer", "expected"),
    [
        (SQUARE, "2", 1),
        (SQUARE, "-2", 1),
        (SQUARE, "2.0", 1),
        (SQUARE, "x=2", 1),
        (SQUARE, "x = -2,", 1),
        (SQUARE, "3", 0),
        (SQUARE, "y=2", 0),
        (SQUARE, "", 0),
        (SQUARE, "'a'", 0),
        (SQUARE, "2 # because", 1),
        (SQUARE, "\n\n2\n", 1),
        (PAIR, "x=1, y=2", 1),
        (PAIR, "1,\n2", 1),
        (PAIR, "(1, 2)", 0),
        (PAIR, "y=2, x=1", 1),
        (LONGEST, "[\n  'a',\n  'bc',  # the longest\n]", 1),
        (LONGEST, "{'bc': 1}", 1),
        (SQUARE, "5) or (True", "malformed"),
        (SQUARE, "2) == f(2", "malformed"),
        (SQUARE, "type('X', (int,), {'__mul__': lambda *_: 4})()", "malformed"),
        (SQUARE, "print(2)", "malformed"),
        (SQUARE, "f(2)", "malformed"),
        (SQUARE, "1+1", "malformed"),
        (SQUARE, "*[2]", "malformed"),
        (SQUARE, "2; import os", "malformed"),
    ],
)
def test_any_literal_preimage_counts_and_nothing_else(task, answer, expected):
    assert score(task, answer) == expected


def test_a_program_that_changes_its_argument_is_judged_on_a_fresh_one():
    task = Task("abduction", "def f(xs):\n    xs.append(1)\n    return len(xs)", (Case("[]", "1"),))
    assert score(task, "[]") == 1
    assert score(task, "[1]") == 0


def test_a_program_that_differs_while_it_is_graded_is_no_task():
    class Unsure(FakeSandbox):
        def run(self, calls):
            assert all(call.verify for call in calls)
            return [Nondeterministic() for _ in calls]

    task = Task("abduction", "def f(x):\n    return 0 if x == 7 else hash(str(x)) % 4", (Case("7", "0"),))
    [result] = run_checks([Abduction(COMPACT).grade(task, "8")], Unsure())
    assert isinstance(result, Unsteady)
