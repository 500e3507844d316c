import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers import GraniteConfig, GraniteForCausalLM

from abzero.algo.losses import Objective, Weighting, role_token_weights, scaled, sequence_weights, token_weights
from abzero.errors import BackendError, ConfigError
from abzero.policy.local.learner import LocalLearner
from abzero.policy.local.scorer import Scorer
from abzero.policy.models import loading
from abzero.policy.optimisation import Optimisation
from abzero.types import Experience
from tests.policy.ragged import RAGGED, experience

TEMPERATURE = 0.8
OBJECTIVE = Objective(clip_low=0.1, clip_high=0.3, importance_cap=1.5, kl=0.3, entropy=0.05)


def learner(folder: Path, *, dtype: torch.dtype = torch.float64, **settings: object) -> LocalLearner:
    model, codec = loading.load(folder, dtype=dtype, device="cpu")
    return LocalLearner(model, codec, temperature=TEMPERATURE, **settings)


def by_hand(folder: Path, batch: Sequence[Experience], weighting: str, objective: Objective) -> dict[str, Tensor]:
    """The gradient by autograd in float64, row by row, from the formulas: no padding, no chunks, nothing shared."""
    model, _ = loading.load(folder, dtype=torch.float64, device="cpu")
    loss = torch.zeros((), dtype=torch.float64)
    total = sum(len(row.rollout.tokens) for row in batch)
    for row in batch:
        start, length = len(row.rollout.prompt_tokens), len(row.rollout.tokens)
        text = torch.tensor([[*row.rollout.prompt_tokens, *row.rollout.tokens]])
        logp = torch.log_softmax(model(text).logits[0, start - 1 : -1] / TEMPERATURE, -1)
        chosen = logp.gather(1, text[0, start:, None])[:, 0]
        entropy = -(logp.exp() * logp).sum(-1)
        sampled = torch.tensor(row.rollout.logprobs, dtype=torch.float64)
        truncated = torch.minimum((chosen - sampled).exp(), torch.tensor(objective.importance_cap)).detach()
        ratio = (chosen - chosen.detach()).exp()
        log_ratio = chosen.detach() - chosen
        divergence = log_ratio.exp() - log_ratio - 1
        per_token = -truncated * ratio * row.advantage + objective.kl * divergence - objective.entropy * entropy
        role = sum(len(other.rollout.tokens) for other in batch if other.role == row.role)
        share = {"sequence": len(batch) * length, "token": total, "role": role}[weighting]
        loss = loss + per_token.sum() / share
    loss.backward()
    return {name: parameter.grad for name, parameter in model.named_parameters()}


def gradients(policy: LocalLearner, batch: Sequence[Experience]) -> dict[str, Tensor]:
    """What one update accumulates, seen from outside: the sum of the gradients of all its backward passes."""
    sums: dict[str, Tensor] = {}

    def add(name: str, gradient: Tensor) -> None:
        sums[name] = sums.get(name, 0) + gradient

    hooks = [
        parameter.register_hook(lambda gradient, name=name: add(name, gradient))
        for name, parameter in policy.model.named_parameters()
    ]
    policy.update(batch)
    for hook in hooks:
        hook.remove()
    return sums


WEIGHTINGS = {"sequence": sequence_weights, "token": token_weights, "role": role_token_weights}


@pytest.mark.parametrize("shape", ["qwen2", "qwen3", "llama"])
@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_the_gradient_of_a_ragged_batch_equals_autograd_by_hand(folders, shape, weighting):
    policy = learner(folders[shape], objective=OBJECTIVE, weighting=WEIGHTINGS[weighting], gap_limit=9.0)
    expected = by_hand(folders[shape], RAGGED, weighting, OBJECTIVE)
    found = gradients(policy, RAGGED)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-9, atol=1e-12, msg=name)


rows = st.builds(
    experience,
    st.lists(st.integers(2, 48), min_size=1, max_size=6),
    st.lists(st.integers(0, 48), min_size=1, max_size=9),
    st.floats(-0.5, 0.5),
    st.floats(-2, 2),
    st.sampled_from(["propose", "solve"]),
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batch=st.lists(rows, min_size=1, max_size=6), budget=st.integers(1, 60), data=st.data())
@pytest.mark.parametrize("weighting", WEIGHTINGS.values())
def test_any_micro_batch_split_padding_and_order_give_the_same_gradient(
    folder, weighting: Weighting, batch, budget, data
):
    shuffled = data.draw(st.permutations(batch))
    whole, split = (
        gradients(
            learner(folder, objective=OBJECTIVE, weighting=weighting, gap_limit=math.inf, micro_batch_tokens=size),
            given_rows,
        )
        for size, given_rows in ((10_000, batch), (budget, shuffled))
    )
    assert whole.keys() == split.keys()
    for name, gradient in whole.items():
        # A norm of this model rounds to fp32: where sums of fp64 differ in their last bit, it may round another way.
        rounding = 1e-6 * float(gradient.abs().max())
        torch.testing.assert_close(split[name], gradient, rtol=0, atol=rounding, msg=name)


