import math
from dataclasses import replace

import pytest

from abzero.algo.rewards import BONUSES, LEARNABILITY, Offer, ProposerReward, SolverReward
from abzero.types import Novelty

EIGHTHS = {
    "one_minus": [0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125, 0],
    "uncertainty": [0, 0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25, 0],
    "min": [0, 0.125, 0.25, 0.375, 0.5, 0.375, 0.25, 0.125, 0],
    "variance": [0, 0.4375, 0.75, 0.9375, 1, 0.9375, 0.75, 0.4375, 0],
    "goldilocks": [0, 1, 1, 1, 1, 1, 1, 1, 0],
}
REFERENCE = [-0.5, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125, -0.5]
PROGRAM = "def f(a):\n    return a"
ALONE = Novelty()


def total(terms):
    return sum(value for _, value in terms)


def earned(reward, k, novelty=ALONE):
    return total(reward(PROGRAM, True, k / 8, novelty))


@pytest.mark.parametrize("name", LEARNABILITY)
def test_learnability_of_k_solved_in_eight(name):
    assert [earned(ProposerReward(LEARNABILITY[name]), k) for k in range(9)] == EIGHTHS[name]


def test_the_reference_punishes_the_trivial_and_the_impossible():
    assert [earned(ProposerReward(unlearnable=-0.5), k) for k in range(9)] == REFERENCE


def test_a_proposal_that_is_no_task_or_breaks_the_format_earns_the_least():
    reward = ProposerReward(bonuses={"complexity": 1.0})
    assert reward(None, True, 0.5, Novelty()) == (("invalid", -1.0),)
    assert reward(None, False, 0.5, Novelty()) == (("invalid", -1.0),)
    assert reward(PROGRAM, False, 0.5, Novelty()) == (("malformed", -1.0),)


def test_a_reward_is_its_derivation():
    reward = ProposerReward(bonuses={"complexity": 0.5, "answer_diversity": 0.1})
    terms = dict(reward(PROGRAM, True, 0.25, Novelty(answer_share=0.75)))
    assert terms == {"learnability": 0.75, "complexity": 0.5 / 15, "answer_diversity": pytest.approx(0.025)}
    assert dict(reward(PROGRAM, True, 0.0, Novelty())) == {"unsolved": 0.0}
    assert dict(reward(PROGRAM, True, 1.0, Novelty())) == {"always solved": 0.0}


@pytest.mark.parametrize("solve_rate", [0.0, 0.5, 1.0])
def test_a_repeat_can_be_worth_what_an_invalid_proposal_is(solve_rate):
    reward = ProposerReward(invalid=-0.3, unlearnable=0.1, bonuses={"novelty": 1.0}, repeats_invalid=True)
    assert reward(PROGRAM, True, solve_rate, Novelty(repeats=1)) == (("repeated", -0.3),)
    usual = replace(reward, repeats_invalid=False)
    assert reward(PROGRAM, True, solve_rate, Novelty()) == usual(PROGRAM, True, solve_rate, Novelty())
    assert reward(None, True, solve_rate, Novelty(repeats=1)) == (("invalid", -0.3),)


@pytest.mark.parametrize(
    ("score", "well_formed", "term"),
    [
        (1.0, True, ("correct", 1.0)),
        (0.2, True, ("correct", 0.2)),
        (0.0, True, ("wrong", -0.5)),
        (None, True, ("malformed", -1.0)),
        (1.0, False, ("malformed", -1.0)),
        (0.0, False, ("malformed", -1.0)),
    ],
)
def test_the_solver_earns_one_minus_a_half_or_minus_one(score, well_formed, term):
    assert SolverReward()(score, well_formed) == (term,)


@pytest.mark.parametrize(
    ("bonus", "novelty", "value"),
    [
        ("complexity", Novelty(), 1 / 15),
        ("edit_distance", Novelty(), 0.0),
        ("edit_distance", Novelty(references=(PROGRAM,)), 0.0),
        ("edit_distance", Novelty(references=(PROGRAM, "zzz")), 0.5),
        ("answer_diversity", Novelty(), 1.0),
        ("answer_diversity", Novelty(answer_share=3 / 5), 0.4),
        ("novelty", Novelty(repeats=0), 0.0),
        ("novelty", Novelty(repeats=1), -0.25),
        ("novelty", Novelty(repeats=4), -0.4),
    ],
)
def test_bonuses_by_hand(bonus, novelty, value):
    """At a learnability of one half. Diversity 0.4 is the reference's: three answers of five are the same."""
    assert BONUSES[bonus].value(Offer(PROGRAM, 0.5, novelty)) == pytest.approx(value)


@pytest.mark.parametrize("repeats", range(5))
def test_a_program_offered_n_times_before_keeps_one_in_n_plus_one(repeats):
    reward = ProposerReward(bonuses={"novelty": 1.0})
    assert earned(reward, 2, Novelty(repeats=repeats)) == pytest.approx(0.75 / (1 + repeats))


def test_complexity_is_capped():
    branches = "".join(f"    if x == {i}:\n        return {i}\n" for i in range(40))
    assert BONUSES["complexity"].value(Offer(f"def f(x):\n{branches}", 0.5, Novelty())) == 1.0


def test_every_solve_rate_has_a_finite_learnability():
    for learnability in LEARNABILITY.values():
        assert all(math.isfinite(learnability(k / 40)) for k in range(1, 40))
