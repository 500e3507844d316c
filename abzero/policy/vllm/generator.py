"""The generator over an engine with weights of its own, and the learner that takes turns with it on one device.

The engine starts on random weights and gets the learner's by the same hand-over as at every `sync`, each one proved by
the parity probe. An adapter is handed over as one, since merged into narrow weights it would be rounded away; the first
is a strong random one, which the probe cannot miss. They share a process, so weights are handed over as they are,
without disk or wire between.
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor
from transformers import PreTrainedModel

from abzero.errors import BackendError
from abzero.policy import weight_check
from abzero.policy.base import Learner
from abzero.policy.local.generator import draw_seeds, rollout
from abzero.policy.local.learner import LocalLearner
from abzero.policy.local.sampling import SampledRow
from abzero.policy.models import lora
from abzero.policy.models.tokenizer import Codec
from abzero.types import Experience, Rollout


class WeightedEngine(Protocol):
    """What samples from a copy of the weights; `vllm.engine` has it in full."""

    dtype: torch.dtype
    sleeps: bool

    def load(self, weights: Iterable[tuple[str, Tensor]]) -> None: ...
    def adapt(self, save: Callable[[str], object]) -> None: ...
    def sleep(self) -> None: ...
    def wake(self, part: str) -> None: ...
    def score(self, rows: Sequence[Sequence[int]]) -> list[list[float]]: ...
    def sample(
        self, texts: Sequence[Sequence[int]], seeds: Sequence[int], new: int, temperature: float, stops: Sequence[int]
    ) -> list[SampledRow]: ...


class VllmGenerator:
    """Samples from the engine's copy of the weights: those of `model`, and after `sync` the learner's."""

    def __init__(
        self,
        engine: WeightedEngine,
        model: PreTrainedModel,
        codec: Codec,
        *,
        temperature: float = 1.0,
        max_prompt_tokens: int = 6144,
        max_tokens: int = 8096,
        weights: Callable[[PreTrainedModel], Iterable[tuple[str, Tensor]]] = lora.base_weights,
    ) -> None:
        """`weights` says what is handed over of a model beside its adapter."""
        self._engine = engine
        self._codec = codec
        self._temperature = temperature
        self._max_prompt_tokens = max_prompt_tokens
        self._max_tokens = max_tokens
        self._weights = weights
        self._version = 0
        self._asleep = False
        self._gap_limit = max(weight_check.LIMITS[engine.dtype], weight_check.LIMITS[model.dtype])
        longest = max_prompt_tokens + max_tokens - 1
        self._probe = weight_check.rows(model.config.get_text_config().vocab_size, longest)
        if lora.present(model):
            with lora.strong(model):
                self._take(model)
        self._take(model)

    def sync(self, learner: Learner) -> None:
        local = learner.learner if isinstance(learner, ColocatedLearner) else learner
        if not isinstance(local, LocalLearner):
            raise BackendError(f"vLLM cannot take weights from a {type(learner).__name__}")
        self._take(local.whole())
        self._version = learner.version

    def _take(self, model: PreTrainedModel) -> None:
        if self._asleep:
            self._engine.wake("weights")
        self._engine.load(self._weights(model))
        if lora.present(model):
            self._engine.adapt(model.save_pretrained)
        if self._asleep:
            self._engine.wake("kv_cache")
            self._asleep = False
        found, expected = self._engine.score(self._probe), weight_check.logprobs(model, self._probe)
        weight_check.check(found, expected, self._gap_limit, "vLLM")

    def sleep(self) -> None:
        """Give the device's memory to others until the next `sync`, where the engine knows how."""
        if self._engine.sleeps and not self._asleep:
            self._engine.sleep()
            self._asleep = True

    def fits(self, prompt: str) -> bool:
        return len(self._codec.encode(prompt)) <= self._max_prompt_tokens

    def generate(self, prompts: Sequence[str], n: int, rng: random.Random) -> list[list[Rollout]]:
        if self._asleep:
            raise BackendError("vLLM gave its weights up for the update: sync before sampling again")
        encoded = [self._codec.encode(prompt) for prompt in prompts]
        seeds = draw_seeds(len(prompts), n, rng)
        texts = [tokens for tokens in encoded for _ in range(n)]
        flat_seeds = [seed for row in seeds for seed in row]
        stops = sorted(self._codec.ends)
        samples = iter(self._engine.sample(texts, flat_seeds, self._max_tokens, self._temperature, stops))
        return [[rollout(self._codec, tokens, next(samples), self._version) for _ in range(n)] for tokens in encoded]


@dataclass(frozen=True, slots=True)
class ColocatedLearner:
    """A learner on the sampler's device: `sampler` sleeps while it updates."""

    learner: LocalLearner
    sampler: VllmGenerator

    @property
    def version(self) -> int:
        return self.learner.version

    def update(self, batch: Sequence[Experience]) -> Mapping[str, float]:
        self.sampler.sleep()
        return self.learner.update(batch)

    def save(self, folder: Path) -> None:
        self.learner.save(folder)

    def load(self, folder: Path) -> None:
        self.learner.load(folder)
