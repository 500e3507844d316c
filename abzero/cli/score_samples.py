"""``abzero eval --samples FILE``: scores what any model wrote. Loads no torch."""

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from abzero.cli.arguments import numbers
from abzero.cli.eval_data import release
from abzero.cli.eval_table import show
from abzero.cli.output import at_once, say
from abzero.errors import ConfigError
from abzero.evals import data

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abzero.evals.scoring import Judges, Suited
    from abzero.evals.suites import Suite


@dataclass(frozen=True)
class Scoring:
    """Score a file of samples: abzero eval --samples FILE --suite NAME --data DIR."""

    samples: Path
    """JSONL: the suite's key and one of response, solution, completion, answer."""
    suite: str
    """One suite's name, such as mbpp+."""
    data: tuple[str, ...] = ()
    """Folders, or SUITE=FILE."""
    out: Path | None = None
    """Where results go: by default beside the samples, in a folder of their name."""
    limit: int = 0
    """Score the first so many problems only; 0 is all."""
    lcb: str = "v5"
    """LiveCodeBench's release, v1 to v6."""
    resume: bool = False
    """Go on with what the folder of results holds."""
    allow_missing: bool = False
    """Missing data is no failure; LiveCodeBench's public tests will do where no others are."""
    k: str = ""
    """Which pass@k to print, with commas between; by default 1, 2, 4, … up to the samples of a problem."""
    opens_think: bool = False
    """The prompt ended in an opening think tag, so that a response without the closing one has no answer."""


def score_samples(asked: Scoring) -> int:
    """Score samples of any model, from a file."""
    from abzero.evals import judging, repeated, scoring, suites

    ks = numbers("--k", asked.k)
    chosen = suites.named(asked.suite)
    if len(chosen) != 1:
        raise ConfigError(f"--suite {asked.suite}: samples belong to one suite; name one of {', '.join(suites.SUITES)}")
    [suite] = chosen
    if not asked.samples.is_file():
        raise ConfigError(f"--samples {asked.samples}: there is no such file")
    paths = data.find(suite, data.where(asked.data, cache=data.hub_cache()))
    if not paths:
        say(missing_file(suite, asked.data))
        return 0 if asked.allow_missing else 3
    at_once(f"{asked.samples} on {suite.name}")
    source = data.read(suite, paths, release(asked.lcb))
    folder = asked.out or asked.samples.with_name(f"{asked.samples.name}.evals")
    judging.check_new(judging.rows_file(folder, suite.name), asked.resume)
    with ExitStack() as stack:
        judges = scoring.judges(stack)
        tried = scoring.suited(source, judges, public_only=asked.allow_missing)
        given = judging.given(asked.samples, tried, asked.limit)
        repeated.check(ks, Counter(one.key for one in given))
        folder.mkdir(parents=True, exist_ok=True)
        if not passed(tried, sorted({one.key for one in given}), judges, folder):
            return 1
        benchmark = replace(tried, opens_think=asked.opens_think)
        found = judging.judge(given, benchmark, judges, folder, asked.limit, ks, None)
    show({suite.name: found}, folder)
    return int(found.score is None)


def missing_file(suite: "Suite", places: "Sequence[str]") -> str:
    """What is said of a suite whose file is in none of the `places`."""
    where = f"in {', '.join(places)}" if places else "anywhere: give its folder by --data DIR"
    return f"{suite.name}  MISSING: no {suite.expected} {where} (published as {suite.published})"


def passed(suite: "Suited", keys: "Sequence[str]", judges: "Judges", folder: Path) -> bool:
    """Whether the judge of `suite` passes its self-test on the problems `keys`; says why, if not."""
    from abzero.evals import selftest

    name = suite.source.suite.name
    found = selftest.noted(suite, keys, judges, folder / f"{name}.selftest.json")
    if found:
        say(f"self-test of {name} failed, so there is no number: {'; '.join(found)}")
    return not found
