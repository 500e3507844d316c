import random
from collections import Counter
from itertools import chain
from pathlib import Path

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from abzero.losses import Objective
from abzero.policy import dense, models
from abzero.policy.cached import CachedEngine
from abzero.policy.dense import DenseEngine
from abzero.policy.local import LocalGenerator
from abzero.policy.optimizer import Optimisation
from abzero.policy.sampling import Engine, sample
from abzero.types import Experience, Rollout

from .conftest import local_policy

flat = chain.from_iterable
PROMPTS = ["a", "hello (1)", "def f(x) 2, 3, 4, 5, 6, 7", "zz"]
TEMPERATURES = (0.7, 1.0)


def generator(
    folder: Path, *, tokens: int = 40, dtype: torch.dtype = torch.float32, **settings: float
) -> LocalGenerator:
    model, codec = models.load(folder, dtype=torch.float32, device="cpu")
    return LocalGenerator(model, codec, max_tokens=tokens, dtype=dtype, **settings)


def reference(folder: Path, rollout: Rollout, temperature: float) -> torch.Tensor:
    """Log-probabilities of a rollout's tokens in float64: one row, no padding, no cache, the model as published."""
    model, _ = models.load(folder, dtype=torch.float64, device="cpu")
    text = torch.tensor([[*rollout.prompt_tokens, *rollout.tokens]])
    with torch.no_grad():
        logp = torch.log_softmax(model(text).logits[0] / temperature, -1)
    start = len(rollout.prompt_tokens)
    return logp[start - 1 : -1].gather(1, text[0, start:, None])[:, 0]


@pytest.mark.parametrize("shape", ["qwen2", "qwen3", "llama"])
@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_log_probabilities_equal_a_float64_reference(folders, shape, temperature):
    policy = generator(folders[shape], temperature=temperature)
    for rollout in flat(policy.generate(PROMPTS, 2, random.Random(0))):
        found = torch.tensor(rollout.logprobs, dtype=torch.float64)
        torch.testing.assert_close(found, reference(folders[shape], rollout, temperature), rtol=0, atol=2e-5)


def test_bf16_log_probabilities_are_near_the_reference(folder):
    policy = generator(folder, dtype=torch.bfloat16)
    gaps = [
        (torch.tensor(rollout.logprobs) - reference(folder, rollout, 1.0)).abs().mean()
        for rollout in flat(policy.generate(PROMPTS, 4, random.Random(0)))
    ]
    assert 1e-5 < float(sum(gaps) / len(gaps)) < 0.1


@pytest.mark.parametrize("shape", ["qwen2", "qwen3", "llama"])
@pytest.mark.parametrize("lean", [True, False])
def test_padding_and_batch_size_change_nothing(folders, shape, lean):
    model, _ = models.load(folders[shape], dtype=torch.float32, device="cpu")
    prompts = [[5, 6, 7], list(range(2, 40)), [3], list(range(4, 24))]
    seeds = [[1, 2, 3], [4], [5, 6], [7, 8, 9, 10]]

    class Few:
        """The engine, held to one row at a time: nothing is padded and nothing is dropped."""

        def __init__(self, engine: Engine) -> None:
            self.start = engine.start

        def rows(self, tokens: int) -> int:
            return 1

    engine: Engine = DenseEngine(model, torch.float32) if lean else CachedEngine(model)
    together = sample(engine, prompts, seeds, 50, 1.0, torch.tensor([0]))
    alone = sample(Few(engine), prompts, seeds, 50, 1.0, torch.tensor([0]))
    assert [[row.tokens for row in rows] for rows in together] == [[row.tokens for row in rows] for rows in alone]
    assert {row.stopped for rows in together for row in rows} == {True, False}
    for one, other in zip(flat(together), flat(alone), strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, abs=2e-5)


@pytest.mark.parametrize("shape", ["qwen2", "qwen3", "llama"])
def test_the_lean_engine_samples_what_transformers_does(folders, shape):
    model, _ = models.load(folders[shape], dtype=torch.float32, device="cpu")
    assert dense.fits(model)
    prompts, seeds = [[5, 6, 7], list(range(2, 40)), [3]], [[1, 2], [3], [4, 5, 6]]
    lean, plain = (
        sample(engine, prompts, seeds, 40, 1.0, torch.tensor([0]))
        for engine in (DenseEngine(model, torch.float32), CachedEngine(model))
    )
    assert [[row.tokens for row in rows] for rows in lean] == [[row.tokens for row in rows] for rows in plain]


def test_first_tokens_are_as_frequent_as_the_model_says(folder):
    temperature = 0.6
    policy = generator(folder, tokens=1, temperature=temperature)
    [rollouts] = policy.generate(["abc"], 4000, random.Random(0))
    model, codec = models.load(folder, dtype=torch.float64, device="cpu")
    with torch.no_grad():
        p = torch.softmax(model(torch.tensor([codec.encode("abc")])).logits[0, -1] / temperature, 0)
    counts = Counter(rollout.tokens[0] for rollout in rollouts)
    likely = [token for token in range(len(p)) if p[token] > 0.005]
    assert len(likely) > 5
    for token in likely:
        spread = float((p[token] * (1 - p[token]) / 4000).sqrt())
        assert counts[token] / 4000 == pytest.approx(float(p[token]), abs=4.5 * spread)


def test_after_sync_samples_come_from_the_new_weights(folder):
    policy, learner = local_policy(
        folder,
        max_tokens=20,
        optimisation=Optimisation(learning_rate=0.05),
        objective=Objective(entropy=0.0),
        gap_limit=9.0,
    )
    rollouts = list(flat(policy.generate(PROMPTS, 4, random.Random(0))))
    learner.update([Experience("solve", "deduction", 0, rollout, (), 1.0) for rollout in rollouts])
    stale = list(flat(policy.generate(PROMPTS, 4, random.Random(1))))
    policy.sync(learner)
    fresh = list(flat(policy.generate(PROMPTS, 4, random.Random(1))))
    gaps = [
        learner.update([Experience("solve", "deduction", 0, rollout, (), 0.0) for rollout in rows])["logprob_gap_max"]
        for rows in (fresh, stale)
    ]
    assert gaps[0] < 1e-4
    assert gaps[1] > 0.5


def test_without_sync_the_sampler_keeps_the_weights_it_has(folder):
    policy, learner = local_policy(folder, optimisation=Optimisation(learning_rate=0.05))
    policy.sync(learner)
    before = policy.generate(PROMPTS, 4, random.Random(0))
    learner.update([Experience("solve", "deduction", 0, rollout, (), 1.0) for rollout in flat(before)])
    assert policy.generate(PROMPTS, 4, random.Random(0)) == before
    policy.sync(learner)
    assert policy.generate(PROMPTS, 4, random.Random(0)) != before


def test_greedy_samples_are_all_alike(folder):
    [rollouts] = generator(folder, temperature=0.0).generate(["abc"], 3, random.Random(0))
    assert len({tuple(rollout.tokens) for rollout in rollouts}) == 1


def test_other_shapes_run_on_their_own_cache(tmp_path, folder):
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_embd=32, n_layer=2, n_head=2, n_positions=64, eos_token_id=0))
    model.save_pretrained(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    policy, learner = local_policy(tmp_path, max_tokens=20)
    assert not dense.fits(learner.model)
    rollouts = list(flat(policy.generate(PROMPTS, 3, random.Random(0))))
    batch = [Experience("solve", "deduction", 0, rollout, (), 1.0) for rollout in rollouts]
    assert learner.update(batch)["logprob_gap_max"] < 1e-5
