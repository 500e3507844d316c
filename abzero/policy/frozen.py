"""A generator that never takes new weights: the control that asks whether training the proposer helps."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from abzero.policy.base import Generator, Learner
from abzero.types import Rollout


@dataclass(frozen=True)
class FrozenGenerator:
    """Samples from `generator` as it is now, whatever the learner becomes."""

    generator: Generator

    def sync(self, learner: Learner) -> None:
        """Keep the weights."""

    def fits(self, prompt: str) -> bool:
        return self.generator.fits(prompt)

    def generate(self, prompts: Sequence[str], n: int, rng: random.Random) -> list[list[Rollout]]:
        return self.generator.generate(prompts, n, rng)
