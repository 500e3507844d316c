"""What one of several processes does in `test_sharding`; `learn` is also what a process alone does, to compare with.

RANK=0 WORLD_SIZE=2 … python -m tests.policy.sharded MODEL OUT
"""

import json
import os
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from abzero.algo.losses import Objective
from abzero.errors import AbzeroError, ConfigError
from abzero.policy.local import sharding
from abzero.policy.local.optimizer import adam_8bit
from abzero.policy.local.sharding import ALONE, World
from abzero.policy.local.worker_group import RemoteGenerator, RemoteLearner, WorkerGroup
from abzero.policy.optimisation import Optimisation
from abzero.types import Experience, Rollout
from tests.policy.conftest import local_policy

STEPS = 3
PROMPTS = ["a", "hello (1)", "def f(x) 2, 3"]
FAST = Optimisation(learning_rate=1e-2)
TWICE = Optimisation(learning_rate=1e-2, minibatches=2)
HALF = {"dtype": torch.bfloat16, "sampler_dtype": torch.bfloat16}
WAYS: dict[str, dict[str, Any]] = {
    "full": {"optimisation": FAST, "checkpointing": True},
    "full, two minibatches, a reference": {"optimisation": TWICE, "objective": Objective(kl=0.1)},
    "8-bit": {"optimisation": FAST, "adam": adam_8bit},
    "lora": {"optimisation": FAST, "rank": 3, "objective": Objective(kl=0.1)},
    "bf16": {"optimisation": FAST, **HALF},
}


def batch(step: int) -> list[Experience]:
    """Ragged rows, two prompts shared by three each, in an odd number of micro-batches: one process has one less."""
    rows = []
    for row in range(7):
        prompt = [2 + (3 * step + row // 3 + place) % 40 for place in range(1 + 2 * (row - row % 3))]
        tokens = [2 + (5 * step + 7 * row + 3 * place) % 40 for place in range(9 - row)] + [0]
        rollout = Rollout(prompt, tokens, [-3.0] * len(tokens), "", "stop")
        rows.append(Experience(("solve", row), "deduction", row, rollout, (), (-1.0) ** row * (1 + row / 3)))
    return rows


def group(folder: Path, world: World, settings: dict[str, Any]) -> WorkerGroup:
    generator, learner = local_policy(folder, gap_limit=1e9, micro_batch_tokens=40, world=world, **settings)
    return WorkerGroup(world, learner, [generator])


def learn(
    folder: Path, out: Path, start: Path | None = None, world: World = ALONE
) -> dict[str, list[dict[str, float]]]:
    """Metrics by way and step; a checkpoint of each way in `out`. Goes on from the checkpoints in `start`."""
    metrics = {}
    for name, settings in WAYS.items():
        learner = group(folder, world, settings).learner
        if start:
            learner.load(start / name)
        metrics[name] = [dict(learner.update(batch(learner.version))) for _ in range(1 if start else STEPS)]
        (out / name).mkdir(parents=True, exist_ok=True)
        learner.save(out / name)
    return metrics


@dataclass(frozen=True)
class OnTheSecond:
    """An order that the second process alone carries out."""

    act: Callable[[], None]

    def __call__(self, group: WorkerGroup) -> None:
        if group.world.rank == 1:
            self.act()


def refuse() -> None:
    raise ConfigError("the second refuses")


def die() -> None:
    os._exit(9)


def complaint(act: Callable[[], object]) -> str:
    try:
        act()
    except (AbzeroError, OSError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def lead(group: WorkerGroup, out: Path) -> dict[str, object]:
    """What the leading process sees of the whole group: updates, samples, checkpoints, errors, and a death."""
    learner, generator = RemoteLearner(group), RemoteGenerator(group, 0)
    metrics = learner.update(batch(0))
    generator.sync(learner)
    rollouts = generator.generate(PROMPTS, 2, random.Random(3))
    (out / "led").mkdir()
    learner.save(out / "led")
    learner.load(out / "led")
    return {
        "grad_norm": metrics["grad_norm"],
        "version": learner.version,
        "texts": [[rollout.text for rollout in group] for group in rollouts],
        "versions": sorted({rollout.version for group in rollouts for rollout in group}),
        "shards": [list(sharding.own(weight).shape) for weight in group.learner.model.parameters()],
        "nothing there": complaint(lambda: learner.load(out / "nowhere")),
        "no room": complaint(lambda: learner.save(out / "led" / "learner.json" / "in a file")),
        "one refuses": complaint(lambda: group.lead(OnTheSecond(refuse))),
        "one dies": complaint(lambda: group.lead(OnTheSecond(die))),
        "and then": complaint(lambda: learner.update(batch(1))),
    }


def main(folder: Path, out: Path) -> None:
    with sharding.joined("cpu") as world:
        found: dict[str, object] = {"together": learn(folder, out / "together", world=world)}
        found["alone, then together"] = learn(folder, out / "alone-together", out / "alone", world)
        led = group(folder, world, WAYS["full"])
        if world.leads:
            found |= lead(led, out)
        else:
            led.worker_loop()
    if world.leads:
        (out / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
