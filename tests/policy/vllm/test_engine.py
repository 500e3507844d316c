"""vLLM for real, on CPU, beyond what `test_contract` asks of every policy. Run by ``make vllm-test``."""

import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from abzero.errors import BackendError, ConfigError
from abzero.policy.models import lora
from abzero.policy.vllm.engine import CacheBudget, VllmEngine
from abzero.policy.vllm.generator import ColocatedLearner, VllmGenerator
from abzero.types import Experience
from tests.policy.backends import ALIVE, LIMITS, MAX_PROMPT_TOKENS, MAX_TOKENS, NO_VLLM, STEPS
from tests.policy.conftest import local_policy

pytestmark = pytest.mark.skipif(bool(NO_VLLM), reason=NO_VLLM)
flat = chain.from_iterable
PROMPTS = ["a", "hello (1)", "def f(x) 2, 3"]


def policy(
    folder: Path,
    *,
    dtype: torch.dtype = torch.float32,
    cache: CacheBudget | None = None,
    rank: int = 0,
    **settings: object,
) -> tuple[VllmGenerator, ColocatedLearner]:
    _, learner = local_policy(folder, rank=rank, **STEPS)
    engine = VllmEngine(learner.model, dtype=dtype, length=MAX_PROMPT_TOKENS + MAX_TOKENS, cache=cache)
    ALIVE.append(engine)
    generator = VllmGenerator(engine, learner.model, learner._codec, **LIMITS, **settings)
    return generator, ColocatedLearner(learner, generator)


def as_in_a_checkpoint(model: PreTrainedModel) -> Iterable[tuple[str, Tensor]]:
    """Every weight once: a head that is the embeddings goes without saying."""
    tied = model.config.tie_word_embeddings
    return ((name, value) for name, value in lora.base_weights(model) if not (tied and name == "lm_head.weight"))


def test_the_probe_catches_the_stale_head_of_vllm_s_reload_on_cpu(folders):
    with pytest.raises(BackendError, match="vLLM does not hold the learner's weights"):
        policy(folders["wide"], weights=as_in_a_checkpoint)


def test_an_untied_head_is_not_left_behind(folders):
    generator, learner = policy(folders["wide-untied"], weights=as_in_a_checkpoint)
    learner.update(batch(generator))
    generator.sync(learner)
    assert {row.rollout.version for row in batch(generator)} == {1}


def batch(generator: VllmGenerator) -> list[Experience]:
    rollouts = flat(generator.generate(PROMPTS, 4, random.Random(0)))
    return [Experience(("solve", 0), "deduction", 0, rollout, (), (-1.0) ** i) for i, rollout in enumerate(rollouts)]


@pytest.mark.parametrize("rank", [0, 4])
def test_a_narrow_sampler_passes_the_probe_and_its_gap_is_rounding(folders, rank):
    generator, learner = policy(folders["wide"], dtype=torch.bfloat16, rank=rank)
    for _ in range(3):
        generator.sync(learner)
        assert 1e-5 < learner.update(batch(generator))["logprob_gap"] < 0.1


def test_the_learner_keeps_its_threads(folders):
    torch.set_num_threads(2)
    policy(folders["wide"])
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)
    assert torch.get_num_threads() == 1


def test_a_cache_without_room_for_one_text_names_the_setting(folders):
    with pytest.raises(ConfigError, match=r"vllm\.cache-gib .*: one text of 32 tokens takes"):
        policy(folders["wide"], cache=CacheBudget(cache_bytes=1000))


@pytest.mark.parametrize("proposer", ["learning", "frozen"])
def test_two_steps_of_self_play(tmp_path, proposer):
    sizes = ["--steps", "2", "--batch-size", "3", "--sampling.max-tokens", "48", "--propose.samples", "2"]
    sizes += ["--seeding.factor", "1", "--seeding.batches", "1", "--model.sampler-dtype", "float32"]
    sizes += ["--model.dtype", "float32", "--model.threads", "1", "--solve.attempts", "3"]
    recipe = Path(__file__).parents[3] / "recipes" / "tiny-cpu.toml"
    command = [sys.executable, "-m", "abzero", "train", str(recipe), "--run", str(tmp_path / "run")]
    command += ["--model.engine", "vllm", "--propose.frozen-copy", str(proposer == "frozen"), *sizes]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"HF_HUB_OFFLINE": "1"})
    assert done.returncode == 0, done.stdout + done.stderr
    with sqlite3.connect(tmp_path / "run" / "run.db") as journal:
        gaps = journal.execute("SELECT value FROM metric WHERE name = 'learner/logprob_gap_max'").fetchall()
    assert len(gaps) == 2
    assert max(gap for (gap,) in gaps) < 1e-3


def test_an_engine_that_ended_is_a_clear_error(folders):
    """Last of all: with it ends what vLLM keeps for the whole process."""
    generator, _ = policy(folders["wide"])
    ALIVE[-1]._llm.llm_engine.engine_core.shutdown()
    with pytest.raises(BackendError, match="vLLM: "):
        generator.generate(PROMPTS, 1, random.Random(0))