def test_checkpointing_changes_no_gradient(folder):
    plain, sparse = (
        gradients(learner(folder, objective=OBJECTIVE, gap_limit=9.0, checkpointing=flag), RAGGED)
        for flag in (False, True)
    )
    for name, gradient in plain.items():
        torch.testing.assert_close(sparse[name], gradient, msg=name)


def test_minibatches_are_steps_of_their_own_that_compare_with_the_policy_before_the_first(folder):
    policy = learner(
        folder,
        objective=Objective(entropy=0.0),
        optimisation=Optimisation(learning_rate=0.05, minibatches=3),
        gap_limit=9.0,
    )
    metrics = policy.update(RAGGED)
    assert policy.version == 1
    assert metrics["kl_old"] > 1e-3
    assert metrics["clip_fraction"] > 0


def test_a_single_step_stays_on_policy(folder):
    metrics = learner(folder, objective=Objective(entropy=0.0), gap_limit=9.0).update(RAGGED)
    assert (metrics["kl_old"], metrics["clip_fraction"]) == (0, 0)


def test_the_surprise_of_thoughts_is_their_mean_likelihood_under_the_initial_model(folder):
    """By role, over the tokens before the closing tag, whatever the weights have become; only with a reference."""
    texts = ["abcd</think>", "", "</think>abc"]
    batch = [replace(row, rollout=replace(row.rollout, text=text)) for row, text in zip(RAGGED, texts, strict=True)]
    policy = learner(folder, objective=replace(OBJECTIVE, kl=0.01), gap_limit=9.0)
    first, second = policy.update(batch), policy.update(batch)
    model, _ = loading.load(folder, dtype=torch.float64, device="cpu")
    logits = model(torch.tensor([[5, 6, 7, 8]])).logits[0, 2] / TEMPERATURE
    expected = -torch.log_softmax(logits.detach(), -1)[8].item()
    assert first["thought/surprise/solve"] == pytest.approx(expected, rel=1e-6)
    assert second["thought/surprise/solve"] == pytest.approx(expected, rel=1e-6)
    assert "thought/surprise/propose" not in first
    assert not any(name.startswith("thought/") for name in learner(folder, gap_limit=9.0).update(batch))


def test_the_update_raises_what_was_good_and_lowers_what_was_bad(folder):
    policy = learner(
        folder, optimisation=Optimisation(learning_rate=0.01), gap_limit=9.0, objective=Objective(entropy=0.0)
    )
    for _ in range(8):
        policy.update(RAGGED)
    good, bad, _ = (score(policy, row) for row in RAGGED)
    before = learner(folder)
    assert good > score(before, RAGGED[0])
    assert bad < score(before, RAGGED[1])


def score(policy: LocalLearner, row: Experience) -> float:
    text = torch.tensor([[*row.rollout.prompt_tokens, *row.rollout.tokens]])
    with torch.no_grad():
        logp = torch.log_softmax(policy.model(text).logits[0, :-1], -1).gather(1, text[0, 1:, None])
    return float(logp[len(row.rollout.prompt_tokens) - 1 :].sum())


def test_a_sampler_that_disagrees_stops_the_run_and_leaves_the_weights_alone(folder):
    policy = learner(folder, gap_limit=0.01)
    before = {name: value.clone() for name, value in policy.model.state_dict().items()}
    with pytest.raises(BackendError, match="disagree by"):
        policy.update(RAGGED)
    assert policy.version == 0
    assert all(torch.equal(value, before[name]) for name, value in policy.model.state_dict().items())


def test_a_gradient_that_is_not_finite_stops_the_run_and_leaves_the_weights_alone(folder):
    policy = learner(folder, gap_limit=9.0)
    before = {name: value.clone() for name, value in policy.model.state_dict().items()}
    with pytest.raises(BackendError, match="norm is nan"):
        policy.update([experience([5], [6, 0], 0.0, math.nan, "solve")])
    assert policy.version == 0
    assert all(torch.equal(value, before[name]) for name, value in policy.model.state_dict().items())


def test_what_is_not_finite_is_not_called_stale(folder):
    """Neither where the learner is broken, nor where the sampler says that what it took was impossible."""
    broken = learner(folder, gap_limit=0.01)
    with torch.no_grad():
        broken.model.model.norm.weight.fill_(math.nan)
    with pytest.raises(BackendError, match="not finite"):
        broken.update(RAGGED)
    impossible = replace(RAGGED[0], rollout=replace(RAGGED[0].rollout, logprobs=[-math.inf] * 3))
    with pytest.raises(BackendError, match="not finite"):
        learner(folder, gap_limit=0.01).update([impossible])


