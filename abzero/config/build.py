"""Config → objects: this and `backends` alone name implementations and compare settings with strings."""

import json
import platform
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch

from abzero import __version__
from abzero.algo.advantages import ESTIMATORS, WEIGHTS
from abzero.algo.credit import Credit, Crediting, RandomRewards
from abzero.algo.metrics import Stopwatch
from abzero.algo.rewards import BONUSES, LEARNABILITY, ProposerReward, SolverReward
from abzero.config import backends
from abzero.config.config import Config
from abzero.config.schema import SandboxSettings, Tasks
from abzero.errors import ConfigError, Unforeseen
from abzero.evals.tiny import Nursery
from abzero.observers import trackers as available
from abzero.oversight.duty import Duty
from abzero.oversight.duty import duty as oversight_duty
from abzero.oversight.judge import endpoint
from abzero.oversight.judging import Bench
from abzero.oversight.tiers import of_judge
from abzero.policy.base import unheard
from abzero.python.literals import same, same_types
from abzero.run.directory import RunFolder
from abzero.run.files import replace_text
from abzero.run.journal import JournalWriter
from abzero.run.now import Now
from abzero.run.seeding import check_able, seed_itself, seeds_from_file
from abzero.run.seeding_log import SeedingLog
from abzero.run.seeding_progress import Progress, advice
from abzero.run.train import Observer
from abzero.sandbox.base import Sandbox
from abzero.sandbox.child.limits import Limits
from abzero.sandbox.pool import SandboxPool
from abzero.selfplay import SelfPlay
from abzero.tasks import Abduction, Deduction, Induction, TaskType
from abzero.tasks.buffer import KEYS, Buffer
from abzero.tasks.induction import SCORES
from abzero.tasks.prompts import Frame, Prompts, boxed_seeds
from abzero.tiny.splits import Split, held_out
from abzero.types import Step, Task

MOST_EXAMPLES = 6
"""Inputs that the prompt set ``examples`` shows a proposer of induction."""


def task_types(tasks: Tasks, frame: Frame | None = None) -> list[TaskType]:
    """The task types in play, in the order of a step; they ask in the chat template `frame`, if it is given."""
    prompts = Prompts(tasks.prompts, frame)
    if tasks.prompts == "examples" and tasks.inputs > MOST_EXAMPLES and "induction" in tasks.modes:
        raise ConfigError(
            f"tasks.inputs {tasks.inputs}: the prompts 'examples' show {MOST_EXAMPLES}; set --tasks.inputs "
            f"{MOST_EXAMPLES}"
        )
    equal = same_types if tasks.strict_types else same
    by_mode: dict[str, TaskType] = {
        task_type.mode: task_type
        for task_type in (
            Abduction(prompts, tasks.max_output, equal, tasks.redundant_steps, tasks.strip_comments),
            Deduction(prompts, tasks.max_output, equal, tasks.redundant_steps, tasks.strip_comments),
            Induction(prompts, tasks.inputs, tasks.max_output, equal, SCORES[tasks.induction_score]),
        )
    }
    if unknown := [mode for mode in tasks.modes if mode not in by_mode]:
        raise ConfigError(f"tasks.modes '{unknown[0]}' does not exist: choose from {', '.join(by_mode)}")
    chosen = [task_type for mode, task_type in by_mode.items() if mode in tasks.modes]
    for task_type in chosen:
        if not any(source in tasks.modes for source in task_type.sources):
            raise ConfigError(
                f"tasks.modes '{task_type.mode}' needs programs: add one of {', '.join(task_type.sources)}"
            )
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
            reward.unlearnable,
            reward.invalid,
            {name: coefficient for name, coefficient in bonuses.items() if coefficient},
        ),
        SolverReward(reward.wrong, reward.malformed),
        trained=("propose", "solve") if config.propose.train and not config.propose.frozen_copy else ("solve",),
        reuse_estimates=config.solve.reuse_estimates,
    )
    return RandomRewards(chosen) if reward.random else chosen


def admit(config: Config) -> Callable[[Task], str | None]:
    """Why a verified task may not be used."""
    if config.tasks.holdout == "none":
        return lambda task: None
    return lambda task: "its program is held out for evaluation" if held_out(task.program) else None


