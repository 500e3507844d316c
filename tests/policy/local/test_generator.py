import random
from collections import Counter
from itertools import chain
from pathlib import Path

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from abzero.policy.local import packed_engine
from abzero.policy.local.generator import LocalGenerator
from abzero.policy.local.hf_engine import HFEngine
from abzero.policy.local.packed_engine import PackedEngine
from abzero.policy.local.sampling import Engine, sample
from abzero.policy.models import loading
from abzero.types import Experience
from tests.policy.conftest import local_policy

flat = chain.from_iterable
PROMPTS = ["a", "hello (1)", "def f(x) 2, 3, 4, 5, 6, 7", "zz"]
TEMPERATURES = (0.7, 1.0)


def generator(
    folder: Path, *, tokens: int = 40, dtype: torch.dtype = torch.float32, **settings: float
) -> LocalGenerator:
    model, codec = loading.load(folder, dtype=torch.float32, device="cpu")
    return LocalGenerator(model, codec, max_tokens=tokens, dtype=dtype, **settings)


@pytest.mark.parametrize("shape", ["qwen2", "qwen3", "llama"])
@pytest.mark.parametrize("lean", [True, False])
def test_padding_and_batch_size_change_nothing(folders, shape, lean):
    model, _ = loading.load(folders[shape], dtype=torch.float32, device="cpu")
    prompts = [[5, 6, 7], list(range(2, 40)), [3], list(range(4, 24))]
    seeds = [[1, 2, 3], [4], [5, 6], [7, 8, 9, 10]]

    class Few:
        """The engine, held to one row at a time: nothing is padded and nothing is dropped."""

        def __init__(self, engine: Engine) -> None:
            self.start = engine.start

        def rows(self, prompt: int, new: int, copies: int) -> int:
            return 1

    engine: Engine = PackedEngine(model, torch.float32) if lean else HFEngine(model)
    together = sample(engine, prompts, seeds, 50, 1.0, torch.tensor([0]))
    alone = sample(Few(engine), prompts, seeds, 50, 1.0, torch.tensor([0]))
    assert [[row.tokens for row in rows] for rows in together] == [[row.tokens for row in rows] for rows in alone]
    assert {row.stopped for rows in together for row in rows} == {True, False}
    for one, other in zip(flat(together), flat(alone), strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, abs=2e-5)


@pytest.mark.parametrize("shape", ["qwen2", "qwen3", "llama"])
def test_the_lean_engine_samples_what_transformers_does(folders, shape):
    model, _ = loading.load(folders[shape], dtype=torch.float32, device="cpu")
    assert packed_engine.fits(model)
    prompts, seeds = [[5, 6, 7], list(range(2, 40)), [3]], [[1, 2], [3], [4, 5, 6]]
    lean, plain = (
        sample(engine, prompts, seeds, 40, 1.0, torch.tensor([0]))
        for engine in (PackedEngine(model, torch.float32), HFEngine(model))
    )
    assert [[row.tokens for row in rows] for rows in lean] == [[row.tokens for row in rows] for rows in plain]


@pytest.mark.parametrize("packed", [True, False])
def test_logits_of_a_wide_head_are_not_rounded(folder, packed):
    """In bf16 they are: to eight bits each."""
    model, _ = loading.load(folder, dtype=torch.bfloat16, device="cpu")
    for wide in (False, True):
        if packed:
            engine = PackedEngine(model, torch.bfloat16, wide)
        else:
            engine = HFEngine(model, model.lm_head.weight.detach().float() if wide else None)
        session, first = engine.start([[5, 6, 7], [8]], [1, 2], 4)
        for logits in (first, session.advance(torch.tensor([3, 4, 5]))):
            assert torch.equal(logits.float(), logits.bfloat16().float()) != wide


def test_first_tokens_are_as_frequent_as_the_model_says(folder):
    temperature = 0.6
    policy = generator(folder, tokens=1, temperature=temperature)
    [rollouts] = policy.generate(["abc"], 4000, random.Random(0))
    model, codec = loading.load(folder, dtype=torch.float64, device="cpu")
    with torch.no_grad():
        p = torch.softmax(model(torch.tensor([codec.encode("abc")])).logits[0, -1] / temperature, 0)
    counts = Counter(rollout.tokens[0] for rollout in rollouts)
    likely = [token for token in range(len(p)) if p[token] > 0.005]
    assert len(likely) > 5
    for token in likely:
        spread = float((p[token] * (1 - p[token]) / 4000).sqrt())
        assert counts[token] / 4000 == pytest.approx(float(p[token]), abs=4.5 * spread)


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
    assert not packed_engine.fits(learner.model)
    rollouts = list(flat(policy.generate(PROMPTS, 3, random.Random(0))))
    batch = [Experience(("solve", 0), "deduction", 0, rollout, (), 1.0) for rollout in rollouts]
    assert learner.update(batch)["logprob_gap_max"] < 1e-5
