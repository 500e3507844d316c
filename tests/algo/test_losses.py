import itertools
import math
import random
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from abzero.algo.losses import (
    RATIOS,
    SURROGATES,
    Objective,
    Tokens,
    cispo,
    figures,
    importance,
    k3,
    policy_loss,
    role_token_weights,
    scaled,
    sequence_ratio,
    sequence_weights,
    token_weights,
)
from abzero.types import Experience, Role, Rollout

PLAIN = Objective(entropy=0.0)


def row(length: int, role: Role = "solve") -> Experience:
    rollout = Rollout((1,), (2,) * length, (-1.0,) * length, "", "stop")
    return Experience((role, 0), "deduction", 0, rollout, ())


def tokens(ratio: list[float], advantages: list[float], *, sampled: list[float] | None = None) -> Tokens:
    old = torch.full((len(ratio),), -1.0, dtype=torch.float64)
    return Tokens(
        logprobs=(old + torch.tensor(ratio, dtype=torch.float64).log()).requires_grad_(),
        entropy=torch.full_like(old, 0.5).requires_grad_(),
        old=old,
        sampled=old if sampled is None else torch.tensor(sampled, dtype=torch.float64),
        advantages=torch.tensor(advantages, dtype=torch.float64),
        weights=torch.ones_like(old),
    )


def test_sequence_weights_give_every_response_the_same_say():
    assert sequence_weights([row(1), row(4)]) == [1 / 2, 1 / 8]


def test_token_weights_give_every_token_the_same_say():
    assert token_weights([row(1), row(4)]) == [1 / 5, 1 / 5]


def test_role_token_weights_keep_the_roles_apart():
    assert role_token_weights([row(1, "propose"), row(4), row(6)]) == [1, 1 / 10, 1 / 10]


@given(st.lists(st.tuples(st.integers(1, 50), st.sampled_from(["propose", "solve"])), min_size=1))
def test_the_weights_of_a_batch_sum_to_one_mean(shape):
    batch = [row(length, role) for length, role in shape]
    for weighting, total in (
        (sequence_weights, 1),
        (token_weights, 1),
        (role_token_weights, len(dict.fromkeys(r for _, r in shape))),
    ):
        weights = weighting(batch)
        assert math.isclose(sum(w * length for w, (length, _) in zip(weights, shape, strict=True)), total)


@pytest.mark.parametrize(
    ("ratio", "advantage", "surrogate"),
    [(1.0, 2.0, 2.0), (1.5, 2.0, 2.4), (0.5, 2.0, 1.0), (1.5, -2.0, -3.0), (0.5, -2.0, -1.6)],
)
def test_the_surrogate_is_the_smaller_of_plain_and_clipped(ratio, advantage, surrogate):
    assert policy_loss(tokens([ratio], [advantage]), PLAIN).item() == pytest.approx(-surrogate)


def test_the_two_clips_are_separate():
    high = Objective(clip_low=0.2, clip_high=0.28, entropy=0.0)
    assert policy_loss(tokens([1.5], [1.0]), high).item() == pytest.approx(-1.28)
    assert policy_loss(tokens([0.5], [-1.0]), high).item() == pytest.approx(0.8)


def test_a_clipped_token_has_no_gradient():
    batch = tokens([1.5, 1.1], [1.0, 1.0])
    policy_loss(batch, PLAIN).backward()
    assert batch.logprobs.grad.tolist() == pytest.approx([0.0, -1.1])


def test_a_dual_clip_bounds_what_a_token_of_negative_advantage_counts():
    dual = Objective(entropy=0.0, dual_clip=3.0)
    batch = tokens([5.0, 2.0, 0.5, 5.0], [-1.0, -1.0, -1.0, 1.0])
    assert policy_loss(batch, dual).item() == pytest.approx(3.0 + 2.0 + 0.8 - 1.2)
    policy_loss(batch, dual).backward()
    assert batch.logprobs.grad.tolist() == pytest.approx([0.0, 2.0, 0.0, 0.0])


def test_cispo_clips_the_weight_and_leaves_each_token_its_gradient():
    batch = tokens([1.5, 0.5, 1.1], [1.0, 1.0, -2.0])
    loss = policy_loss(batch, Objective(entropy=0.0, surrogate=cispo))
    logp = batch.logprobs.detach()
    assert loss.item() == pytest.approx(float(-(1.2 * logp[0] + 0.8 * logp[1] - 2.2 * logp[2])))
    loss.backward()
    assert batch.logprobs.grad.tolist() == pytest.approx([-1.2, -0.8, 2.2])


