"""The public contracts let through what is right, and say what is wrong."""

import pytest

from abzero import testing
from abzero.algo.advantages import ESTIMATORS
from abzero.algo.rewards import BONUSES, LEARNABILITY, SolverReward
from abzero.errors import Halt
from abzero.evals.base import Problem, Score


def test_what_is_in_the_box_keeps_the_contracts():
    for learnability in LEARNABILITY.values():
        testing.check_learnability(learnability)
    for bonus in BONUSES.values():
        testing.check_bonus(bonus.value)
    for estimator in ESTIMATORS.values():
        testing.check_estimator(estimator)
    testing.check_solver_reward(SolverReward())


@pytest.mark.parametrize(
    ("check", "wrong", "said"),
    [
        (testing.check_learnability, lambda rate: 1 / 0.0 if rate == 2 else float("nan"), "is worth nan"),
        (testing.check_learnability, lambda rate, seen=[]: seen.append(rate) or len(seen), "and then something else"),
        (testing.check_bonus, lambda offer: 2.0, "which is not in"),
        (testing.check_solver_reward, lambda score, well_formed: (), "not \\(name, number\\) pairs"),
        (testing.check_solver_reward, lambda score, well_formed: (("x", 1 - (score or 0)),), "a right answer is worth"),
        (testing.check_estimator, lambda batch, weight: batch[:1], "rows come back changed"),
    ],
)
def test_what_is_wrong_is_said(check, wrong, said):
    with pytest.raises(AssertionError, match=said):
        check(wrong)


class One:
    """A benchmark of one problem, that takes any answer for right."""

    def problems(self):
        return [Problem("a", "?", ("x",))]

    def check(self, problem, completion):
        yield []
        return Score("correct", 1.0)


def test_a_benchmark_that_takes_silence_for_an_answer_is_caught():
    with pytest.raises(AssertionError, match="problem a: '' scores"):
        testing.check_benchmark(One(), lambda problem: "yes")


def test_an_observer_may_end_the_run_and_nothing_else():
    def ends(step):
        raise Halt("enough")

    def fails(step):
        raise KeyError(step.number)

    testing.check_observer(ends)
    with pytest.raises(KeyError):
        testing.check_observer(fails)
