import pytest

from abzero.errors import Malformed, ModelError, Rejected
from abzero.sandbox.base import Nondeterministic, NotLiteral, Raised, Refused, Returned, Stopped
from abzero.sandbox.fake import FakeSandbox
from abzero.sandbox.run import run_checks
from abzero.tasks.validation import describe, reproduces, verified, without_redundant_steps
from abzero.types import Case, Task

DOUBLE = "def f(x):\n    return x * 2"


class Answers(FakeSandbox):
    """Gives the same outcome to every call, and remembers the calls."""

    def __init__(self, outcome):
        super().__init__()
        self.outcome = outcome

    def run(self, calls):
        self.batches.append(list(calls))
        return [self.outcome for _ in calls]


def verify(program, inputs, sandbox=None, max_output=400):
    [result] = run_checks([verified(program, inputs, max_output)], sandbox or FakeSandbox())
    return result


def test_cases_hold_canonical_inputs_and_outputs():
    assert verify(DOUBLE, ["3", " x = 'a' ,"]) == (Case("3", "6"), Case("x='a'", "'aa'"))


def test_every_call_is_verified_by_several_runs():
    sandbox = FakeSandbox()
    verify(DOUBLE, ["3", "4"], sandbox)
    assert [[call.verify for call in batch] for batch in sandbox.batches] == [[True, True]]


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Raised("SystemExit"), "raised SystemExit"),
        (Raised("Bad"), "raised Bad"),
        (NotLiteral("float"), "type float, which no literal denotes"),
        (Nondeterministic(), "two runs disagreed"),
        (Stopped("timeout"), "stopped: timeout"),
        (Refused("import of os"), "refused: import of os"),
    ],
)
def test_any_outcome_but_a_value_is_rejected_in_words(outcome, words):
    result = verify(DOUBLE, ["3"], Answers(outcome))
    assert isinstance(result, Rejected)
    assert words in str(result)


@pytest.mark.parametrize(
    "program",
    [
        "def f(x):\n    raise StopIteration",
        "class Bad(Exception): ...\ndef f(x):\n    raise Bad",
        "def f(x):\n    return float('nan')",
        "def f(x):\n    return lambda: x",
        "def f(x):\n    yield x",
        "def f(x):\n    return f(x)",
        "def f(x:",
        "g = 1",
        "n = []\ndef f(x):\n    return 1 / 0",
        "from collections import Counter\ndef f(x):\n    return Counter('aab')",
        "from decimal import Decimal\ndef f(x):\n    return Decimal(1)",
        "def f(x):\n    return object()",
    ],
)
def test_programs_without_a_literal_value_are_no_tasks(program):
    assert isinstance(verify(program, ["1"]), Rejected)


def test_names_that_merely_contain_a_forbidden_word_are_allowed():
    assert verify("def process_input(x):\n    return 'error'\ndef f(x):\n    return process_input(x)", ["1"]) == (
        Case("1", "'error'"),
    )


def test_a_program_that_changes_its_argument_is_a_task():
    assert verify("def f(x):\n    x.append(1)\n    return x", ["[]"]) == (Case("[]", "[1]"),)


@pytest.mark.parametrize("limit", [4, 5])
def test_an_output_is_kept_whole_or_rejected(limit):
    result = verify("def f(x):\n    return 'abc'", ["1"], max_output=limit)
    assert result == (Case("1", "'abc'"),) if limit == 5 else isinstance(result, Rejected)


@pytest.mark.parametrize("inputs", [["", "1"], ["  # nothing"], []])
def test_an_input_without_arguments_is_rejected(inputs):
    assert isinstance(verify("def f(x=1):\n    return x", inputs), Rejected)


@pytest.mark.parametrize("text", ["f(1)", "1) or (True", "x", "1 +", "open('a')", "\0", "\ud800"])
def test_an_input_that_is_no_literal_never_reaches_the_sandbox(text):
    sandbox = FakeSandbox()
    assert isinstance(verify(DOUBLE, ["1", text], sandbox), Malformed)
    assert sandbox.batches == []


def test_one_bad_input_of_several_makes_no_task():
    assert isinstance(verify(DOUBLE, ["1", "None"]), ModelError)


@pytest.mark.parametrize(
    ("cases", "same"),
    [
        ([("1", "2"), ("2", "4")], True),
        ([("1", "2.0")], True),
        ([("1", "2"), ("2", "5")], False),
        ([("{}", "2")], False),
    ],
)
def test_a_task_reproduces_when_every_output_comes_again(cases, same):
    task = Task("deduction", DOUBLE, tuple(Case(*case) for case in cases))
    assert run_checks([reproduces(task)], FakeSandbox()) == [same]


def test_a_value_is_described_by_its_text():
    assert describe(Returned("[1]")) == "returned [1]"


@pytest.mark.parametrize(
    ("input", "redundant"), [("[2, 1]", False), ("[1, 2]", True), ("[1, 1]", True), ("[]", True), ("[3, 1]", False)]
)
def test_a_program_with_a_redundant_step_is_rejected(input, redundant):
    program = "def f(x):\n    a = sorted(x)\n    b = a + [7]\n    return b"
    [[case]] = run_checks([verified(program, [input], 400)], FakeSandbox())
    [result] = run_checks([without_redundant_steps(program, case)], FakeSandbox())
    assert isinstance(result, Rejected) if redundant else result is None
