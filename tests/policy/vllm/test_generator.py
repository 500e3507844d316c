"""The generator over an engine that sleeps, as vLLM does on CUDA alone: an engine of the same manners made of torch."""

import copy
import json
import random
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from abzero.errors import BackendError, ConfigError
from abzero.policy import weight_check
from abzero.policy.local.hf_engine import HFEngine
from abzero.policy.local.sampling import SampledRow, sample
from abzero.policy.models import lora
from abzero.policy.scripted import ScriptedLearner
from abzero.policy.vllm.engine import VllmEngine
from abzero.policy.vllm.generator import ColocatedLearner, VllmGenerator
from abzero.types import Experience
from tests.policy.backends import LIMITS, NO_VLLM, STEPS
from tests.policy.conftest import local_policy

PROMPTS = ["a", "hello (1)"]


class Sleeper:
    """Weights of its own, at first and after every sleep random; `did` is what was asked of it."""

    dtype = torch.float32
    sleeps = True

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = copy.deepcopy(model)
        self.did: list[str] = []
        self._forget()

    @torch.no_grad()
    def _forget(self) -> None:
        for parameter in self.model.parameters():
            parameter.normal_(generator=torch.Generator().manual_seed(0))

    def load(self, weights: Iterable[tuple[str, Tensor]]) -> None:
        self.did.append("load")
        held = {name.replace(".base_layer.", "."): value for name, value in self.model.state_dict().items()}
        with torch.no_grad():
            for name, value in weights:
                held[name].copy_(value)

    def adapt(self, save: Callable[[str], object]) -> None:
        self.did.append("adapt")
        with tempfile.TemporaryDirectory() as folder:
            save(folder)
            if not lora.present(self.model):
                rank = json.loads((Path(folder) / "adapter_config.json").read_text())["r"]
                lora.add(self.model, rank, 2.0 * rank)
            lora.load(self.model, Path(folder))

    def sleep(self) -> None:
        self.did.append("sleep")
        self._forget()

    def wake(self, part: str) -> None:
        self.did.append(part)

    def score(self, rows: Sequence[Sequence[int]]) -> list[list[float]]:
        self.did.append("score")
        return [row.tolist() for row in weight_check.logprobs(self.model, rows)]

    def sample(
        self, texts: Sequence[Sequence[int]], seeds: Sequence[int], new: int, temperature: float, stops: Sequence[int]
    ) -> list[SampledRow]:
        rows = sample(HFEngine(self.model), texts, [[seed] for seed in seeds], new, temperature, torch.tensor(stops))
        return [row for [row] in rows]


def policy(folder: Path, rank: int = 0, **settings: object) -> tuple[Sleeper, VllmGenerator, ColocatedLearner]:
    _, learner = local_policy(folder, rank=rank, **STEPS)
    engine = Sleeper(plain(folder))
    generator = VllmGenerator(engine, learner.model, learner._codec, **LIMITS, **settings)
    return engine, generator, ColocatedLearner(learner, generator)


def plain(folder: Path) -> PreTrainedModel:
    return local_policy(folder)[1].model


def batch(generator: VllmGenerator) -> list[Experience]:
    rollouts = [rollout for group in generator.generate(PROMPTS, 4, random.Random(0)) for rollout in group]
    return [Experience(("solve", 0), "deduction", 0, rollout, (), (-1.0) ** i) for i, rollout in enumerate(rollouts)]


@pytest.mark.parametrize("rank", [0, 4])
def test_the_sampler_sleeps_through_the_update_and_wakes_to_new_weights_that_are_proved(folder, rank):
    engine, generator, turns = policy(folder, rank)
    generator.sync(turns)
    engine.did.clear()
    turns.update(batch(generator))
    generator.sync(turns)
    assert engine.did == ["sleep", "weights", "load", *["adapt"] * (rank > 0), "kv_cache", "score"]
    assert turns.update(batch(generator))["logprob_gap_max"] < 1e-4
    assert turns.version == 2


def test_a_sleeper_is_not_asked_to_sample_and_does_not_fall_asleep_twice(folder):
    engine, generator, _ = policy(folder)
    generator.sleep()
    generator.sleep()
    assert engine.did.count("sleep") == 1
    with pytest.raises(BackendError, match="sync before sampling"):
        generator.generate(PROMPTS, 1, random.Random(0))


def test_a_hand_over_that_misses_a_tensor_is_seen_at_the_start_whatever_the_learning_rate(folder):
    def all_but_one(model: PreTrainedModel) -> Iterable[tuple[str, Tensor]]:
        return ((name, value) for name, value in lora.base_weights(model) if "layers.1.mlp.down_proj" not in name)

    with pytest.raises(BackendError, match="vLLM does not hold the learner's weights"):
        policy(folder, weights=all_but_one)


def test_an_adapter_that_is_not_taken_is_seen_at_the_start_although_it_has_learned_nothing(folder, monkeypatch):
    monkeypatch.setattr(Sleeper, "adapt", lambda self, save: None)
    with pytest.raises(BackendError, match="vLLM does not hold the learner's weights"):
        policy(folder, rank=4)


def test_it_takes_weights_of_local_learners_alone(folder):
    _, generator, _ = policy(folder)
    with pytest.raises(BackendError, match="ScriptedLearner"):
        generator.sync(ScriptedLearner())


@pytest.mark.skipif(not NO_VLLM, reason="vllm is installed")
def test_where_vllm_is_missing_the_error_names_the_extra(folder):
    with pytest.raises(ConfigError, match=r"pip install 'abzero\[vllm\]'"):
        VllmEngine(plain(folder), dtype=torch.float32, length=32)
