"""What one of several processes does in `test_sharding`: learn on the same rows in several ways, and save each.

RANK=0 WORLD_SIZE=2 … python -m tests.policy.sharded MODEL OUT [CHECKPOINTS]
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch

from abzero.losses import Objective
from abzero.policy import sharding
from abzero.policy.optimizer import Optimisation, adam_8bit
from abzero.policy.sharding import World
from abzero.types import Experience, Rollout

from .conftest import local_policy

STEPS = 3
FAST = Optimisation(learning_rate=1e-2)
HALF = {"dtype": torch.bfloat16}
WAYS: dict[str, dict[str, Any]] = {
    "full": {"optimisation": FAST},
    "full, checkpointing": {"optimisation": FAST, "checkpointing": True},
    "full, two minibatches and a reference": {
        "optimisation": Optimisation(learning_rate=1e-2, minibatches=2),
        "objective": Objective(kl=0.1),
    },
    "bf16": {"optimisation": FAST, **HALF},
    "8-bit": {"optimisation": FAST, "adam": adam_8bit},
    "lora": {"optimisation": FAST, "rank": 3},
    "lora, bf16, a reference": {"optimisation": FAST, "rank": 4, "objective": Objective(kl=0.1), **HALF},
}


def batch(step: int) -> list[Experience]:
    """Ragged rows, an odd number of them, so that one process has a micro-batch less."""
    rows = []
    for row in range(7):
        prompt = [2 + (3 * step + row + place) % 40 for place in range(1 + 2 * row)]
        tokens = [2 + (5 * step + 7 * row + 3 * place) % 40 for place in range(9 - row)] + [0]
        rollout = Rollout(prompt, tokens, [-3.0] * len(tokens), "", "stop")
        rows.append(Experience("solve", "deduction", row, rollout, (), (-1.0) ** row * (1 + row / 3)))
    return rows


def learn(folder: Path, out: Path, world: World, start: Path | None = None) -> dict[str, list[dict[str, float]]]:
    """Metrics by way and step; a checkpoint of each way in `out`. Goes on from the checkpoints in `start`."""
    metrics = {}
    for name, settings in WAYS.items():
        torch.manual_seed(0)
        _, learner = local_policy(folder, gap_limit=1e9, micro_batch_tokens=40, world=world, **settings)
        if start:
            learner.load(start / name)
        metrics[name] = [dict(learner.update(batch(learner.version))) for _ in range(STEPS)]
        (out / name).mkdir(parents=True, exist_ok=True)
        learner.save(out / name)
    return metrics


def main(folder: str, out: str, start: str = "") -> None:
    with sharding.joined("cpu") as world:
        metrics = learn(Path(folder), Path(out), world, Path(start) if start else None)
    (Path(out) / f"metrics-{world.rank}.json").write_text(json.dumps(metrics))


if __name__ == "__main__":
    main(*sys.argv[1:])