def test_gradients_that_are_not_finite_are_skipped_and_counted_and_the_others_used(folder, tmp_path):
    nan = experience([5], [6, 0], 0.0, math.nan, "solve")
    plain = {"gap_limit": 9.0, "objective": Objective(entropy=0.0)}
    two = Optimisation(learning_rate=0.01, minibatches=2, skips=1)
    policy = learner(folder, optimisation=two, **plain)
    metrics = policy.update([RAGGED[0], nan])
    assert (metrics["skipped"], metrics["tokens"]) == (1, 3)
    assert all(math.isfinite(value) for value in metrics.values())
    alone = learner(folder, optimisation=Optimisation(learning_rate=0.01, skips=1), **plain)
    assert alone.update([nan]) == {"skipped": 1}
    assert alone.update([RAGGED[0]])["skipped"] == 0
    alone.update([nan])
    alone.save(tmp_path)
    resumed = learner(folder, optimisation=two, **plain)
    resumed.load(tmp_path)
    with pytest.raises(BackendError, match=r"--optimizer\.skips"):
        resumed.update([nan])


def test_a_row_without_weight_is_not_computed(folder):
    cut = replace(RAGGED[1], rollout=replace(RAGGED[1].rollout, finish="length"))
    roles = {"propose": 1.0, "solve": 1.0}
    masked = learner(folder, weighting=scaled(sequence_weights, 0.0, roles), gap_limit=9.0)
    assert masked.update([RAGGED[0], cut])["tokens"] == 3


def test_a_wide_head_narrows_the_gap_of_a_bf16_learner(folder):
    """Its log-probabilities against those of the same bf16 hidden states in float64."""
    model, _ = loading.load(folder, dtype=torch.bfloat16, device="cpu")
    text = torch.arange(2, 40)[None]
    with torch.no_grad():
        hidden = model.get_decoder()(text).last_hidden_state[0, :-1].double()
        exact = torch.log_softmax(hidden @ model.lm_head.weight.double().T, -1).gather(1, text[0, 1:, None])[:, 0]
        gaps = [
            float((Scorer(model, 1.0, head)(text, torch.arange(1, 38))[0] - exact).abs().mean())
            for head in (None, torch.float32)
        ]
    assert gaps[1] < 1e-5 < 1e-3 < gaps[0]


def test_a_wide_head_gives_each_weight_its_gradient(folder):
    plain, wide = (
        gradients(learner(folder, dtype=torch.float32, head=head, gap_limit=9.0), RAGGED)
        for head in (None, torch.float64)
    )
    assert wide.keys() == plain.keys()
    far = {name: float((wide[name] - gradient).abs().max() / gradient.abs().max()) for name, gradient in plain.items()}
    assert {name: share for name, share in far.items() if share > 1e-4} == {}


def test_a_model_that_scales_its_logits_is_refused(folder):
    torch.manual_seed(0)
    sizes = {"vocab_size": 50, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2}
    model = GraniteForCausalLM(GraniteConfig(**sizes, **heads, logits_scaling=8.0))
    _, codec = loading.load(folder, dtype=torch.float32, device="cpu")
    with pytest.raises(ConfigError, match="granite model does more to its logits"):
        LocalLearner(model, codec)


def test_rows_without_tokens_are_left_out(folder):
    empty = experience([5], [], 0.0, 1.0, "solve")
    policy = learner(folder, gap_limit=9.0)
    assert policy.update([empty]) == {}
    assert policy.update([empty, *RAGGED])["tokens"] == 11


def test_rows_of_no_advantage_cost_nothing_and_count_in_the_mean(folder):
    """An advantage of 1e-30 is computed on, and moves nothing."""
    idle, almost_idle = (experience([4, 5], [9] * 6, 0.1, advantage, "solve") for advantage in (0.0, 1e-30))
    plain = Objective(entropy=0.0)
    skipping, computing = (learner(folder, objective=plain, weighting=token_weights, gap_limit=9) for _ in range(2))
    skipped, computed = gradients(skipping, [*RAGGED, idle]), gradients(computing, [*RAGGED, almost_idle])
    for name, gradient in computed.items():
        torch.testing.assert_close(skipped[name], gradient, rtol=1e-9, atol=1e-12)
    assert learner(folder, objective=plain, gap_limit=9).update([*RAGGED, idle])["tokens"] == 11
    assert learner(folder, objective=Objective(entropy=0.1), gap_limit=9).update([*RAGGED, idle])["tokens"] == 17


def test_a_batch_without_any_gradient_changes_nothing(folder):
    policy = learner(folder, objective=Objective(entropy=0.0))
    assert policy.update([experience([4], [9, 0], 0.0, 0.0, "solve")]) == {}
    assert policy.version == 0
