"""``abzero eval``: measure a model on held-out problems."""

import random
import warnings
from dataclasses import asdict
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tyro.conf import Positional

from abzero.cli.output import at_once, out, progress, under_way
from abzero.cli.recipes import measured
from abzero.config import named
from abzero.config.config import Config
from abzero.errors import ConfigError
from abzero.policy.models.naming import check_named
from abzero.run.files import check_output, replace_text
from abzero.text.terminal import counted

MOST = 100_000
"""Problems of a cell: more than there are different ones worth asking, and hours of a card."""

if TYPE_CHECKING:
    from abzero.evals.results import Measurement
    from abzero.tiny.splits import Split


def evaluate(
    model: Positional[str],
    suite: str = "nursery",
    split: Literal["test", "dev", "watch"] = "test",
    seed: int = 0,
    n: int = 300,
    json: Path | None = None,
    recipe: str | None = None,
) -> int:
    """Measure a model, or a run's newest checkpoint, on held-out problems: `n` in each cell, with 95 % intervals.

    The test split is for claims, the dev split for tuning. A model that no run holds is measured with the settings that
    training it would begin with, or with those of a recipe. Of benchmarks and of results there is more, each with its
    own --help: abzero eval MODEL --suite NAME, abzero eval --samples FILE, abzero eval data, compare and export.
    """
    from abzero.evals.results import table

    if split == "watch":
        warnings.warn("the split 'watch' is now called 'dev'", FutureWarning, stacklevel=2)
        split = "dev"

    if json is not None:
        check_output(json, "--json")
    if not 1 <= n <= MOST:
        raise ConfigError(f"--n {n}: ask 1 to {MOST:,} problems of each cell, such as --n 300")
    check_named(model)
    where = suite if named.is_reference(suite) else f"{suite}, {split} split"
    at_once(f"{model} on {where}, {counted(n, 'problem')} in each cell")
    under_way("loading torch")
    if named.is_reference(suite):
        return _own(*measured(model, recipe), suite, seed, n, json)
    rows = measurements(*measured(model, recipe), suite, split, seed, n)
    out.print(table(rows))
    if json is not None:
        replace_text(json, dumps([asdict(row) for row in rows], indent=1) + "\n")
    return 0


def measurements(config: Config, name: str, suite: str, split: "Split", seed: int, n: int) -> "list[Measurement]":
    """The figures of the model `name` on a suite's split, sampled by transformers here."""
    from abzero.config import backends, build
    from abzero.config.backends import local
    from abzero.evals import tiny

    config = backends.settled(config, name)
    known = build.boxed(config.tasks)
    if not known.modes:
        raise ConfigError(
            f"suite '{suite}' has no problems of {', '.join(config.tasks.modes)}: name a suite of your own"
        )
    types = build.task_types(known, backends.frame(config, name))
    with build.sandbox(config.sandbox, config.seed) as box:
        under_way(f"loading {name}")
        loaded = local.load(config, name)
        problems = build.benchmark(suite, types, config.tasks.inputs, seed, n, split)
        with progress("answers", len(problems.problems()) * (1 + tiny.SAMPLES)) as done:
            greedy, sampling = (local.generator(config, *loaded, temperature, done) for temperature in (0.0, 1.0))
            return tiny.evaluate(problems, greedy, sampling, box, random.Random(seed))


def _own(config: Config, name: str, suite: str, seed: int, n: int, json: Path | None) -> int:
    """Measure a model on a benchmark that this user names now, with greedy answers."""
    from abzero.cli import trust
    from abzero.config import backends, build
    from abzero.config import own as own_code
    from abzero.config.backends import local
    from abzero.evals import cells

    reference = named.read(named.BENCHMARK, suite)
    own = trust.named_now([reference], [Path()]).own
    problems = own_code.benchmark(reference, own, seed, n)
    config = backends.settled(config, name)
    with build.sandbox(config.sandbox, config.seed) as box:
        under_way(f"loading {name}")
        loaded = local.load(config, name)
        with progress("answers", len(problems.problems())) as done:
            greedy = local.generator(config, *loaded, 0.0, done)
            rows = cells.measure(problems, greedy, box, random.Random(seed))
    out.print(cells.table(rows))
    if json is not None:
        replace_text(json, dumps([asdict(row) for row in rows], indent=1) + "\n")
    return 0
