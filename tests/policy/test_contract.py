"""What every policy must do, whatever runs it. A new backend adds one entry to `POLICIES`."""

import random
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch

from abzero.errors import BackendError, RunError
from abzero.policy.base import Generator, Learner
from abzero.policy.optimizer import Optimisation, adam_8bit
from abzero.policy.scripted import ScriptedGenerator, ScriptedLearner
from abzero.types import Experience

from .conftest import local_policy

MAX_TOKENS = 12
flat = chain.from_iterable
PROMPTS = ["a", "hello (1)", "def f(x) 2, 3"]
Make = Callable[[], tuple[Generator, Learner]]


def scripted(folder: Path) -> tuple[Generator, Learner]:
    def babble(prompt: str, rng: random.Random) -> str:
        return "".join(rng.choices("abc", k=rng.randrange(2 * MAX_TOKENS)))

    return ScriptedGenerator(babble, max_prompt_tokens=20, max_tokens=MAX_TOKENS), ScriptedLearner()


def local(**settings: Any) -> Callable[[Path], tuple[Generator, Learner]]:
    fast = Optimisation(learning_rate=1e-2)
    return lambda folder: local_policy(
        folder, max_prompt_tokens=20, max_tokens=MAX_TOKENS, optimisation=fast, **settings
    )


POLICIES = {
    "scripted": scripted,
    "local-fp32": local(),
    "local-bf16-sampler": local(sampler_dtype=torch.bfloat16),
    "local-bf16": local(sampler_dtype=torch.bfloat16, dtype=torch.bfloat16),
    "local-8bit": local(adam=adam_8bit),
    "local-lora": local(rank=4),
    "local-lora-bf16": local(rank=4, sampler_dtype=torch.bfloat16, dtype=torch.bfloat16),
}


@pytest.fixture(params=POLICIES)
def make(request: pytest.FixtureRequest, folder: Path) -> Make:
    return lambda: POLICIES[request.param](folder)


def batch(generator: Generator, seed: int) -> list[Experience]:
    rng = random.Random(seed)
    groups = generator.generate(PROMPTS, 4, rng)
    return [
        Experience("solve", "deduction", group, rollout, (("score", 1.0),), rng.gauss(0, 1))
        for group, rollouts in enumerate(groups)
        for rollout in rollouts
    ]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_n_rollouts_of_each_prompt_in_order(make):
    generator, _ = make()
    alone = [generator.generate([prompt], 1, random.Random(0))[0][0].prompt_tokens for prompt in PROMPTS]
    groups = generator.generate(PROMPTS, 3, random.Random(0))
    assert [[list(r.prompt_tokens) for r in group] for group in groups] == [[list(tokens)] * 3 for tokens in alone]
    assert len({tuple(rollout.tokens) for rollout in groups[1]}) > 1


def test_nothing_asked_is_nothing_sampled(make):
    generator, _ = make()
    assert generator.generate([], 3, random.Random(0)) == []


def test_every_token_has_a_log_probability(make):
    generator, _ = make()
    for rollout in flat(generator.generate(PROMPTS, 8, random.Random(1))):
        assert len(rollout.logprobs) == len(rollout.tokens) > 0
        assert all(logprob <= 0 for logprob in rollout.logprobs)


def test_finished_is_told_from_truncated(make):
    generator, _ = make()
    rollouts = list(flat(generator.generate(PROMPTS, 40, random.Random(2))))
    assert {rollout.finish for rollout in rollouts} == {"stop", "length"}
    ends = {rollout.tokens[-1] for rollout in rollouts if rollout.finish == "stop"}
    assert len(ends) == 1
    for rollout in rollouts:
        assert not ends & set(rollout.tokens[:-1])
        if rollout.finish == "length":
            assert len(rollout.tokens) == MAX_TOKENS
            assert rollout.tokens[-1] not in ends
        assert len(rollout.text) == len(rollout.tokens) - (rollout.finish == "stop")


def test_prompts_beyond_the_limit_do_not_fit(make):
    generator, _ = make()
    assert generator.fits("x" * 20)
    assert not generator.fits("x" * 21)


def test_equal_random_states_give_equal_rollouts(make):
    generator, _ = make()
    first, second, third = (generator.generate(PROMPTS, 3, random.Random(seed)) for seed in (5, 5, 6))
    assert first == second != third


def test_the_version_rises_with_each_update_and_reaches_rollouts_by_sync(make):
    generator, learner = make()
    generator.sync(learner)
    assert learner.version == 0
    metrics = learner.update(batch(generator, 0))
    assert learner.version == 1
    assert metrics["tokens"] > 0
    generator.sync(learner)
    assert {row.rollout.version for row in batch(generator, 0)} == {1}


def test_an_empty_batch_changes_nothing(make, tmp_path):
    _, learner = make()
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
        learner.save(tmp_path / name)
        learner.update([])
    assert learner.version == 0
    assert files(tmp_path / "before") == files(tmp_path / "after")


def test_a_run_restored_in_the_middle_ends_with_the_same_bytes(make, tmp_path):
    def train(learner: Learner, generator: Generator, steps: range) -> None:
        for step in steps:
            generator.sync(learner)
            learner.update(batch(generator, step))

    for name in ("whole", "half", "rest"):
        (tmp_path / name).mkdir()
    generator, whole = make()
    train(whole, generator, range(4))
    whole.save(tmp_path / "whole")
    generator, first = make()
    train(first, generator, range(2))
    first.save(tmp_path / "half")
    generator, second = make()
    second.load(tmp_path / "half")
    train(second, generator, range(2, 4))
    second.save(tmp_path / "rest")
    assert second.version == 4
    assert files(tmp_path / "rest") == files(tmp_path / "whole")
    assert files(tmp_path / "half") != files(tmp_path / "whole")


def test_a_folder_that_holds_no_checkpoint_is_refused(make, tmp_path):
    _, learner = make()
    with pytest.raises(RunError):
        learner.load(tmp_path)


def test_a_local_generator_takes_no_foreign_weights(folder):
    generator, _ = local()(folder)
    with pytest.raises(BackendError, match="ScriptedLearner"):
        generator.sync(ScriptedLearner())
