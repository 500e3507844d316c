"""Config → objects: this and `backends` alone name implementations and compare settings with strings."""

import json
import platform
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import cast

import torch

from abzero import __version__
from abzero.algo.advantages import ESTIMATORS, WEIGHTS
from abzero.algo.credit import Credit, Crediting, RandomRewards
from abzero.algo.metrics import Stopwatch
from abzero.algo.rewards import BONUSES, LEARNABILITY, ProposerReward, SolverReward, Solving
from abzero.config import backends, named
from abzero.config import own as own_code
from abzero.config.config import Config
from abzero.config.named import Own
from abzero.config.own import NONE
from abzero.config.schema import Advantage, Oversight, SandboxSettings, Tasks
from abzero.errors import ConfigError, Unforeseen
from abzero.evals.tiny import Nursery
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
from abzero.run.observers import trackers as available
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
from abzero.tasks.prompts import ChatFrame, Prompts, boxed_seeds
from abzero.tasks.trial import check_prompts
from abzero.text.terminal import counted
from abzero.tiny.splits import Split, held_out
from abzero.types import Experience, Step, Task

MOST_EXAMPLES = 6
"""Inputs that the prompt set ``examples`` shows a proposer of induction."""


def task_types(tasks: Tasks, frame: ChatFrame | None = None, own: Own = NONE) -> list[TaskType]:
    """The task types in play, in the order of a step; they ask in the chat template `frame`, if it is given.

    Those in the box come first, then those of `own` that `tasks` names.
    """
    prompts = Prompts(tasks.prompts, frame)
    equal = same_types if tasks.strict_types else same
    by_mode: dict[str, TaskType] = {
        task_type.mode: task_type
        for task_type in (
            Abduction(prompts, tasks.max_output, equal, tasks.redundant_steps, tasks.strip_comments),
            Deduction(prompts, tasks.max_output, equal, tasks.redundant_steps, tasks.strip_comments),
            Induction(prompts, tasks.inputs, tasks.max_output, equal, SCORES[tasks.induction_score]),
        )
    }
    if unknown := [mode for mode in tasks.modes if mode not in by_mode and not named.is_reference(mode)]:
        raise ConfigError(
            f"tasks.modes '{unknown[0]}' does not exist: choose from {', '.join(by_mode)}, or name code of your own as "
            "module:name"
        )
    chosen = [task_type for mode, task_type in by_mode.items() if mode in tasks.modes]
    if tasks.prompts == "examples" and any(isinstance(one, Induction) and one.inputs > MOST_EXAMPLES for one in chosen):
        raise ConfigError(
            f"tasks.inputs {tasks.inputs}: the prompts 'examples' show {MOST_EXAMPLES}; set --tasks.inputs "
            f"{MOST_EXAMPLES}"
        )
    for reference in filter(named.is_reference, tasks.modes):
        task_type = own_code.task_type(named.read(named.TASK_TYPE, reference), own, tasks, prompts, equal)
        if task_type.mode in by_mode:
            raise ConfigError(
                f"tasks.modes '{reference}' is called '{task_type.mode}', as another type: rename its mode"
            )
        by_mode[task_type.mode] = task_type
        chosen.append(task_type)
    modes = [task_type.mode for task_type in chosen]
    for task_type in chosen:
        if not any(source in modes for source in task_type.sources):
            raise ConfigError(
                f"tasks.modes '{task_type.mode}' needs programs: add one of {', '.join(task_type.sources)}"
            )
    check_prompts(chosen, tasks.prompts)
    return chosen


def boxed(tasks: Tasks) -> Tasks:
    """`tasks` with no modes but those in the box: what a command knows that runs none of a run's code."""
    return replace(tasks, modes=tuple(mode for mode in tasks.modes if not named.is_reference(mode)))


def sandbox(settings: SandboxSettings, seed: int) -> SandboxPool:
    limits = Limits(cpu_seconds=settings.cpu_seconds)
    return SandboxPool(settings.workers or None, isolation=settings.isolation, limits=limits, seed=seed)


