"""One process leads, the others follow: a sharded learner and the generators beside it, called as if they were one.

The leading process runs the program: the loop, the sandbox, the journal. Whatever it asks of the policy it orders of
all, itself included. An order is a value that is sent and then called; all answer each one, with a result or an error.
"""

import random
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from abzero.errors import AbzeroError, BackendError
from abzero.policy.base import Learner
from abzero.policy.local.generator import LocalGenerator, draw_seeds
from abzero.policy.local.learner import LocalLearner
from abzero.policy.local.sharding import World, together
from abzero.types import Experience, Rollout

T = TypeVar("T")


@dataclass(frozen=True)
class Crew:
    """This process' share of a policy: its part of the learner, and whole generators."""

    world: World
    learner: LocalLearner
    generators: Sequence[LocalGenerator]

    def lead(self, order: Callable[["Crew"], T]) -> list[T]:
        """What `order` gives on each process, by rank. Raises the first error of any, `BackendError` if one is lost."""
        with together():
            self.world.tell(order)
            outcomes = self._carry_out(order)
        results = []
        for outcome in outcomes:
            if isinstance(outcome, AbzeroError):
                raise outcome
            results.append(outcome)
        return results

    def follow(self) -> None:
        """Carry out orders until told to stop, or until the leading process is gone: what went wrong is its to say."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        try:
            with together():
                while order := self._hear():
                    self._carry_out(order)
        except BackendError:
            return

    def _hear(self) -> Callable[["Crew"], object] | None:
        return self.world.tell(None)

    def _carry_out(self, order: Callable[["Crew"], T]) -> list[T | AbzeroError]:
        outcome: T | AbzeroError
        try:
            outcome = order(self)
        except AbzeroError as error:
            outcome = error
        return self.world.share(outcome)


@dataclass(frozen=True, slots=True)
class Update:
    batch: Sequence[Experience]

    def __call__(self, crew: Crew) -> Mapping[str, float]:
        return crew.learner.update(self.batch)


@dataclass(frozen=True, slots=True)
class Save:
    folder: Path

    def __call__(self, crew: Crew) -> OSError | None:
        try:
            crew.learner.save(self.folder)
        except OSError as error:
            return error
        return None


@dataclass(frozen=True, slots=True)
class Load:
    folder: Path

    def __call__(self, crew: Crew) -> None:
        crew.learner.load(self.folder)


@dataclass(frozen=True, slots=True)
class Sync:
    generator: int

    def __call__(self, crew: Crew) -> None:
        crew.generators[self.generator].sync(crew.learner)


@dataclass(frozen=True, slots=True)
class Sample:
    """Each process samples its part of the prompts; a rollout depends on its seed, not on where it was sampled."""

    generator: int
    prompts: Sequence[str]
    seeds: Sequence[Sequence[int]]

    def __call__(self, crew: Crew) -> list[list[Rollout]]:
        part = crew.world.part
        return crew.generators[self.generator].sample(part(self.prompts), part(self.seeds))


@dataclass(frozen=True)
class LeadingLearner:
    """The crew's learner, as the leading process sees it."""

    crew: Crew

    @property
    def version(self) -> int:
        return self.crew.learner.version

    def update(self, batch: Sequence[Experience]) -> Mapping[str, float]:
        return self.crew.lead(Update(batch))[0]

    def save(self, folder: Path) -> None:
        for error in self.crew.lead(Save(folder)):
            if error:
                raise error

    def load(self, folder: Path) -> None:
        self.crew.lead(Load(folder))


@dataclass(frozen=True)
class LeadingGenerator:
    """One of the crew's generators, as the leading process sees it."""

    crew: Crew
    number: int

    def sync(self, learner: Learner) -> None:
        self.crew.lead(Sync(self.number))

    def fits(self, prompt: str) -> bool:
        return self.crew.generators[self.number].fits(prompt)

    def generate(self, prompts: Sequence[str], n: int, rng: random.Random) -> list[list[Rollout]]:
        seeds = draw_seeds(len(prompts), n, rng)
        return self.crew.world.whole(self.crew.lead(Sample(self.number, prompts, seeds)))
