"""What the model in the box can do if it is made to work: the ceiling beside which docs/learning.md puts self-play.

    python benchmarks/made_to_work.py [MODEL] [--seed 1] [--n 100] [--json FILE]

The nursery suite's test problems, with the first token of a worked solution (a line break) written into the model's
mouth. What self-play gains up to this ceiling, it gains by choosing to work; only what lies above it is new. Not timed.
"""

import argparse
import json
import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rich.console import Console

from abzero.cli.recipes import settings
from abzero.config import backends, build
from abzero.config.backends import local
from abzero.config.config import Config
from abzero.config.load import checked
from abzero.evals.base import Problem, Score
from abzero.evals.results import table
from abzero.evals.tiny import Nursery, evaluate
from abzero.sandbox.run import Check

BEGUN = "\n    "
"""How every worked solution of the corpus begins."""


@dataclass(frozen=True)
class Begun(Nursery):
    """The suite, with the first token of the work given."""

    def problems(self) -> list[Problem]:
        return [replace(problem, prompt=problem.prompt + BEGUN) for problem in super().problems()]

    def check(self, problem: Problem, completion: str) -> Check[Score]:
        return super().check(problem, BEGUN + completion)

    def remarks(self, problem: Problem, completion: str, score: float) -> Mapping[str, float]:
        return super().remarks(problem, BEGUN + completion, score)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default="tiny")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--n", type=int, default=100)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    config = backends.settled(checked(Config, settings(Config, ["tiny-cpu"], "made_to_work.py").config), given.model)
    suite = Begun(build.task_types(config.tasks), "test", given.seed, given.n, inputs=config.tasks.inputs)
    model, codec = local.load(config, given.model)
    greedy, sampling = (local.generator(config, model, codec, temperature=t) for t in (0.0, 1.0))
    with build.sandbox(config.sandbox, given.seed) as box:
        rows = evaluate(suite, greedy, sampling, box, random.Random(given.seed))
    if given.json:
        given.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    Console().print(table(rows))


if __name__ == "__main__":
    main()
