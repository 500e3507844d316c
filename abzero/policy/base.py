"""The policy's two seams: a generator samples, a learner updates. Neither knows what a task is."""

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from abzero.types import Experience, Rollout

RolloutEnded = Callable[[int], None]
"""Is told how many more rollouts have come to their end, while a generator samples."""


def unheard(count: int) -> None:
    """Tells nobody."""


class Learner(Protocol):
    """Owns the trainable weights and the optimizer."""

    @property
    def version(self) -> int:
        """How many updates the weights have seen."""

    def update(self, batch: Sequence[Experience]) -> Mapping[str, float]:
        """Take one policy-gradient step on `batch` and return its metrics; an empty batch changes nothing."""

    def save(self, folder: Path) -> None:
        """Write weights and optimizer into the empty `folder`, without pickle; raises `OSError` if the disk refuses."""

    def load(self, folder: Path) -> None:
        """Restore exactly what `save` wrote; raises `RunError` if the folder does not fit this learner."""


class Generator(Protocol):
    """Samples completions at the training temperature, with the log-probability of every sampled token."""

    def sync(self, learner: Learner) -> None:
        """Sample from the learner's current weights from now on."""

    def fits(self, prompt: str) -> bool:
        """Whether `prompt` is within the prompt's token limit."""

    def generate(self, prompts: Sequence[str], n: int, rng: random.Random) -> list[list[Rollout]]:
        """Sample `n` independent rollouts of each prompt, in order. Equal arguments and weights, equal rollouts."""
