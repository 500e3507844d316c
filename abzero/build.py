"""Config → objects: this and `engines` alone name implementations and compare settings with strings."""

import json
import platform
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch

from abzero import __version__, engines
from abzero.advantages import ESTIMATORS, WEIGHTS
from abzero.buffer import KEYS, Buffer
from abzero.config import Config
from abzero.credit import CoinCredit, Credit, Crediting
from abzero.errors import ConfigError
from abzero.evals.nursery import Nursery
from abzero.folder import RunFolder
from abzero.journal import Archive, Journal
from abzero.literals import same, same_types
from abzero.nursery.splits import Split, held_out
from abzero.observe import trackers as available
from abzero.oversight.duty import Duty
from abzero.oversight.duty import duty as oversight_duty
from abzero.prompts import Prompts
from abzero.rewards import BONUSES, LEARNABILITY, ProposerReward, SolverReward
from abzero.sandbox.base import Sandbox
from abzero.sandbox.limits import Limits
from abzero.sandbox.pool import SandboxPool
from abzero.seeding import seed_itself, seeds_from_file
from abzero.selfplay import SelfPlay
from abzero.settings import Oversight, SandboxSettings, Tasks
from abzero.tasks import Abduction, Deduction, Induction, TaskType
from abzero.tasks.induction import SCORES
from abzero.train import Observer
from abzero.types import Step, Task


def task_types(tasks: Tasks) -> list[TaskType]:
    """The task types in play, in the order of a step."""
    prompts = Prompts(tasks.prompts)
    equal = same_types if tasks.strict_types else same
    kinds: dict[str, TaskType] = {
        kind.mode: kind
        for kind in (
            Abduction(prompts, tasks.max_output, equal, tasks.idle_steps),
            Deduction(prompts, tasks.max_output, equal, tasks.idle_steps),
            Induction(prompts, tasks.inputs, tasks.max_output, equal, SCORES[tasks.induction_score]),
        )
    }
    if unknown := [mode for mode in tasks.modes if mode not in kinds]:
        raise ConfigError(f"tasks.modes '{unknown[0]}' does not exist: choose from {', '.join(kinds)}")
    chosen = [kind for mode, kind in kinds.items() if mode in tasks.modes]
    for kind in chosen:
        if not any(source in tasks.modes for source in kind.sources):
            raise ConfigError(f"tasks.modes '{kind.mode}' needs programs: add one of {', '.join(kind.sources)}")
    return chosen


def sandbox(settings: SandboxSettings, seed: int) -> SandboxPool:
    limits = Limits(cpu_seconds=settings.cpu_seconds)
    return SandboxPool(settings.workers or None, isolation=settings.isolation, limits=limits, seed=seed)


def credit(config: Config) -> Crediting:
    reward = config.reward
    bonuses = {name: float(getattr(reward, name)) for name in BONUSES}
    chosen = Credit(
        ProposerReward(
            LEARNABILITY[reward.learnability],
            reward.extreme,
            reward.invalid,
            {name: coefficient for name, coefficient in bonuses.items() if coefficient},
        ),
        SolverReward(reward.wrong, reward.malformed),
        trained=("propose", "solve") if config.propose.train and not config.propose.frozen_copy else ("solve",),
        reuse_estimates=config.solve.reuse_estimates,
    )
    return CoinCredit(chosen) if reward.random else chosen


def admit(config: Config) -> Callable[[Task], str | None]:
    """Why a verified task may not be used."""
    if config.tasks.holdout == "none":
        return lambda task: None
    return lambda task: "its program is held out for evaluation" if held_out(task.program) else None


def self_play(config: Config, box: Sandbox) -> SelfPlay:
    proposer, solver, learner = engines.policy(config)
    return SelfPlay(
        types=task_types(config.tasks),
        proposer=proposer,
        solver=solver,
        learner=learner,
        sandbox=box,
        buffer=Buffer(config.buffer.capacity, KEYS[config.buffer.duplicates]),
        advantage=partial(ESTIMATORS[config.advantage.estimator], weight=WEIGHTS[config.advantage.per]),
        credit=credit(config),
        batch_size=config.batch_size,
        references=config.propose.references,
        samples=config.propose.samples,
        attempts=config.solve.attempts,
        admit=admit(config),
        seed=config.seed,
    )


def first_step(
    config: Config, play: SelfPlay, journal: Journal, folder: RunFolder, report: Callable[[str], None]
) -> Callable[[], Step]:
    """How the buffer gets its first tasks: from a file, or by seeding itself."""
    if config.seeds is None:
        target = config.batch_size * config.seeding.factor
        return partial(seed_itself, play, target, config.seeding.batches, report)

    def read(path: Path) -> Step:
        tasks, refused = seeds_from_file(path, play.types, config.tasks.max_output, play.sandbox, play.objection)
        rows = "".join(json.dumps({"line": row.line, "reason": row.reason}) + "\n" for row in refused)
        folder.refused_seeds.write_text(rows, encoding="utf-8")
        kept = sum(play.buffer.add(task) for task in tasks)
        journal.seed(tasks)
        why = f"; {len(refused)} refused, see {folder.refused_seeds}" if refused else ""
        report(f"seeds: {len(tasks)} tasks from {path}, {kept} of them different{why}")
        sizes = {f"buffer/size/{kind.mode}": float(play.buffer.size(kind.mode)) for kind in play.types}
        return Step(0, [], [], [], sizes)

    return partial(read, config.seeds)


def trackers(config: Config, folder: RunFolder) -> Sequence[AbstractContextManager[Observer]]:
    """The optional observers that the config asks for."""
    chosen: list[AbstractContextManager[Observer]] = []
    if config.observe.tensorboard:
        chosen.append(available.tensorboard(folder.path / "tensorboard"))
    if config.observe.wandb:
        chosen.append(available.wandb(config.observe.wandb, folder.path, asdict(config)))
    return chosen


def duty(settings: Oversight) -> Duty:
    """The monitors that read every completion, and the gate."""
    return oversight_duty(settings.rules, settings.classifier, settings.gate, settings.severity)


def past(folder: RunFolder, done: int | None) -> list[dict[str, float]]:
    """The figures of every self-play step up to `done`, ascending."""
    if done is None or not folder.journal.is_file():
        return []
    with closing(Archive(folder.journal)) as archive:
        return [archive.metrics(step) for step in archive.steps() if 0 < step <= done]


def benchmark(suite: str, types: Sequence[TaskType], inputs: int, seed: int, n: int, split: Split) -> Nursery:
    """The problems of a suite's split: `n` in each of its cells."""
    if suite != "nursery":
        raise ConfigError(f"suite '{suite}' does not exist: choose nursery")
    return Nursery(types, split, seed, n, inputs=inputs)


def about(config: str, box: Sandbox) -> dict[str, str]:
    """What the journal notes of the whole run."""
    return {
        "version": __version__,
        "config": config,
        "isolation": box.isolation,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
    }
