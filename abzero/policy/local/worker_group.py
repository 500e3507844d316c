"""One process leads, the others are workers: a sharded learner and the generators beside it, called as if they were
one.

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
class WorkerGroup:
    """This process' share of a policy: its part of the learner, and whole generators."""

    world: World
    learner: LocalLearner
    generators: Sequence[LocalGenerator]

    def lead(self, order: Callable[["WorkerGroup"], T]) -> list[T]:
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

    def worker_loop(self) -> None:
        """Carry out orders until told to stop, or until the leading process is gone: what went wrong is its to say."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        try:
            with together():
                while order := self._hear():
                    self._carry_out(order)
        except BackendError:
            return

    def _hear(self) -> Callable[["WorkerGroup"], object] | None:
        return self.world.tell(None)

    def _carry_out(self, order: Callable[["WorkerGroup"], T]) -> list[T | AbzeroError]:
        outcome: T | AbzeroError
        try:
            outcome = order(self)
        except AbzeroError as error:
            outcome = error
        return self.world.share(outcome)


@dataclass(frozen=True, slots=True)
class Update:
    batch: Sequence[Experience]

    def __call__(self, group: WorkerGroup) -> Mapping[str, float]:
        return group.learner.update(self.batch)


@dataclass(frozen=True, slots=True)
class Save:
    folder: Path

    def __call__(self, group: WorkerGroup) -> OSError | None:
        try:
            group.learner.save(self.folder)
        except OSError as error:
            return error
        return None


@dataclass(frozen=True, slots=True)
class Load:
    folder: Path

    def __call__(self, group: WorkerGroup) -> None:
        group.learner.load(self.folder)


@dataclass(frozen=True, slots=True)
class Sync:
    generator: int

    def __call__(self, group: WorkerGroup) -> None:
        group.generators[self.generator].sync(group.learner)


@dataclass(frozen=True, slots=True)
class SampleCommand:
    """Each process samples its part of the prompts; a rollout depends on its seed, not on where it was sampled."""

    generator: int
    prompts: Sequence[str]
    seeds: Sequence[Sequence[int]]

    def __call__(self, group: WorkerGroup) -> list[list[Rollout]]:
        part = group.world.part
        return group.generators[self.generator].sample(part(self.prompts), part(self.seeds))


@dataclass(frozen=True)
class RemoteLearner:
    """The group's learner, as the leading process sees it."""

    group: WorkerGroup

    @property
    def version(self) -> int:
        return self.group.learner.version

    def update(self, batch: Sequence[Experience]) -> Mapping[str, float]:
        return self.group.lead(Update(batch))[0]

    def save(self, folder: Path) -> None:
        for error in self.group.lead(Save(folder)):
            if error:
                raise error

    def load(self, folder: Path) -> None:
        self.group.lead(Load(folder))


@dataclass(frozen=True)
class RemoteGenerator:
    """One of the group's generators, as the leading process sees it."""

    group: WorkerGroup
    number: int

    def sync(self, learner: Learner) -> None:
        self.group.lead(Sync(self.number))

    def fits(self, prompt: str) -> bool:
        return self.group.generators[self.number].fits(prompt)

    def generate(self, prompts: Sequence[str], n: int, rng: random.Random) -> list[list[Rollout]]:
        seeds = draw_seeds(len(prompts), n, rng)
        return self.group.world.whole(self.group.lead(SampleCommand(self.number, prompts, seeds)))
