import pytest

from abzero.run.journal import JournalReader, JournalWriter, ProposalSummary
from abzero.types import Attempt, Case, Proposal, Rejection, Step, Task
from abzero.views.report.examples import family, hardest, sample
from tests.steps import IDENTITY, rollout

LONG = "def f(x):\n    y = x\n    return y"


def task(program):
    return Task("deduction", program, (Case("1", "1"),))


def proposed(made, references=(), rate=0.5):
    return Proposal("deduction", "p", rollout("x"), tuple(references), made, True, rate)


@pytest.fixture
def reader(tmp_path):
    readers = []

    def write(*steps):
        journal = JournalWriter(tmp_path / "run.db")
        for step in steps:
            journal.write(step)
        journal.close()
        readers.append(JournalReader(tmp_path / "run.db"))
        return readers[-1]

    yield write
    for one in readers:
        one.close()


def test_the_hardest_is_the_least_often_solved_then_the_longest_then_the_first():
    short = "def f(x):\n    return x"
    rows = [
        ProposalSummary(1, "m", "never", LONG, 0.0),
        ProposalSummary(1, "m", "short", short, 0.125),
        ProposalSummary(2, "m", "long", LONG, 0.125),
        ProposalSummary(3, "m", "later", LONG, 0.125),
        ProposalSummary(3, "m", "easy", LONG, 1.0),
        ProposalSummary(3, "m", None, None, None),
    ]
    assert hardest(rows).task == "long"
    assert hardest(rows[:1]) is None


def test_a_family_goes_back_by_the_nearest_reference_to_a_seed(reader):
    far = task("import math\n\ndef f(x):\n    for i in range(3):\n        print(math.pi)\n    return [x, {}]")
    near = task("def f(x):\n    y = x[1:]\n    return y")
    child = task("def f(x):\n    y = x[1:]\n    z = y[1:]\n    return z")
    line = family(
        reader(
            Step(1, [proposed(near, [IDENTITY], 0.75), proposed(far, [IDENTITY])], [], [], {}),
            Step(2, [proposed(child, [far, near], 0.25)], [], [], {}),
        ),
        child.id,
    )
    assert [one.task for one in line] == [child, near, IDENTITY]
    assert [one.solve_rate for one in line] == [0.25, 0.75, None]
    assert [one.step for one in line] == [2, 1, 1]


def test_a_family_that_refers_to_itself_ends(reader):
    one, two = task("def f(x):\n    return [x]"), task("def f(x):\n    return (x,)")
    steps = [Step(1, [proposed(one, [two])], [], [], {}), Step(2, [proposed(two, [one])], [], [], {})]
    assert [ancestor.task for ancestor in family(reader(*steps), one.id)] == [one, two]


def test_a_sample_is_spread_over_the_step_and_has_its_attempts(reader):
    tasks = [task(f"def f(x):\n    return x + {n}") for n in range(30)]
    attempts = [Attempt(one, "p", rollout("a"), 1.0, "a", True, of) for n, one in enumerate(tasks) for of in (n, None)]
    broken = Proposal("deduction", "p", rollout("x"), (), Rejection("why"), False)
    read = reader(Step(1, [*map(proposed, tasks), broken], attempts, [], {}))
    cards = sample(read, 1)
    assert [card.proposed.position for card in cards] == [0, 3, 6, 9, 12, 15, 18, 21, 24, 27]
    assert all(card.task == tasks[card.proposed.position] for card in cards)
    assert all([attempt.proposal for attempt in card.attempts] == [card.proposed.position] for card in cards)
    assert sample(read, 1, size=100)[-1].task is None
    assert sample(read, 9) == []