def self_play(config: Config, box: Sandbox, now: Now | None = None) -> SelfPlay:
    """The loop; it tells `now` what it is at."""
    types = task_types(config.tasks, backends.frame(config, config.model.name))
    proposer, solver, learner = backends.chosen(config).policy(config, now.done if now else unheard)
    return SelfPlay(
        types=types,
        proposer=proposer,
        solver=solver,
        learner=learner,
        sandbox=box,
        buffer=Buffer(
            config.buffer.capacity,
            KEYS[config.buffer.duplicates],
            answers={task_type.mode: task_type.answer for task_type in types},
        ),
        advantage=partial(ESTIMATORS[config.advantage.estimator], weight=WEIGHTS[config.advantage.per]),
        credit=credit(config),
        batch_size=config.batch_size,
        references=config.propose.references,
        samples=config.propose.samples,
        attempts=config.solve.attempts,
        admit=admit(config),
        unforeseen=Unforeseen,
        seed=config.seed,
        stopwatch=Stopwatch(begun=now.begun) if now else Stopwatch(),
    )


def first_step(
    config: Config,
    play: SelfPlay,
    journal: JournalWriter,
    folder: RunFolder,
    report: Callable[[str], None],
    progress: Callable[[Progress], None] | None = None,
) -> Callable[[Callable[[], str | None]], Step | None]:
    """How the buffer gets its first tasks: from a file, or by seeding itself, which tells its `progress`."""
    if config.seeds is None:
        sampling = config.sampling

        def tell(now: Progress) -> None:
            (progress or (lambda now: report(now.words)))(now)
            for remedy in advice(now, sampling.temperature, config.tasks.prompts, sampling.max_prompt_tokens):
                if now.over:
                    report(f"seeding: {remedy}")

        target, log = config.batch_size * config.seeding.factor, SeedingLog(folder.seeding)
        return lambda interrupted: seed_itself(play, target, config.seeding.batches, tell, interrupted, log)

    def read(path: Path) -> Step:
        tasks, refused = seeds_from_file(path, play.types, config.tasks.max_output, play.sandbox, play.judge)
        rows = "".join(json.dumps({"line": row.line, "reason": row.reason}) + "\n" for row in refused)
        replace_text(folder.refused_seeds, rows)
        kept = sum(play.buffer.add(task) for task in tasks)
        journal.seed(tasks)
        why = f"; {len(refused)} refused, see {folder.refused_seeds}" if refused else ""
        report(f"seeds: {len(tasks)} tasks from {path}, {kept} of them different{why}")
        sizes = {f"buffer/size/{task_type.mode}": float(play.buffer.size(task_type.mode)) for task_type in play.types}
        return Step(0, [], [], [], sizes)

    seeds = boxed_seeds(str(config.seeds)) or config.seeds
    return lambda _: read(seeds)


def after_seeding(config: Config, folder: RunFolder) -> list[Observer]:
    """What looks at the first step: it is an end if the model was to write tasks and could not."""
    asked = config.seeds is None and config.seeding.batches and config.batch_size * config.seeding.factor > 1
    return [SeedingLog(folder.seeding).observe, *([check_able] if asked else [])]


def trackers(config: Config, folder: RunFolder) -> Sequence[AbstractContextManager[Observer]]:
    """The optional observers that the config asks for."""
    chosen: list[AbstractContextManager[Observer]] = []
    if config.observe.tensorboard:
        chosen.append(available.tensorboard(folder.path / "tensorboard"))
    if config.observe.wandb:
        chosen.append(available.wandb(config.observe.wandb, folder.path, asdict(config)))
    return chosen


def duty(config: Config) -> Duty:
    """The monitors that read every completion, the judge that reads some, and the gate."""
    chosen = config.oversight
    if chosen.audit > 1.0:
        raise ConfigError(f"oversight.audit {chosen.audit}: a share, as --oversight.audit 0.01")
    bench = _bench(config) if chosen.judge else None
    return oversight_duty(chosen.rules, chosen.classifier, chosen.gate, chosen.severity, bench, config.seed)


def _bench(config: Config) -> Bench:
    chosen = config.oversight
    step_0 = chosen.judge == "step-0"
    if not step_0 and not chosen.judge_model:
        raise ConfigError(
            f"oversight.judge '{chosen.judge}' needs the name of its model: add --oversight.judge-model NAME"
        )
    return Bench(
        backends.step_0_judge(config) if step_0 else endpoint(chosen.judge, chosen.judge_model, chosen.judge_key),
        f"step-0 {config.model.name}" if step_0 else chosen.judge_model,
        chosen.audit,
        chosen.budget,
        chosen.lag,
        threads=0 if step_0 else 4,
        canaries=of_judge(chosen.rules),
    )


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
