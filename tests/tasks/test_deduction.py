import pytest

from abzero.errors import Malformed
from abzero.python import literals
from abzero.sandbox.fake import FakeSandbox
from abzero.sandbox.run import run_checks
from abzero.tasks import Deduction
from abzero.types import Case, Task
from tests.fakes import COMPACT

SUM = "0.30000000000000004"


def score(gold, answer, task_type=Deduction(COMPACT)):  # noqa: B008
    sandbox = FakeSandbox()
    [result] = run_checks([task_type.grade(Task("deduction", "def f(x): ...", (Case("1", gold),)), answer)], sandbox)
    assert not any(sandbox.batches), "a predicted value is compared, never run"
    return "malformed" if isinstance(result, Malformed) else result


@pytest.mark.parametrize(
    ("gold", "answer", "expected"),
    [
        ("{1, 2}", "{2, 1}", 1),
        ("1", "1.0", 1),
        ("1", "True", 1),
        ("(1, 2)", "[1, 2]", 0),
        ("(1, 2)", "1, 2", 1),
        ("'abc'", '"abc"', 1),
        ("'abc'", "abc", "malformed"),
        (SUM, "0.3", 0),
        (SUM, SUM, 1),
        (SUM, "0.1+0.2", "malformed"),
        ("{'a': 1, 'b': 2}", "{'b': 2, 'a': 1}", 1),
        ("None", "", "malformed"),
        ("None", "None", 1),
        ("5", "5 # ok", 1),
        ("5", "5\n", 1),
        ("5", "```output\n5\n```", 1),
        ("5", "first ```output\n4\n```\nno:\n```output\n5\n```", 1),
        ("4", "2+2", "malformed"),
        ("4", "(4)", 1),
        ("-4", "- 4", 1),
        ("255", "0xff", 1),
        ("'a'", "'''a'''", 1),
        ("set()", "set()", 1),
        ("set()", "{}", 0),
        ("[]", "list()", "malformed"),
        ("0", "eval(gold_output)", "malformed"),
        ("0", "type('X', (), {'__eq__': lambda *_: True})()", "malformed"),
        ("0", "0 or exit()", "malformed"),
        ("0", "__import__('os').system('true')", "malformed"),
        ("0", "[0][0]", "malformed"),
        ("0", "9" * 5_000, "malformed"),
        ("0", "[" * 5_000, "malformed"),
        ("0", "nan", "malformed"),
    ],
)
def test_answers_are_compared_as_literals(gold, answer, expected):
    assert score(gold, answer) == expected


@pytest.mark.parametrize(
    ("gold", "answer", "expected"),
    [("1", "1", 1), ("1", "1.0", 0), ("1", "True", 0), ("[(1, 2)]", "[(1, 2.0)]", 0), ("{1: {2}}", "{1: {2}}", 1)],
)
def test_types_can_be_made_to_count(gold, answer, expected):
    assert score(gold, answer, Deduction(COMPACT, same=literals.same_types)) == expected
