"""What a model is worth before it has learned anything: the first step's valid proposals and solve rates, by mode.

    python benchmarks/first_step.py [--n 48] [--tasks 12] [--samples 8] [--json FILE] RECIPE [--section.key value …]

Prints, for each mode, the share of `n` proposals that became tasks, with a 95 % interval, and of as many distinct ones;
then, over `tasks` of the seeds, the mean score of `samples` attempts each, and the share of tasks whose solve rate is
strictly between 0 and 1, which is what a group learns from. The model is not trained.
"""

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from abzero.algo.intervals import wilson
from abzero.cli.recipes import settings
from abzero.cli.train import Training
from abzero.config import backends, build
from abzero.config.config import Config
from abzero.config.load import checked
from abzero.errors import AbzeroError, ConfigError
from abzero.run.seeding import seeds_from_file
from abzero.tasks.prompts import boxed_seeds


def measured(
    config: Config, n: int, tasks: int, samples: int, told: Callable[[str, dict[str, Any]], None]
) -> dict[str, Any]:
    """The figures of each mode, and the seconds that everything took; each mode is `told` as soon as it is known."""
    if config.seeds is None:
        raise ConfigError("this measures solve rates on seeds: give --seeds examples, or a file")
    seeds = boxed_seeds(str(config.seeds)) or config.seeds
    config = backends.settled(replace(config, batch_size=n), config.model.name)
    with build.sandbox(config.sandbox, config.seed) as box:
        play = build.self_play(config, box)
        found, refused = seeds_from_file(seeds, play.types, config.tasks.max_output, box, play.judge)
        for task in found:
            play.buffer.add(task)
        rng = random.Random(f"first step {config.seed}")
        rows: dict[str, Any] = {"chat": config.model.chat, "refused seeds": len(refused)}
        for task_type in play.types:
            began = time.perf_counter()
            proposals = play.propose([task_type], rng)
            proposing = time.perf_counter() - began
            valid = [one for one in proposals if one.task]
            fresh = {one.task.id for one in valid if one.task} - {task.id for task in found}
            own = [task for task in found if task.mode == task_type.mode]
            drawn = random.Random(0).sample(own, min(tasks, len(own)))
            began = time.perf_counter()
            attempts = play.solve(drawn, samples, rng)
            solving = time.perf_counter() - began
            groups = [attempts[at : at + samples] for at in range(0, len(attempts), samples)]
            rates = [fmean(one.score or 0.0 for one in group) for group in groups]
            rollouts = [one.rollout for one in proposals]
            rows[task_type.mode] = {
                "n": len(proposals),
                "valid": len(valid),
                "new": len(fresh),
                "reasons": Counter(one.rejection.reason for one in proposals if one.rejection).most_common(4),
                "solve": fmean(rates),
                "mixed": fmean(0.0 < rate < 1.0 for rate in rates),
                "tasks": len(rates),
                "malformed": fmean(one.score is None for one in attempts),
                "cut": fmean(one.finish == "length" for one in rollouts),
                "solver cut": fmean(one.rollout.finish == "length" for one in attempts),
                "prompt tokens": max(len(one.prompt_tokens) for one in rollouts),
                "solver prompt tokens": max(len(one.rollout.prompt_tokens) for one in attempts),
                "tokens": fmean(len(one.tokens) for one in rollouts),
                "solver tokens": fmean(len(one.rollout.tokens) for one in attempts),
                "seconds": [proposing, solving],
                "examples": [one.rollout.text for one in proposals[:6]],
                "answers": [[one.answer, one.score] for one in attempts[:16]],
            }
            told(task_type.mode, rows[task_type.mode])
    return rows


def show(mode: str, row: dict[str, Any]) -> None:
    low, high = wilson(row["valid"] / row["n"], row["n"])
    proposing, solving = row["seconds"]
    print(
        f"{mode:<10} {row['valid'] / row['n']:>6.0%} {low:>4.0%}-{high:<4.0%} {row['new']:>5} {row['solve']:>6.1%} "
        f"{row['mixed']:>6.0%} {row['cut']:>5.0%} {row['tokens']:>7.0f} {proposing:.0f}+{solving:.0f}",
        flush=True,
    )


def show_all(given: argparse.Namespace, flags: Sequence[str]) -> None:
    config = checked(Training, settings(Training, flags, "first_step.py").config)
    torch.set_grad_enabled(False)
    print(f"prompts {config.tasks.prompts}, chat {config.model.chat}, temperature {config.sampling.temperature:g}")
    print(
        f"{'mode':<10} {'valid':>6} {'95 %':>9} {'new':>5} {'solve':>6} {'mixed':>6} {'cut':>5} {'tokens':>7} seconds"
    )
    rows = measured(config, given.n, given.tasks, given.samples, show)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=48)
    parser.add_argument("--tasks", type=int, default=12)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--json", type=Path)
    given, flags = parser.parse_known_args()
    try:
        show_all(given, flags)
    except AbzeroError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
