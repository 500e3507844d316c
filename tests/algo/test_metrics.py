import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abzero.algo.metrics import Stopwatch, measure, speed
from abzero.types import Attempt, Novelty, Proposal, Rejection, Rollout
from tests.fakes import row, task


def rollout(tokens, finish="stop", text=""):
    return Rollout((), (0,) * tokens, (-1.0,) * tokens, text, finish)


def proposal(number, rate=None, mode="deduction", tokens=10, finish="stop", well_formed=True, new=False):
    outcome = task(number, mode) if number is not None else Rejection("no")
    return Proposal(mode, "", rollout(tokens, finish), (), outcome, well_formed, rate, new)


def output(task):
    return task.cases[0].output


def attempt(score, proposal=None, mode="deduction", well_formed=True, tokens=4):
    return Attempt(task(1, mode), "", rollout(tokens), score, "", well_formed, proposal)


PROPOSALS = [proposal(1, 0.5, new=True), proposal(1, 1.0), proposal(2, 0.0, tokens=40, finish="length"), proposal(None)]
ATTEMPTS = [attempt(1.0), attempt(0.0), attempt(None), attempt(0.5, well_formed=False), attempt(1.0, proposal=0)]
ROWS = [row(1.0), row(1.0), row(0.5, role="propose"), row(0.0, role="propose")]


def test_the_figures_of_a_step_by_hand():
    assert measure(PROPOSALS, ATTEMPTS, ROWS, {"deduction": 7}, {"loss": 0.25}, output) == {
        "buffer/size/deduction": 7.0,
        "learner/loss": 0.25,
        "propose/valid/deduction": 3 / 4,
        "propose/well_formed/deduction": 1.0,
        "propose/answer_in_comments/deduction": 0.0,
        "propose/new/deduction": 1 / 3,
        "propose/unique/deduction": 2 / 3,
        "propose/solve_rate/deduction": 0.5,
        "propose/learnable/deduction": 1 / 3,
        "solve/score/deduction": 1.5 / 4,
        "solve/malformed/deduction": 2 / 4,
        "solve/has_cot/deduction": 0.0,
        "propose/reward/deduction": 0.25,
        "solve/reward/deduction": 1.0,
        "propose/tokens": 17.5,
        "propose/truncated": 1 / 4,
        "solve/tokens": 4.0,
        "solve/truncated": 0.0,
        "advantage/zero_groups": 1 / 2,
    }


def test_praise_for_repeats_is_a_share_of_positive_advantage():
    """A repeat is worth less than a new task, and is praised all the same where all else is worth nothing."""
    proposals = [replace(proposal(n, 0.5), novelty=Novelty(repeats=times)) for n, times in enumerate((0, 3, 3, 0, 1))]
    advantages = (1.0, 2.0, -4.0, -1.0, 1.0)
    rows = [replace(row(0.0), source=("propose", n), advantage=value) for n, value in enumerate(advantages)]
    others = [replace(row(1.0), source=("solve", 1), advantage=9.0)]
    assert measure(proposals, [], rows + others, {}, {}, output)["advantage/repeats"] == 3 / 4
    assert "advantage/repeats" not in measure(proposals, [], rows[2:4] + others, {}, {}, output)


def test_an_attempt_has_cot_if_its_thought_holds_anything():
    texts = ["one, then two</think><answer>2</answer>", "\n </think><answer>2</answer>", "</think>", "no end"]
    attempts = [Attempt(task(1), "", rollout(4, text=text), 1.0, "", True, proposal=0) for text in texts]
    assert measure([], attempts, [], {}, {}, output)["solve/has_cot/deduction"] == 2 / 4


def test_a_step_in_which_nothing_happened_has_figures():
    assert measure([], [], [], {"deduction": 0}, {}, output) == {"buffer/size/deduction": 0.0}


def test_modes_are_counted_apart():
    figures = measure([proposal(1, mode="abduction"), proposal(None)], [], [], {}, {}, output)
    assert figures["propose/valid/abduction"] == 1.0
    assert figures["propose/valid/deduction"] == 0.0
    assert "propose/solve_rate/abduction" not in figures, "it was not estimated"


@given(st.lists(st.sampled_from(PROPOSALS), max_size=8), st.lists(st.sampled_from(ATTEMPTS), max_size=8))
def test_figures_are_finite_and_shares_are_shares(proposals, attempts):
    figures = measure(proposals, attempts, [], {}, {}, output)
    assert all(math.isfinite(value) for value in figures.values())
    assert all(0.0 <= value <= 1.0 for name, value in figures.items() if not name.endswith("/tokens"))


def test_tokens_per_second_are_over_the_time_spent_sampling():
    seconds = {"seconds/propose": 1.0, "seconds/estimate": 2.0, "seconds/solve": 1.0, "seconds/sandbox": 99.0}
    figures = speed(seconds, PROPOSALS, ATTEMPTS)
    assert figures == {**seconds, "tokens_per_second": (70 + 20) / 4}
    assert speed({"seconds/step": 1.0}, PROPOSALS, ATTEMPTS) == {"seconds/step": 1.0}


def test_a_stopwatch_adds_up_and_starts_again_when_it_is_read():
    ticks = iter([0.0, 1.0, 3.0, 4.0, 5.0, 10.0, 11.0])
    stopwatch = Stopwatch(lambda: next(ticks))
    with stopwatch("a"):
        pass
    with pytest.raises(ValueError, match="inside"), stopwatch("a"):
        raise ValueError("inside")
    assert stopwatch.read() == {"seconds/a": 3.0, "seconds/step": 10.0}
    assert stopwatch.read() == {"seconds/step": 1.0}
