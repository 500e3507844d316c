"""``abzero eval``: score samples or a model on benchmarks, and look at their data. No torch unless a model is asked."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from abzero.cli import ask_model
from abzero.cli import evaluate as nursery
from abzero.cli.eval_compare import Comparing, compare
from abzero.cli.eval_data import Data, release, show_data
from abzero.cli.eval_export import Exporting, export
from abzero.cli.eval_table import show
from abzero.cli.output import at_once, say
from abzero.cli.words import described
from abzero.config.named import is_reference
from abzero.errors import ConfigError
from abzero.evals import data

if TYPE_CHECKING:
    from abzero.evals.summary import Asked, SuiteEntry

WORDS = ("data", "compare", "export")
"""First words that are not a model's name; a folder that is called so is ./data."""


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


@dataclass(frozen=True)
class _Suite:
    suite: str = "nursery"


def evaluate(arguments: Sequence[str]) -> int:
    """Measure a model or score samples: abzero eval MODEL | --samples FILE --suite S --data D | data | compare A B."""
    word = arguments[0] if arguments else ""
    flags = list(_data_flags(arguments[1:] if word in WORDS else arguments))
    if word == "data":
        return show_data(tyro.cli(Data, args=flags, prog="abzero eval data"))
    if word == "compare":
        return compare(tyro.cli(Comparing, args=flags, prog="abzero eval compare"))
    if word == "export":
        return export(tyro.cli(Exporting, args=flags, prog="abzero eval export"))
    if any(flag == "--samples" or flag.startswith("--samples=") for flag in flags):
        return score_samples(tyro.cli(Scoring, args=flags, prog="abzero eval --samples"))
    suite = (
        tyro.cli(_Suite, args=flags, return_unknown_args=True, prog="abzero eval")[0].suite
        if "--help" not in flags
        else "nursery"
    )
    if suite != "nursery" and not is_reference(suite):
        return ask(tyro.cli(ask_model.Asking, args=flags, prog="abzero eval MODEL"))
    return tyro.cli(described(nursery.evaluate), args=list(arguments), prog="abzero eval")


def _data_flags(arguments: Sequence[str]) -> Iterator[str]:
    """`arguments` with repeated ``--data`` gathered into one, as the parser wants them."""
    given: list[str] = []
    rest = iter(arguments)
    for one in rest:
        if one == "--data":
            given.append(next(rest, ""))
        elif one.startswith("--data="):
            given.append(one.partition("=")[2])
        else:
            yield one
    if given:
        yield from ("--data", *given)


def ask(asked: ask_model.Asking) -> int:
    """Ask a model, score its answers and print the table of all suites, or of those that there were before an error."""
    release(asked.lcb)
    ks = ask_model.numbers("--k", asked.k)
    scored: dict[str, SuiteEntry] = {}
    folders: list[Path] = []

    def score(file: Path, source: data.SuiteRows, folder: Path, how: "Asked") -> int:
        given = Scoring(
            file, source.suite.name, (), folder, asked.limit, asked.lcb, asked.resume, asked.allow_missing, asked.k,
            how.opens_think,
        )  # fmt: skip
        folders.append(folder)
        status, found = _scored(given, source, ks, how)
        if found is not None:
            scored[source.suite.name] = found
        return status

    try:
        return ask_model.ask(asked, data.where(asked.data, cache=data.hub_cache()), score)
    finally:
        if scored:
            show(scored, folders[-1])


def score_samples(asked: Scoring) -> int:
    """Judge a file of samples and print the suite's row."""
    from abzero.evals import suites

    ks = ask_model.numbers("--k", asked.k)
    chosen = suites.named(asked.suite)
    if len(chosen) != 1:
        raise ConfigError(f"--suite {asked.suite}: samples belong to one suite; name one of {', '.join(suites.SUITES)}")
    [suite] = chosen
    paths = data.find(suite, data.where(asked.data, cache=data.hub_cache()))
    if not paths:
        say(f"{suite.name}  MISSING: no {suite.expected} under {', '.join(asked.data) or 'any --data'} (docs/evals.md)")
        return 0 if asked.allow_missing else 3
    at_once(f"{asked.samples} on {suite.name}")
    status, found = _scored(asked, data.read(suite, paths, release(asked.lcb)), ks, None)
    if found is not None:
        show({suite.name: found}, _folder(asked))
    return status


def _folder(asked: Scoring) -> Path:
    return asked.out or asked.samples.with_name(f"{asked.samples.name}.evals")


def _scored(
    asked: Scoring, source: data.SuiteRows, ks: Sequence[int], how: "Asked | None"
) -> tuple[int, "SuiteEntry | None"]:
    """Judge what waits of a file of samples: the exit status, and the suite's figures if its self-test is passed."""
    from abzero.evals import provenance, rows, samples, scoring, selftest, summary

    suite = source.suite
    with ExitStack() as stack:
        judges = scoring.judges(stack)
        benchmark = scoring.suited(source, judges, opens_think=asked.opens_think, public_only=asked.allow_missing)
        known = [problem.id for problem in benchmark.problems()][: asked.limit or None]
        every = {problem.id for problem in benchmark.problems()}
        given = samples.read(asked.samples, suite.key, every, partial=bool(asked.limit))
        given = [one for one in given if one.key in set(known)]
        if not given:
            raise ConfigError(f"{asked.samples}: no sample of the {len(known)} problems that were asked for")
        folder = _folder(asked)
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{suite.name}.jsonl"
        if file.exists() and not asked.resume:
            raise ConfigError(f"{file} holds results: go on with them by --resume, or choose another folder by --out")
        plain = scoring.suited(source, judges, public_only=asked.allow_missing)
        failures = selftest.failures(plain, sorted({one.key for one in given}), judges)
        if failures:
            say(f"self-test of {suite.name} failed, so there is no number: {'; '.join(failures)}")
            return 1, None
        done = {(row.id, row.sample) for row in rows.read(file) if row.verdict != "error"}
        waiting = [one for one in given if (one.key, one.number) not in done]
        asked_for = {one.key for one in given}
        texts = [(one.id, one.prompt) for one in benchmark.problems() if one.id in asked_for]
        rows.keep_problems(file, texts)
        for batch in scoring.score(benchmark, waiting, judges):
            rows.append(file, suite.name, batch)
        judged_by = provenance.judged_by(benchmark, judges)
    wanted = {(one.key, one.number) for one in given}
    kept = [row for row in rows.read(file) if (row.id, row.sample) in wanted]
    found = summary.entry(source, kept, asked.limit, ks, judged_by, how)
    summary.add(folder, suite.name, found)
    return int(found.score is None), found
