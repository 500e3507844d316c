"""Everything that makes a run: one tree of frozen dataclasses, checked as a whole."""

import math
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Annotated, get_args, get_type_hints

from abzero.config import named
from abzero.config.asked import Eval
from abzero.config.schema import (
    RULES,
    Advantage,
    AtLeast,
    BufferSettings,
    CheckpointSettings,
    Fixed,
    Loss,
    Model,
    Observe,
    Optimizer,
    Oversight,
    Propose,
    Reward,
    Sampling,
    SandboxSettings,
    Seeding,
    Solve,
    Tasks,
    Tinker,
    Vllm,
)
from abzero.errors import ConfigError

_BEGINNING = Fixed("the first tasks are there", in_forks=True)


@dataclass(frozen=True)
class Config:
    """Everything that makes a run."""

    run: Annotated[Path, Fixed("it is the folder that was named")] = Path("runs/default")
    """Folder of the run; must not exist yet."""
    steps: Annotated[int, AtLeast(0)] = 500
    """Self-play steps."""
    seed: Annotated[int, Fixed("every step draws its chance from it")] = 1
    """Seed of all chance."""
    batch_size: Annotated[int, AtLeast(1)] = 64
    """B: proposals, and solver rollouts, of each mode in a step."""
    seeds: Annotated[Path | None, _BEGINNING] = None
    """JSONL file of first tasks, in place of those that the model writes itself; 'examples' has some of ours."""
    model: Model = field(default_factory=Model)
    vllm: Vllm = field(default_factory=Vllm)
    tinker: Tinker = field(default_factory=Tinker)
    sampling: Sampling = field(default_factory=Sampling)
    seeding: Annotated[Seeding, _BEGINNING] = field(default_factory=Seeding)
    tasks: Annotated[Tasks, RULES] = field(default_factory=Tasks)
    propose: Propose = field(default_factory=Propose)
    solve: Solve = field(default_factory=Solve)
    reward: Annotated[Reward, RULES] = field(default_factory=Reward)
    advantage: Annotated[Advantage, RULES] = field(default_factory=Advantage)
    loss: Loss = field(default_factory=Loss)
    optimizer: Optimizer = field(default_factory=Optimizer)
    buffer: BufferSettings = field(default_factory=BufferSettings)
    sandbox: SandboxSettings = field(default_factory=SandboxSettings)
    checkpoint: CheckpointSettings = field(default_factory=CheckpointSettings)
    eval: Eval = field(default_factory=Eval)
    observe: Observe = field(default_factory=Observe)
    oversight: Oversight = field(default_factory=Oversight)

    def __post_init__(self) -> None:
        check_numbers(self)
        if not self.tasks.modes or len(set(self.tasks.modes)) < len(self.tasks.modes):
            raise ConfigError(f"tasks.modes '{' '.join(self.tasks.modes)}': name one or more, each once")
        named.references(self)
        if self.sampling.temperature <= 0.0:
            raise ConfigError(
                f"sampling.temperature {self.sampling.temperature}: greedy samples are all alike, so only solve rates "
                "of 0 and 1 could be seen; set --sampling.temperature above 0 (the paper: 1)"
            )
        if self.propose.samples == 1 and self.propose.train and not self.propose.frozen_copy:
            raise ConfigError(
                "propose.samples 1: one attempt gives solve rates of 0 and 1 alone, so no proposal could ever earn "
                "anything; set --propose.samples 2 or more (the paper: 8), or --propose.train False"
            )
        if 0.0 < self.loss.dual_clip <= 1.0:
            raise ConfigError(f"loss.dual-clip {self.loss.dual_clip}: set it above 1, as --loss.dual-clip 3, or to 0")
        if "" in self.sampling.stop:
            raise ConfigError("sampling.stop '': nothing can be said before it; leave it out")
        if max(self.optimizer.betas) >= 1.0:
            raise ConfigError(f"optimizer.betas {self.optimizer.betas}: both must be below 1")
        if self.batch_size % self.solve.attempts:
            count = largest_divisor(self.batch_size, self.solve.attempts)
            raise ConfigError(
                f"solve.attempts {self.solve.attempts} does not divide batch-size {self.batch_size}: set "
                f"--solve.attempts {count}, or --batch-size {self.solve.attempts}"
            )
        if self.advantage.estimator in ("trr_grpo", "grpo", "dr_grpo", "rloo"):
            self._check_groups()

    def _check_groups(self) -> None:
        estimator = f"advantage.estimator '{self.advantage.estimator}' compares rollouts of one prompt"
        if self.solve.attempts < 2 and not self.solve.reuse_estimates:
            raise ConfigError(
                f"{estimator}: set --solve.attempts 2 or more, not {self.solve.attempts}, or "
                "--solve.reuse-estimates True"
            )
        if self.propose.train and not self.propose.frozen_copy and self.advantage.estimator != "trr_grpo":
            raise ConfigError(
                f"{estimator}, and a proposal's prompt has one: set --propose.train False, or "
                "--advantage.estimator trr_grpo"
            )


def largest_divisor(number: int, most: int) -> int:
    """The largest divisor of `number` that is not above `most`; both are positive."""
    return max(count for count in range(1, min(number, most) + 1) if number % count == 0)


def check_numbers(settings: object, prefix: str = "") -> None:
    """Raise `ConfigError` for a number in a tree of settings that is not finite, or below the bound of its field."""
    hints = get_type_hints(type(settings), include_extras=True)
    for field_ in fields(settings):  # type: ignore[arg-type]
        name, value = f"{prefix}{field_.name.replace('_', '-')}", getattr(settings, field_.name)
        if is_dataclass(value):
            check_numbers(value, f"{name}.")
        bounds = [note.value for note in get_args(hints[field_.name])[1:] if isinstance(note, AtLeast)]
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, int | float) and not isinstance(number, bool):
                if not math.isfinite(number):
                    raise ConfigError(f"{name} {number}: set it to a finite number")
                for least in bounds:
                    if number < least:
                        raise ConfigError(f"{name} {number}: set it to {least} or more")
