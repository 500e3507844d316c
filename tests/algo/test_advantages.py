import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abzero.algo.advantages import (
    ESTIMATORS,
    dr_grpo,
    grpo,
    per_response,
    per_token,
    reinforce_pp,
    rloo,
    trr_grpo,
    trr_pp,
)
from tests.fakes import row


def advantages(estimator, rows, weight=per_response):
    return [round(r.advantage, 6) for r in estimator(rows, weight)]


# The vectors of the reference's own functions: rewards, lengths, per token, per response.
VECTORS = [
    (
        (1, -0.5, -1, 0.875),
        (2, 3, 1, 4),
        (0.863642, -0.987019, -1.603906, 0.709420),
        (0.909215, -0.595692, -1.097328, 0.783806),
    ),
    (
        (1, 1, -0.5, -1),
        (10, 10, 10, 10),
        (0.967866, 0.967866, -0.691333, -1.244399),
        (0.848875, 0.848875, -0.606339, -1.091410),
    ),
    ((1, -0.5), (1, 3), (1.5, -0.5), (0.707107, -0.707107)),
    (
        (0.875, 0.5, -0.5, -1, -0.5, -1, 0.125, -0.5),
        (4, 6, 2, 8, 3, 5, 7, 5),
        (1.710135, 1.147899, -0.351398, -1.101046, -0.351398, -1.101046, 0.585663, -0.351398),
        (1.643168, 1.095445, -0.365148, -1.095445, -0.365148, -1.095445, 0.547723, -0.365148),
    ),
    ((0.3, 0.3, 0.3), (1, 5, 9), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
]


@pytest.mark.parametrize(("rewards", "lengths", "by_token", "by_response"), VECTORS)
def test_trr_gives_the_reference_s_numbers(rewards, lengths, by_token, by_response):
    rows = [row(r, tokens) for r, tokens in zip(rewards, lengths, strict=True)]
    assert advantages(trr_pp, rows, per_token) == pytest.approx(by_token, abs=2e-6)
    assert advantages(trr_pp, rows) == pytest.approx(by_response, abs=2e-6)


def test_trr_normalises_each_role_and_mode_alone():
    rows = [
        *(row(r, role="solve", mode="deduction") for r in (-1, 1)),
        *(row(r, role="propose", mode="deduction") for r in (9, 11)),
        *(row(r, role="solve", mode="abduction") for r in (99, 101)),
    ]
    assert advantages(trr_pp, rows) == [-0.707107, 0.707107] * 3


def test_reinforce_compares_the_whole_batch():
    """Rewards 0, 1, 10, 11: mean 5.5, variance (2 * 5.5² + 2 * 4.5²) / 3."""
    rows = [row(0), row(1, mode="abduction"), row(10, role="propose"), row(11, group=7)]
    sigma = math.sqrt(101 / 3)
    assert advantages(reinforce_pp, rows) == pytest.approx([r / sigma for r in (-5.5, -4.5, 4.5, 5.5)], abs=1e-6)


ONE_PROMPT = [row(1, group=1), row(-0.5, group=2), row(0, group=1), row(-0.5, group=2), row(-1, group=1)]


def test_grpo_compares_the_rollouts_of_one_prompt():
    """Group 1: rewards 1, 0, -1 with mean 0 and σ 1; group 2: equal."""
    assert advantages(grpo, ONE_PROMPT) == [1.0, 0.0, 0.0, 0.0, -1.0]


def test_trr_grpo_compares_proposals_by_mode_and_attempts_by_prompt():
    """Proposals 3 and 1 as in TRR++; attempts at task 1 differ, at task 2 all fail, whatever the other modes do."""
    proposals = [row(reward, role="propose", group=group) for group, reward in enumerate((3, 1))]
    attempts = [row(1, group=3), row(-1, group=3), row(-0.5, group=4), row(-0.5, group=4), row(1, group=5)]
    assert advantages(trr_grpo, proposals + attempts) == [0.707107, -0.707107, 0.707107, -0.707107, 0.0, 0.0, 0.0]


def test_dr_grpo_does_not_scale():
    rows = [row(3, group=1), row(1, group=1), row(10, group=2), row(4, group=2)]
    assert advantages(dr_grpo, rows) == [1.0, -1.0, 3.0, -3.0]


def test_rloo_s_baseline_is_the_mean_of_the_others():
    """1 - (0 - 1)/2, 0 - (1 - 1)/2, -1 - (1 + 0)/2."""
    assert advantages(rloo, ONE_PROMPT) == [1.5, 0.0, 0.0, 0.0, -1.5]


def test_rloo_per_token_weighs_the_others_by_their_length():
    """Rewards 1, 0, 4 of 1, 2, 3 tokens; the others' means: 12/5, 13/4, 1/3."""
    rows = [row(1, 1), row(0, 2), row(4, 3)]
    assert advantages(rloo, rows, per_token) == pytest.approx([1 - 12 / 5, -13 / 4, 4 - 1 / 3], abs=1e-6)


def test_dr_grpo_per_token_weighs_the_baseline():
    assert advantages(dr_grpo, [row(1, 1), row(0, 3)], per_token) == [0.75, -0.25]


@pytest.mark.parametrize("estimator", ESTIMATORS.values())
@pytest.mark.parametrize("weight", [per_response, per_token])
@pytest.mark.parametrize(
    "rows",
    [[], [row(0.7)], [row(0.7, 9)], [row(0.1 + 0.2, 3), row(0.1 + 0.2, 5)]],
    ids=["empty", "one token", "one row", "equal"],
)
def test_where_there_is_nothing_to_compare_advantages_are_exactly_zero(estimator, weight, rows):
    assert [r.advantage for r in estimator(rows, weight)] == [0.0] * len(rows)


@pytest.mark.parametrize("estimator", ESTIMATORS.values())
@pytest.mark.parametrize("tokens", [(0, 0), (0, 1)])
def test_rows_without_tokens_compare_to_nothing_per_token(estimator, tokens):
    rows = [row(-1, tokens[0], group=1), row(1, tokens[1], group=1)]
    assert [r.advantage for r in estimator(rows, per_token)] == [0.0, 0.0]


ROWS = st.lists(
    st.builds(
        row,
        st.sampled_from([-1.0, -0.5, 0.0, 0.125, 0.875, 1.0]),
        st.integers(1, 50),
        st.sampled_from(["propose", "solve"]),
        st.sampled_from(["abduction", "deduction"]),
        st.integers(0, 3),
    ),
    max_size=30,
)


@given(ROWS, st.sampled_from([per_response, per_token]))
def test_every_group_s_weighted_mean_is_zero(rows, weight):
    for estimator in (trr_pp, reinforce_pp, grpo, dr_grpo):
        sums = {}
        for r in estimator(rows, weight):
            key = estimator.compared(r)
            sums[key] = sums.get(key, 0.0) + weight(r) * r.advantage
        assert all(abs(value) < 1e-6 for value in sums.values())


@given(ROWS)
def test_rows_come_back_in_order_with_nothing_but_their_advantage_changed(rows):
    for estimator in ESTIMATORS.values():
        for before, after in zip(rows, estimator(rows), strict=True):
            assert (after.rollout, after.terms, after.role, after.mode, after.group) == (
                *(before.rollout, before.terms, before.role, before.mode, before.group),
            )
            assert math.isfinite(after.advantage)
