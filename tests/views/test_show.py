import io
import json

import pytest
from rich.console import Console

from abzero.errors import RunError
from abzero.run.journal import Attempted, JournalReader, JournalWriter, Rewarded
from abzero.types import Alarm, Attempt, Case, Proposal, Rejection, Step, Task
from abzero.views.format import derivation, proposal_derivation, score, solve_rate
from abzero.views.show import overview, step_view, task_view
from tests.steps import HOSTILE, IDENTITY, history, rollout


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.db"


OPENED = []


@pytest.fixture(autouse=True)
def closed():
    yield
    while OPENED:
        OPENED.pop().close()


def record(path, *steps, **about):
    journal = JournalWriter(path)
    journal.describe(about)
    for one in steps:
        journal.write(one)
    journal.close()
    OPENED.append(JournalReader(path))
    return OPENED[-1]


def printed(renderable):
    console = Console(file=io.StringIO(), width=200, force_terminal=True, color_system=None, _environ={})
    console.print(renderable)
    return console.file.getvalue()


def test_the_overview_says_what_the_run_is_and_how_far_it_came(path):
    config = json.dumps({"steps": 20, "model": {"name": "tiny"}, "tasks": {"modes": ["deduction", "abduction"]}})
    text = printed(overview(record(path, *history(12), config=config, isolation="strict", version="0.1.0")))
    assert "last 10 of 12 steps" in text
    assert "model.name tiny" in text
    assert "deduction, abduction" in text
    assert "isolation strict" in text
    assert "no alarms" in text


def test_the_overview_of_a_run_without_steps_or_settings_is_no_failure(path):
    assert "last 0 of 0 steps" in printed(overview(record(path)))


def test_the_newest_alarms_are_shown_and_the_others_counted(path):
    steps = [Step(n, [], [], [], {}, {}, (Alarm(n, "name", f"alarm number {n}"),)) for n in range(1, 13)]
    text = printed(overview(record(path, *steps)))
    assert "(2 earlier alarms)" in text
    assert "alarm number 12" in text
    assert "alarm number 2\n" not in text


def test_a_step_shows_each_proposal_with_its_outcome_and_the_derivation_of_its_reward(path):
    [one] = history(1)
    reader = record(path, one)
    text = printed(step_view(reader, 1))
    for proposed in reader.proposals(1)[:2]:
        assert proposed.task in text
        assert proposal_derivation(proposed) in text
    assert "rejected: " in text
    assert "-1.5 = invalid -1 + format -0.5" in text


def test_a_step_that_is_not_there_is_one_clear_error(path):
    with pytest.raises(RunError, match="no step 9: it has 1 to 2"):
        step_view(record(path, *history(2)), 9)


def test_a_task_shows_where_it_comes_from_and_what_was_answered(path):
    reader = record(path, *history(2))
    task = reader.proposals(1)[0].task
    text = printed(task_view(reader, task[:9]))
    assert f"deduction task {task}" in text
    assert "first seen at step 1, proposed once" in text
    assert f"reference 1: {IDENTITY.id}" in text
    assert "5 attempts, 4 of them to estimate the solve rate" in text
    assert "-1 = malformed -1" in text


def test_a_seed_shows_its_offspring(path):
    text = printed(task_view(record(path, *history(2)), IDENTITY.id))
    assert "a seed" in text
    assert "shown as a reference to 4 tasks" in text


def test_nothing_that_a_model_wrote_reaches_the_terminal_as_more_than_text(path):
    task = Task("deduction", f"def f(a):\n    return '{HOSTILE}'", (Case(HOSTILE, HOSTILE),), HOSTILE)
    proposal = Proposal("deduction", HOSTILE, rollout(HOSTILE), (task,), task, False, 0.5)
    rejected = Proposal("deduction", HOSTILE, rollout(HOSTILE), (task,), Rejection(HOSTILE), False)
    attempts = [Attempt(task, HOSTILE, rollout(HOSTILE), None, HOSTILE, False, of) for of in (0, None)]
    reader = record(path, Step(1, [proposal, rejected], attempts, [], {}))
    for view in (overview(reader), step_view(reader, 1), task_view(reader, task.id)):
        text = printed(view)
        assert not {"\x1b", "\0", "\x07", "\ud800", "\r"} & set(text)
        text.encode()
    assert "[bold]x[/bold]" in text
    assert "\\x1b[31mred" in text


def test_text_of_100_000_characters_is_abridged(path):
    task = Task("deduction", "def f(a):\n" + "    a = a\n" * 10_000, (Case("1", "1"),))
    attempts = [Attempt(task, "p", rollout("y" * 100_000), 0.0, "y" * 100_000, True)] * 100
    text = printed(task_view(record(path, Step(1, [], attempts, [], {})), task.id))
    assert "characters left out" in text
    assert "and 36 later attempts" in text
    assert len(text) < 200_000


def test_a_reward_reads_as_a_sum():
    terms = (("learnability", 0.625), ("novelty", -0.225))
    assert derivation(Rewarded(terms, 0.0, 0), "solve rate 3/8") == (
        "0.4 = learnability 0.625 + novelty -0.225 (solve rate 3/8)"
    )
    assert derivation(None) == "not learned from"


@pytest.mark.parametrize(("scores", "words"), [([1.0, 0.0, 1.0, 1.0], "3/4"), ([0.4, 0.0, 1.0, 0.2], "0.400 of 4")])
def test_a_solve_rate_counts_the_attempts_that_estimated_it(path, scores, words):
    proposal = Proposal("deduction", "p", rollout("x"), (), IDENTITY, True, sum(scores) / 4)
    attempts = [Attempt(IDENTITY, "p", rollout("x"), score, "1", True, proposal=0) for score in scores]
    drawn = Attempt(IDENTITY, "p", rollout("x"), 1.0, "1", True)
    [proposed] = record(path, Step(1, [proposal], [*attempts, drawn], [], {})).proposals(1)
    assert solve_rate(proposed) == words


def test_equal_proposals_of_one_step_share_no_attempts(path):
    proposals = [Proposal("deduction", "p", rollout("x"), (), IDENTITY, True, rate) for rate in (0.5, 0.75)]
    attempts = [Attempt(IDENTITY, "p", rollout("x"), 1.0, "1", True, proposal=of) for of in (0, 1) for _ in range(4)]
    read = record(path, Step(1, proposals, attempts, [], {})).proposals(1)
    assert [solve_rate(proposed) for proposed in read] == ["2/4", "3/4"]


def test_no_score_is_malformed():
    attempted = Attempted(1, 0, "t", "m", "p", "c", 1, "stop", 0, "a", None, False, None, None)
    assert score(attempted) == "malformed"
