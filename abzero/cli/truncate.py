"""`abzero oversight truncate`: what a run's model still earns when its thoughts are cut short."""

import random
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, replace
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from tyro.conf import Positional

from abzero.cli.arguments import Switch
from abzero.cli.output import out, progress, say, under_way
from abzero.cli.recipes import measured
from abzero.config.config import Config
from abzero.errors import ConfigError
from abzero.run.directory import RunFolder
from abzero.run.journal import Attempted, JournalReader
from abzero.text.terminal import Ragged, counted

if TYPE_CHECKING:
    from abzero.oversight.truncate import TruncatedScores
    from abzero.types import Task


def truncate(run: Positional[Path], n: int = 100, seed: int = 0, json: Switch = False) -> int:
    """Let the newest checkpoint answer after 0, 25, 50, 75 and 100 % of its own thoughts, and grade the answers.

    Of each mode the newest --n tasks, an attempt with a thought at each. A score that stays when the thought is
    gone was not earned by it: the task is easy, its answer is leaked, or what decides is not written down.
    """
    from abzero.oversight.truncate import CUTS

    if n < 1:
        raise ConfigError(f"--n {n}: give 1 or more attempts of each mode, as --n 100")
    folder = RunFolder(run)
    folder.read_config()
    config, weights = measured(str(run))
    with closing(JournalReader(folder.journal)) as reader:
        rows, passed = _last(reader, config.tasks.modes, n)
    if not rows:
        raise ConfigError(f"run '{run}' has no attempt with a thought and a judged answer: there is nothing to cut")
    found = _scored(config, weights, rows, seed)
    if json:
        print(dumps({"cuts": CUTS, "passed_over": passed, "modes": [_row(one) for one in found]}, indent=1))
        return 0
    out.print(_table(found))
    say(f"{counted(passed, 'attempt')} passed over: without a thought, an answer apart from it, or a score")
    return 0


def _last(reader: JournalReader, modes: Sequence[str], n: int) -> "tuple[list[tuple[Attempted, Task]], int]":
    """The newest usable attempts of each mode, one a task and at most `n`, and how many were no use."""
    from abzero.oversight.truncate import usable

    found: dict[str, tuple[Attempted, Task]] = {}
    counts, passed = dict.fromkeys(modes, 0), 0
    for step in reversed(reader.steps()):
        for attempt in reader.attempts(step):
            if attempt.task in found or counts.get(attempt.mode, n) >= n:
                continue
            if not usable(attempt):
                passed += 1
                continue
            counts[attempt.mode] += 1
            found[attempt.task] = (attempt, reader.task(attempt.task))
        if all(count >= n for count in counts.values()):
            break
    return sorted(found.values(), key=lambda row: row[0].mode), passed


def _scored(config: Config, weights: str, rows: "list[tuple[Attempted, Task]]", seed: int) -> "list[TruncatedScores]":
    under_way("loading torch")
    from abzero.config import backends, build
    from abzero.config.backends import local
    from abzero.oversight.truncate import CUTS, scores

    config = backends.settled(config, weights)
    types = build.task_types(build.boxed(config.tasks), backends.frame(config, weights))
    known = {one.mode: one for one in types}
    rows = [row for row in rows if row[1].mode in known]
    room = config.sampling.max_prompt_tokens + config.sampling.max_tokens
    longer = replace(config, sampling=replace(config.sampling, max_prompt_tokens=room))
    with build.sandbox(config.sandbox, config.seed) as box:
        under_way(f"loading {weights}")
        loaded = local.load(config, weights)
        with progress("answers", len(rows) * len(CUTS)) as done:
            solver = local.generator(longer, *loaded, config.sampling.temperature, done)
            return scores(rows, known, solver, box, random.Random(seed))


def _row(one: "TruncatedScores") -> dict[str, object]:
    return {**asdict(one), "intervals": one.bounds, "area": one.area}


def _table(found: "list[TruncatedScores]") -> Ragged:
    from abzero.oversight.truncate import CUTS

    made = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for name in ("of the thought", *(one.mode for one in found)):
        made.add_column(name)
    for place, cut in enumerate(CUTS):
        cells = [(one.scores[place], *one.bounds[place]) for one in found]
        made.add_row(f"{cut:.0%}", *(f"{score:.2f} [{low:.2f}, {high:.2f}]" for score, low, high in cells))
    made.add_row("area below", *(f"{one.area:.2f}" for one in found))
    made.add_row("as recorded", *(f"{one.recorded:.2f}" for one in found))
    made.add_row("attempts", *(str(one.attempts) for one in found))
    return Ragged(made)
