import dataclasses
import random

from abzero.algo.credit import Credit, RandomRewards, novelty_of
from abzero.algo.metrics import measure
from abzero.algo.rewards import ProposerReward, SolverReward
from abzero.tasks.buffer import Buffer
from abzero.types import Attempt, Case, Novelty, Proposal, Rejection, Task
from tests.fakes import rollout, task


def proposal(number=1, made=True, well_formed=True, rate=0.25, prompt="p"):
    outcome = task(number) if made else Rejection("no")
    return Proposal("deduction", prompt, rollout(str(number)), (), outcome, well_formed, rate if made else None)


def attempt(score, prompt="a", well_formed=True, proposal=None, mode="deduction"):
    return Attempt(task(1, mode), prompt, rollout(), score, "", well_formed, proposal)


PROPOSALS = [proposal(1), proposal(2, made=False), proposal(3, well_formed=False), proposal(4, rate=1.0)]
ATTEMPTS = [attempt(1.0, proposal=0), attempt(0.0), attempt(None), attempt(1.0, mode="abduction")]


def credited(credit, proposals=PROPOSALS, attempts=ATTEMPTS):
    return credit(proposals, attempts, random.Random(0))


def test_each_rollout_gets_its_reward():
    rows = credited(Credit())
    assert [(row.role, row.mode, row.reward) for row in rows] == [
        ("propose", "deduction", 0.75),
        ("propose", "deduction", -1.0),
        ("propose", "deduction", -1.0),
        ("propose", "deduction", 0.0),
        ("solve", "deduction", -0.5),
        ("solve", "deduction", -1.0),
        ("solve", "abduction", 1.0),
    ]
    assert [row.rollout for row in rows] == [record.rollout for record in (*PROPOSALS, *ATTEMPTS[1:])]
    assert [row.source for row in rows] == [*(("propose", n) for n in range(4)), *(("solve", n) for n in (1, 2, 3))]


def test_estimates_train_the_solver_where_it_is_asked_for():
    rows = credited(Credit(reuse_estimates=True))
    assert [row.reward for row in rows if row.role == "solve"] == [1.0, -0.5, -1.0, 1.0]


def test_one_role_may_be_trained_alone():
    assert {row.role for row in credited(Credit(trained=("solve",)))} == {"solve"}
    assert {row.role for row in credited(Credit(trained=("propose",)))} == {"propose"}


def test_the_rewards_are_those_that_it_was_given():
    rows = credited(Credit(ProposerReward(unlearnable=-0.5, invalid=-2.0), SolverReward(wrong=0.0, malformed=-3.0)))
    assert [row.reward for row in rows] == [0.75, -2.0, -2.0, -0.5, 0.0, -3.0, 1.0]


def test_rollouts_of_one_prompt_share_a_group():
    proposals = [proposal(1, prompt="p"), proposal(2, prompt="q"), proposal(3, prompt="p")]
    attempts = [attempt(1.0, "a"), attempt(0.0, "b"), attempt(0.0, "a")]
    groups = [row.group for row in credited(Credit(), proposals, attempts)]
    assert groups[0] == groups[2]
    assert groups[3] == groups[5]
    assert len(set(groups)) == 4


def test_a_coin_rewards_the_same_rollouts_with_one_or_minus_one():
    coin = RandomRewards(Credit())
    rows = credited(coin, attempts=ATTEMPTS * 100)
    assert [row.rollout for row in rows] == [row.rollout for row in credited(Credit(), attempts=ATTEMPTS * 100)]
    values = [row.reward for row in rows]
    assert set(values) == {-1.0, 1.0}
    assert abs(sum(values)) < 60
    assert credited(coin) == credited(coin)


def test_a_proposal_is_compared_with_what_the_buffer_held_before_it():
    buffer = Buffer()
    first = Task("deduction", "def f(x):\n    return x", (Case("1", "1"),))
    for held in (first, first, Task("deduction", "def f(x):\n    return 1", (Case("2", "1"),)), task(8), task(9)):
        buffer.add(held)
    again = Task("deduction", "def f(y):\n    return y  # again", (Case("1", "1"),))
    made = Proposal("deduction", "", rollout(), (first, task(8)), again, True, 0.5)
    assert novelty_of(made, buffer) == Novelty((first.program, task(8).program), repeats=2, answer_share=0.5)
    assert novelty_of(proposal(made=False), buffer) == Novelty()


def test_a_proposal_that_we_refused_for_reasons_of_ours_is_neither_rewarded_nor_counted():
    kept = proposal()
    refused = dataclasses.replace(proposal(), outcome=Rejection("held out", ours=True))
    rows = Credit()([kept, refused], [], random.Random(0))
    assert [row.rollout for row in rows] == [kept.rollout]
    assert measure([kept, refused], [], rows, {}, {}, str)["propose/valid/deduction"] == 1.0


def test_a_bonus_sees_how_the_proposal_compares_with_others():
    again = dataclasses.replace(proposal(), novelty=Novelty(repeats=1))
    [row] = Credit(ProposerReward(bonuses={"novelty": 1.0}))([again], [], random.Random(0))
    assert dict(row.terms) == {"learnability": 0.75, "novelty": -0.375}
