import pytest

from abzero.errors import Malformed, Rejected
from abzero.sandbox.fake import FakeSandbox
from abzero.sandbox.run import run_checks
from abzero.tasks import Induction
from abzero.tasks.induction import SCORES, hidden, shown
from abzero.types import Case, Task
from tests.fakes import COMPACT

DOUBLE = "def f(x):\n    return x * 2"
REFERENCE = Task("deduction", DOUBLE, (Case("1", "2"),))
TASK = Task("induction", DOUBLE, tuple(Case(str(x), str(x * 2)) for x in range(10)), "It doubles.")
FIRST_FIVE_WRONG = "def f(x):\n    return x * 2 if x > 4 else None"
LAST_WRONG = "def f(x):\n    return x * 2 if x < 9 else None"
ONLY_LAST_RIGHT = "def f(x):\n    return x * 2 if x == 9 else None"
HARD_CODED = "def f(x):\n    return {0: 0, 1: 2, 2: 4, 3: 6, 4: 8}.get(x)"


def grade(program, score="binary"):
    task_type = Induction(COMPACT, score=SCORES[score])
    [result] = run_checks([task_type.grade(TASK, f"```python\n{program}\n```")], FakeSandbox())
    return result


def construct(answer):
    [result] = run_checks([Induction(COMPACT).construct(answer, (REFERENCE,))], FakeSandbox())
    return result


def inputs(numbers):
    return "".join(f"```input\n{number}\n```\n" for number in numbers)


@pytest.mark.parametrize(("count", "seen"), [(10, 5), (6, 3), (7, 3), (2, 1)])
def test_the_first_half_is_shown_and_the_rest_hidden(count, seen):
    task = Task("induction", DOUBLE, TASK.cases[:count], "")
    assert shown(task) == task.cases[:seen]
    assert hidden(task) == task.cases[seen:]


def test_the_question_shows_the_first_five_pairs_only():
    question = Induction(COMPACT).ask(TASK)
    assert all(f"<input>{x}</input><output>{x * 2}</output>" in question for x in range(5))
    assert not any(f"<input>{x}</input>" in question for x in range(5, 10))


@pytest.mark.parametrize(
    ("program", "binary", "accuracy", "any_right"),
    [
        (DOUBLE, 1.0, 1.0, 1.0),
        (FIRST_FIVE_WRONG, 1.0, 1.0, 1.0),
        (LAST_WRONG, 0.0, 0.8, 1.0),
        (ONLY_LAST_RIGHT, 0.0, 0.2, 1.0),
        (HARD_CODED, 0.0, 0.0, 0.0),
        ("def double(x):\n    return x + x", 1.0, 1.0, 1.0),
    ],
)
def test_only_the_hidden_pairs_score(program, binary, accuracy, any_right):
    assert [grade(program, name) for name in ("binary", "accuracy", "any")] == [binary, accuracy, any_right]


def test_the_last_program_of_an_answer_counts():
    assert grade(f"def f(x):\n    return 0\n```\nNo, better:\n```python\n{DOUBLE}") == 1.0


def test_the_last_ten_of_twelve_inputs_count():
    built = construct(inputs(range(12)) + "```message\nDouble it.\n```")
    assert [case.input for case in built.cases] == [str(x) for x in range(2, 12)]
    assert (built.program, built.message) == (DOUBLE, "Double it.")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (inputs(range(9)) + "```message\nDouble it.\n```", Malformed),
        (inputs(range(10)), Malformed),
        (inputs([*range(9), "x"]) + "<message>Double it.</message>", Malformed),
        (inputs(range(10)) + "<message>a lone \ud800</message>", Malformed),
        (inputs([*range(9), "None"]) + "<message>Double it.</message>", Rejected),
        (inputs([*range(9), ""]) + "<message>Double it.</message>", Rejected),
        (inputs(range(10)) + f"```message\nJust write\n{DOUBLE}\n```", Rejected),
    ],
)
def test_too_few_inputs_no_message_or_one_bad_input_make_no_task(answer, error):
    assert isinstance(construct(answer), error)


def test_a_message_comes_by_tag_and_whole():
    built = construct(inputs(range(10)) + "<message>Like this:\n```input\n3\n```\ngives 6.</message>")
    assert built.message == "Like this:\n```input\n3\n```\ngives 6."


def test_one_answer_runs_once_for_each_hidden_input():
    sandbox = FakeSandbox()
    run_checks([Induction(COMPACT).grade(TASK, f"<program>{DOUBLE}</program>")] * 1, sandbox)
    assert [[call.arguments for call in batch] for batch in sandbox.batches] == [["5", "6", "7", "8", "9"]]
