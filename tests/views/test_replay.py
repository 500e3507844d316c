from contextlib import closing

import pytest

from abzero.errors import RunError
from abzero.run.journal import JournalReader, JournalWriter
from abzero.tasks import TYPES
from abzero.tasks.prompts import Prompts
from abzero.types import Attempt, Case, Proposal, Step, Task
from abzero.views.replay import Difference, replay_run, replay_task, together
from tests.steps import HOSTILE, rollout
from tests.trusted import TrustedSandbox

TASK_TYPES = [task_type(Prompts("compact")) for task_type in TYPES]
SQUARE = "def f(x):\n    return x * x"
DEDUCTION = Task("deduction", SQUARE, (Case("3", "9"),))
ABDUCTION = Task("abduction", SQUARE, (Case("2", "4"),))
INDUCTION = Task("induction", SQUARE, tuple(Case(str(n), str(n * n)) for n in range(10)), "squares")


def attempt(task, answer, score):
    return Attempt(task, "prompt", rollout(f"</think><answer>{answer}</answer>"), score, answer, True)


TRUE = [
    attempt(DEDUCTION, "9", 1.0),
    attempt(DEDUCTION, "10", 0.0),
    attempt(DEDUCTION, HOSTILE, None),
    attempt(ABDUCTION, "-2", 1.0),
    attempt(ABDUCTION, "3", 0.0),
    attempt(INDUCTION, f"<program>{SQUARE}</program>", 1.0),
    attempt(INDUCTION, "<program>def f(x):\n    return x</program>", 0.0),
    attempt(INDUCTION, "no program", None),
]


@pytest.fixture
def replayed(tmp_path):
    def replay(attempts, task=None, types=TASK_TYPES):
        journal = JournalWriter(tmp_path / "run.db")
        proposals = [Proposal("deduction", "p", rollout("x"), (), DEDUCTION, True, 0.5)]
        journal.write(Step(1, proposals, attempts[:3], [], {}))
        journal.write(Step(2, [], attempts[3:], [], {}))
        journal.close()
        with closing(JournalReader(tmp_path / "run.db")) as reader:
            if task:
                return replay_task(reader, task, types, TrustedSandbox())
            return together(replay_run(reader, types, TrustedSandbox(), report=lambda words: None))

    return replay


def test_a_true_record_is_identical(replayed):
    found = replayed(TRUE)
    assert (found.tasks, found.answers, found.differences) == (3, 8, ())


def test_one_task_is_replayed_alone(replayed):
    found = replayed(TRUE, ABDUCTION.id[:6])
    assert (found.tasks, found.answers, found.differences) == (1, 2, ())


@pytest.mark.parametrize(
    ("answer", "recorded", "words"),
    [("9", 0.0, ("score 0", "score 1")), ("10", 1.0, ("score 1", "score 0")), ("f(", 0.0, ("score 0", "malformed"))],
)
def test_a_score_that_does_not_hold_is_named(replayed, answer, recorded, words):
    found = replayed([attempt(DEDUCTION, answer, recorded)])
    assert found.differences == (Difference(DEDUCTION.id, "answer 0 of step 1", *words),)


def test_an_output_that_does_not_come_again_is_named(replayed):
    wrong = Task("deduction", SQUARE, (Case("3", "9"), Case("2", "5"), Case("'a'", "1")))
    found = replayed([attempt(wrong, "9", 1.0)], wrong.id)
    assert found.differences == (
        Difference(wrong.id, "case 2", "5", "4"),
        Difference(wrong.id, "case 3", "1", "raised TypeError"),
    )


def test_a_mode_that_the_run_does_not_know_is_one_clear_error(replayed):
    with pytest.raises(RunError, match="'induction'"):
        replayed(TRUE, types=TASK_TYPES[:2])