def test_the_ratio_of_a_sequence_is_the_geometric_mean_of_its_tokens():
    """Two rows, of two and three tokens: sqrt(2 * 0.5) = 1, and (8 * 1 * 1) ** (1 / 3) = 2."""
    rows = replace(tokens([2.0, 0.5, 8.0, 1.0, 1.0], [1.0, 1.0, -1.0, -1.0, -1.0]), lengths=(2, 3))
    gspo = Objective(entropy=0.0, ratio=sequence_ratio)
    assert sequence_ratio(rows).tolist() == pytest.approx([1, 1, 2, 2, 2])
    loss = policy_loss(rows, gspo)
    assert loss.item() == pytest.approx(-2 + 3 * 2)
    loss.backward()
    assert rows.logprobs.grad.tolist() == pytest.approx([-1, -1, 2, 2, 2])
    assert figures(rows, gspo)["clip_fraction"] == 3
    assert figures(rows, PLAIN)["clip_fraction"] == 3
    assert policy_loss(rows, PLAIN).item() == pytest.approx(-1.2 - 0.5 + 8 + 1 + 1)


def test_before_the_first_step_all_ratios_and_surrogates_have_one_gradient():
    found = []
    for ratio, surrogate in itertools.product(RATIOS.values(), SURROGATES.values()):
        batch = replace(tokens([1.0] * 5, [0.7, 0.7, -1.0, -1.0, -1.0]), lengths=(2, 3))
        policy_loss(batch, Objective(entropy=0.0, ratio=ratio, surrogate=surrogate)).backward()
        found.append(batch.logprobs.grad.tolist())
    assert all(gradient == pytest.approx(found[0]) for gradient in found)


def test_truncated_rows_and_roles_count_as_much_as_they_are_told_to():
    cut = replace(row(4), rollout=replace(row(4).rollout, finish="length"))
    weigh = scaled(sequence_weights, 0.5, {"propose": 3.0, "solve": 1.0})
    assert weigh([row(1, "propose"), row(4), cut]) == pytest.approx([3 / 3, 1 / 12, 0.5 / 12])
    assert scaled(token_weights, 1.0, {"propose": 1.0, "solve": 1.0})([row(1), cut]) == token_weights([row(1), cut])


def test_importance_is_the_ratio_of_learner_to_sampler_up_to_its_cap():
    batch = tokens([1.0, 1.0, 1.0], [1.0] * 3, sampled=[-1.0 - math.log(1.5), -1.0 - math.log(7), -1.0 + math.log(4)])
    assert importance(batch, PLAIN).tolist() == pytest.approx([1.5, 2.0, 0.25])
    assert policy_loss(batch, PLAIN).item() == pytest.approx(-3.75)
    assert importance(batch, Objective(importance_cap=0.0)).tolist() == [1.0, 1.0, 1.0]


def test_k3_is_the_divergence_on_average_and_never_negative():
    p, q = torch.tensor([0.7, 0.2, 0.1]).double(), torch.tensor([0.2, 0.3, 0.5]).double()
    estimate = k3(q.log() - p.log())
    assert float((p * estimate).sum()) == pytest.approx(float((p * (p.log() - q.log())).sum()))
    assert bool((estimate >= 0).all())


def test_entropy_and_divergence_enter_with_their_coefficients():
    batch = tokens([1.0], [0.0])
    near = Tokens(
        batch.logprobs, batch.entropy, batch.old, batch.sampled, batch.advantages, batch.weights, batch.old - 1
    )
    objective = Objective(entropy=0.1, kl=0.2)
    assert policy_loss(near, objective).item() == pytest.approx(0.2 * math.exp(-1) - 0.1 * 0.5)


@given(seed=st.integers(0, 2**32), cuts=st.lists(st.integers(0, 12), max_size=4))
def test_any_split_and_order_of_the_tokens_sums_to_the_same_loss_and_figures(seed, cuts):
    rng = random.Random(seed)
    whole = tokens([rng.uniform(0.5, 1.6) for _ in range(12)], [rng.gauss(0, 1) for _ in range(12)])
    order = rng.sample(range(12), 12)
    bounds = [0, *sorted(cuts), 12]
    parts = [order[start:stop] for start, stop in itertools.pairwise(bounds) if stop > start]

    def take(part: list[int]) -> Tokens:
        fields = (whole.logprobs, whole.entropy, whole.old, whole.sampled, whole.advantages, whole.weights)
        return Tokens(*(value[part] for value in fields))

    objective = Objective(entropy=0.01)
    total = sum(policy_loss(take(part), objective).item() for part in parts)
    assert total == pytest.approx(policy_loss(whole, objective).item())
    for name, value in figures(whole, objective).items():
        found = [figures(take(part), objective)[name] for part in parts]
        assert (max(found) if name == "logprob_gap_max" else sum(found)) == pytest.approx(value)


def test_figures_count_tokens_outside_the_clip():
    measured = figures(tokens([1.0, 1.3, 0.7, 1.1], [1.0] * 4), PLAIN)
    assert (measured["tokens"], measured["clip_fraction"], measured["entropy"]) == (4, 2, 2)
