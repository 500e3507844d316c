"""Everything that makes a run: one tree of frozen dataclasses, checked as a whole."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path

from abzero.config.schema import (
    Advantage,
    BufferSettings,
    CheckpointSettings,
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


@dataclass(frozen=True)
class Config:
    """Everything that makes a run."""

    run: Path = Path("runs/default")
    """Folder of the run; must not exist yet."""
    steps: int = 500
    """Self-play steps."""
    seed: int = 1
    """Seed of all chance."""
    batch_size: int = 64
    """B: proposals, and solver rollouts, of each mode in a step."""
    seeds: Path | None = None
    """JSONL file of first tasks, in place of those that the model writes itself."""
    model: Model = field(default_factory=Model)
    vllm: Vllm = field(default_factory=Vllm)
    tinker: Tinker = field(default_factory=Tinker)
    sampling: Sampling = field(default_factory=Sampling)
    seeding: Seeding = field(default_factory=Seeding)
    tasks: Tasks = field(default_factory=Tasks)
    propose: Propose = field(default_factory=Propose)
    solve: Solve = field(default_factory=Solve)
    reward: Reward = field(default_factory=Reward)
    advantage: Advantage = field(default_factory=Advantage)
    loss: Loss = field(default_factory=Loss)
    optimizer: Optimizer = field(default_factory=Optimizer)
    buffer: BufferSettings = field(default_factory=BufferSettings)
    sandbox: SandboxSettings = field(default_factory=SandboxSettings)
    checkpoint: CheckpointSettings = field(default_factory=CheckpointSettings)
    observe: Observe = field(default_factory=Observe)
    oversight: Oversight = field(default_factory=Oversight)

    def __post_init__(self) -> None:
        for name, value in numbers(self):
            if not math.isfinite(value):
                raise ConfigError(f"{name} {value}: set it to a finite number")
            if value < LEAST.get(name, -math.inf):
                raise ConfigError(f"{name} {value}: set it to {LEAST[name]} or more")
        if not self.tasks.modes or len(set(self.tasks.modes)) < len(self.tasks.modes):
            raise ConfigError(f"tasks.modes '{' '.join(self.tasks.modes)}': name one or more, each once")
        if self.sampling.temperature <= 0.0:
            raise ConfigError(
                f"sampling.temperature {self.sampling.temperature}: greedy samples are all alike, so only solve rates "
                "of 0 and 1 could be seen; set it above 0 (the paper: 1)"
            )
        if max(self.optimizer.betas) >= 1.0:
            raise ConfigError(f"optimizer.betas {self.optimizer.betas}: both must be below 1")
        if self.batch_size % self.solve.attempts:
            raise ConfigError(f"solve.attempts {self.solve.attempts} does not divide batch-size {self.batch_size}")
        if self.advantage.estimator in ("trr_grpo", "grpo", "dr_grpo", "rloo"):
            self._check_groups()

    def _check_groups(self) -> None:
        estimator = f"advantage.estimator '{self.advantage.estimator}' compares rollouts of one prompt"
        if self.solve.attempts < 2 and not self.solve.reuse_estimates:
            raise ConfigError(
                f"{estimator}: set solve.attempts >= 2, not {self.solve.attempts}, or solve.reuse-estimates True"
            )
        if self.propose.train and not self.propose.frozen_copy and self.advantage.estimator != "trr_grpo":
            raise ConfigError(f"{estimator}, and a proposal's prompt has one: set propose.train False, or use trr_grpo")


LEAST: dict[str, float] = {
    "steps": 0,
    "batch-size": 1,
    "model.lora-rank": 0,
    "model.lora-alpha": 0,
    "model.threads": 0,
    "vllm.cache-gib": 0.001,
    "vllm.sequences": 1,
    "tinker.timeout": 1,
    "tinker.connect-timeout": 0.1,
    "sampling.max-tokens": 1,
    "sampling.max-prompt-tokens": 1,
    "seeding.factor": 1,
    "seeding.batches": 0,
    "tasks.inputs": 2,
    "tasks.max-output": 1,
    "propose.references": 0,
    "propose.samples": 1,
    "solve.attempts": 1,
    "loss.clip-low": 0,
    "loss.clip-high": 0,
    "loss.importance-cap": 0,
    "loss.kl": 0,
    "loss.max-gap": 0,
    "optimizer.lr": 0,
    "optimizer.betas": 0,
    "optimizer.weight-decay": 0,
    "optimizer.clip": 1e-9,
    "optimizer.warmup": 0,
    "optimizer.minibatches": 1,
    "optimizer.microbatch-tokens": 1,
    "buffer.capacity": 1,
    "sandbox.workers": 0,
    "sandbox.cpu-seconds": 0.001,
    "checkpoint.every": 1,
    "checkpoint.keep": 1,
    "oversight.severity": 1,
}
"""The smallest value of each setting that has one."""


def numbers(settings: object, prefix: str = "") -> Iterator[tuple[str, float]]:
    """Every number in a tree of settings, with the name of its flag."""
    for field_ in fields(settings):  # type: ignore[arg-type]
        name, value = f"{prefix}{field_.name.replace('_', '-')}", getattr(settings, field_.name)
        if is_dataclass(value):
            yield from numbers(value, f"{name}.")
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, int | float) and not isinstance(number, bool):
                yield name, number