def credit(config: Config, own: Own = NONE) -> Crediting:
    reward = config.reward
    solving: Solving = SolverReward(reward.wrong, reward.malformed)
    if named.is_reference(reward.solver):
        solving = own_code.function(named.SOLVER_REWARD, reward.solver, own)
    learnability = LEARNABILITY.get(reward.learnability) or own_code.function(
        named.LEARNABILITY, reward.learnability, own
    )
    chosen = Credit(
        ProposerReward(
            learnability,
            reward.unlearnable,
            reward.invalid,
            {name: value for name in BONUSES if (value := float(getattr(reward, name)))},
            [own_code.bonus(value, own) for value in reward.bonuses],
            repeats_invalid=reward.repeats_invalid,
        ),
        solving,
        trained=("propose", "solve") if config.propose.train and not config.propose.frozen_copy else ("solve",),
        reuse_estimates=config.solve.reuse_estimates,
    )
    return RandomRewards(chosen) if reward.random else chosen


def advantage(settings: Advantage, own: Own = NONE) -> Callable[[Sequence[Experience]], list[Experience]]:
    """The estimator, with what counts once in it."""
    weight = WEIGHTS[settings.per]
    if settings.estimator in ESTIMATORS:
        return partial(ESTIMATORS[settings.estimator], weight=weight)
    function = own_code.function(named.ESTIMATOR, settings.estimator, own)
    return lambda batch: cast(list[Experience], function(batch, weight))


def admit(config: Config) -> Callable[[Task], str | None]:
    """Why a verified task may not be used."""
    if config.tasks.holdout == "none":
        return lambda task: None
    return lambda task: "its program is held out for evaluation" if held_out(task.program) else None


def self_play(config: Config, box: Sandbox, now: Now | None = None, own: Own = NONE) -> SelfPlay:
    """The loop; it tells `now` what it is at. `own` is what settings name that is not in the box."""
    types = task_types(config.tasks, backends.frame(config, config.model.name), own)
    estimator, crediting = advantage(config.advantage, own), credit(config, own)
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
        advantage=estimator,
        credit=crediting,
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
        report(f"seeds: {counted(len(tasks), 'task')} from {path}, {kept} of them different{why}")
        sizes = {f"buffer/size/{task_type.mode}": float(play.buffer.size(task_type.mode)) for task_type in play.types}
        return Step(0, [], [], [], sizes)

    seeds = boxed_seeds(str(config.seeds)) or config.seeds
    return lambda _: read(seeds)


def after_seeding(config: Config, folder: RunFolder) -> list[Observer]:
    """What looks at the first step: it is an end if the model was to write tasks and could not."""
    asked = config.seeds is None and config.seeding.batches and config.batch_size * config.seeding.factor > 1
    return [SeedingLog(folder.seeding).observe, *([check_able] if asked else [])]


def check_at_hand(config: Config) -> None:
    """Raise `ConfigError` if seeds, or a tracker's package, are missing: the check is quick, so it comes first."""
    if config.seeds is not None and not (boxed_seeds(str(config.seeds)) or config.seeds).is_file():
        raise ConfigError(f"seeds '{config.seeds}' cannot be read: give a JSONL file that is there")
    for package, wanted in (("tensorboard", config.observe.tensorboard), ("wandb", config.observe.wandb)):
        if wanted:
            available.check_installed(package)


def trackers(config: Config, folder: RunFolder, own: Own = NONE) -> Sequence[AbstractContextManager[Observer]]:
    """The optional observers that the config asks for."""
    chosen: list[AbstractContextManager[Observer]] = []
    if config.observe.tensorboard:
        chosen.append(available.tensorboard(folder.path / "tensorboard"))
    if config.observe.wandb:
        chosen.append(available.wandb(config.observe.wandb, folder.path, asdict(config)))
    return [
        *chosen,
        *(own_code.observer(named.read(named.OBSERVER, value), folder, own) for value in config.observe.own),
    ]


def duty(config: Config) -> Duty:
    """The monitors that read every completion, the judge that reads some, and the gate."""
    chosen = config.oversight
    if chosen.audit > 1.0:
        raise ConfigError(f"oversight.audit {chosen.audit}: a share, as --oversight.audit 0.01")
    bench = _bench(config) if chosen.judge else None
    return oversight_duty(chosen.rules, chosen.classifier, chosen.gate, chosen.severity, bench, config.seed)


def unarmed(chosen: Oversight) -> list[str]:
    """What an audit without a judge does not do while the run goes on, and how it is done afterwards."""
    if not chosen.audit or chosen.judge:
        return []
    return [
        f"oversight.audit {chosen.audit} without a judge: no alarm for monitor evasion while the run goes on. People "
        "judge the drawn rows with `abzero oversight review RUN --audit 20`; `abzero oversight estimate RUN` then says"
    ]


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
