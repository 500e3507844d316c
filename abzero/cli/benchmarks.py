"""``abzero eval``: score samples or a model on benchmarks, and look at their data. No torch unless a model is asked."""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from abzero.cli import ask_model
from abzero.cli import evaluate as nursery
from abzero.cli.output import say
from abzero.cli.words import described
from abzero.config.named import is_reference
from abzero.errors import ConfigError
from abzero.evals import data

if TYPE_CHECKING:
    from abzero.evals.data import Source
    from abzero.evals.rows import Figures

WORDS = ("data", "compare")
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
    opens_think: bool = False
    """The prompt ended in an opening think tag, so that a response without the closing one has no answer."""


@dataclass(frozen=True)
class _Suite:
    suite: str = "nursery"


@dataclass(frozen=True)
class Data:
    """Say what is there: abzero eval data --data DIR."""

    data: tuple[str, ...] = ()
    """Folders, or SUITE=FILE."""
    suite: str = "paper"
    """Names with commas between; paper is all."""
    lcb: str = "v5"
    """LiveCodeBench's release, v1 to v6."""


@dataclass(frozen=True)
class Comparing:
    """Compare two folders of results, problem by problem: abzero eval compare A B."""

    left: tyro.conf.Positional[Path]
    """Folder of results of the first model."""
    right: tyro.conf.Positional[Path]
    """Folder of results of the second."""


def evaluate(arguments: Sequence[str]) -> int:
    """Measure a model or score samples: abzero eval MODEL | --samples FILE --suite S --data D | data | compare A B."""
    word = arguments[0] if arguments else ""
    flags = list(_data_flags(arguments[1:] if word in WORDS else arguments))
    if word == "data":
        return show_data(tyro.cli(Data, args=flags, prog="abzero eval data"))
    if word == "compare":
        return compare(tyro.cli(Comparing, args=flags, prog="abzero eval compare"))
    if any(flag == "--samples" or flag.startswith("--samples=") for flag in flags):
        return score_samples(tyro.cli(Scoring, args=flags, prog="abzero eval --samples"))
    suite = (
        tyro.cli(_Suite, args=flags, return_unknown_args=True, prog="abzero eval")[0].suite
        if "--help" not in flags
        else "nursery"
    )
    if suite != "nursery" and not is_reference(suite):
        asked = tyro.cli(ask_model.Asking, args=flags, prog="abzero eval MODEL")

        def score(file: Path, name: str, folder: Path) -> int:
            given = Scoring(
                file,
                name,
                asked.data,
                folder,
                asked.limit,
                asked.lcb,
                asked.resume,
                asked.allow_missing,
                opens_think=True,
            )
            return score_samples(given)

        return ask_model.ask(asked, data.where(asked.data, cache=data.hub_cache()), score)
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


def show_data(asked: Data) -> int:
    """Print what is known of each suite's file; exit status 3 if one is missing."""
    from abzero.evals import suites

    places = data.where(asked.data, cache=data.hub_cache())
    table: list[Sequence[str]] = [("suite", "status", "file")]
    missing = 0
    for suite in suites.named(asked.suite):
        if paths := data.find(suite, places):
            source = data.read(suite, paths, _release(asked.lcb))
            table.append((suite.name, source.status, ", ".join(map(str, paths))))
        else:
            missing += 1
            table.append((suite.name, "MISSING", f"no {suite.expected}; it is published as {suite.published}"))
    say(aligned(table))
    return 3 if missing else 0


def _release(name: str) -> str:
    from abzero.evals.suites import LIVECODEBENCH

    if name not in LIVECODEBENCH:
        raise ConfigError(f"--lcb '{name}' does not exist: choose from {', '.join(LIVECODEBENCH)}")
    return name


def score_samples(asked: Scoring) -> int:
    """Judge a file of samples and print the suite's row."""
    from abzero.evals import rows, samples, scoring, selftest, suites

    chosen = suites.named(asked.suite)
    if len(chosen) != 1:
        raise ConfigError(f"--suite {asked.suite}: samples belong to one suite; name one of {', '.join(suites.SUITES)}")
    [suite] = chosen
    paths = data.find(suite, data.where(asked.data, cache=data.hub_cache()))
    if not paths:
        say(f"{suite.name}  MISSING: no {suite.expected} under {', '.join(asked.data) or 'any --data'} (docs/evals.md)")
        return 0 if asked.allow_missing else 3
    source = data.read(suite, paths, _release(asked.lcb))
    with ExitStack() as stack:
        judges = scoring.judges(stack)
        benchmark = scoring.suited(source, judges, opens_think=asked.opens_think, public_only=asked.allow_missing)
        known = [problem.id for problem in benchmark.problems()][: asked.limit or None]
        every = {problem.id for problem in benchmark.problems()}
        given = samples.read(asked.samples, suite.key, every, partial=bool(asked.limit))
        given = [one for one in given if one.key in set(known)]
        if not given:
            raise ConfigError(f"{asked.samples}: no sample of the {len(known)} problems that were asked for")
        folder = asked.out or asked.samples.with_name(f"{asked.samples.name}.evals")
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{suite.name}.jsonl"
        if file.exists() and not asked.resume:
            raise ConfigError(f"{file} holds results: go on with them by --resume, or choose another folder by --out")
        plain = scoring.suited(source, judges, public_only=asked.allow_missing)
        failures = selftest.failures(plain, sorted({one.key for one in given}), judges)
        if failures:
            say(f"self-test of {suite.name} failed, so there is no number: {'; '.join(failures)}")
            return 1
        done = {(row.id, row.sample) for row in rows.read(file) if row.verdict != "error"}
        waiting = [one for one in given if (one.key, one.number) not in done]
        asked_for = {one.key for one in given}
        texts = [(one.id, one.prompt) for one in benchmark.problems() if one.id in asked_for]
        rows.keep_problems(file, texts)
        for batch in scoring.score(benchmark, waiting, judges):
            rows.append(file, suite.name, batch)
    wanted = {(one.key, one.number) for one in given}
    kept = [row for row in rows.read(file) if (row.id, row.sample) in wanted]
    found = rows.figures(kept)
    _write_summary(folder, source, found, asked.limit)
    say(aligned(figures_rows([(source, found)])))
    gold = "gold 100 %, " if selftest.has_gold(benchmark) else ""
    say(f"self-test: {gold}empty 0 % · results in {folder}")
    return 1 if found.errors else 0


def _write_summary(folder: Path, source: "Source", found: "Figures", limit: int) -> None:
    """Add a suite to the folder's summary, which is replaced in one piece."""
    from abzero import __version__

    path = folder / "summary.json"
    suites = json.loads(path.read_text(encoding="utf-8"))["suites"] if path.exists() else {}
    suites[source.suite.name] = {
        "status": source.status, "sha256": list(source.sha256), "limit": limit, "n": found.n, "samples": found.samples,
        "score": None if found.errors else found.correct, "low": found.low, "high": found.high, "base": found.base,
        "counts": dict(found.counts), "cut": found.cut,
    }  # fmt: skip
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps({"version": __version__, "suites": suites}, indent=1) + "\n", encoding="utf-8")
    fresh.replace(path)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """`rows` as lines whose cells stand below each other, at any width."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def figures_rows(measured: "Sequence[tuple[Source, Figures]]") -> list[Sequence[str]]:
    """One line a suite: its file's status, its score and the interval, and what was not an answer."""
    table: list[Sequence[str]] = [("suite", "file", "n", "correct", "95 %", "no answer", "timeout", "cut", "error", "")]
    for source, found in measured:
        counts = found.counts
        remarks = [f"base {100 * found.base:.1f} %"] if found.base is not None else []
        remarks += [f"1 item = {100 / found.n:.1f} points"] if found.n <= 40 else []
        remarks += ["an error is left: bounds, no score"] if found.errors else []
        table.append((
            source.suite.name, source.status, str(found.n), "" if found.errors else f"{100 * found.correct:.1f} %",
            f"{100 * found.low:.1f}-{100 * found.high:.1f}", str(counts.get("no_answer", 0)),
            str(counts.get("timeout", 0)), str(found.cut), str(found.errors), ", ".join(remarks),
        ))  # fmt: skip
    return table


def compare(asked: Comparing) -> int:
    """Print, for each suite that both folders hold, both scores, the difference, its interval and p."""
    from abzero.evals import paired, rows

    summaries = []
    for folder in (asked.left, asked.right):
        if not (folder / "summary.json").exists():
            raise ConfigError(f"'{folder}' holds no summary.json: name a folder of results, as abzero eval --out makes")
        summaries.append(json.loads((folder / "summary.json").read_text(encoding="utf-8"))["suites"])
    table: list[Sequence[str]] = [("suite", "n", str(asked.left), str(asked.right), "difference", "95 %", "p")]
    for name in (name for name in summaries[0] if name in summaries[1]):
        for what in ("sha256", "limit"):
            if summaries[0][name][what] != summaries[1][name][what]:
                raise ConfigError(f"{name}: the two have different {what}, so that their difference says nothing")
        sides = [rows.figures(rows.read(folder / f"{name}.jsonl")) for folder in (asked.left, asked.right)]
        if any(side.errors for side in sides):
            raise ConfigError(f"{name}: an error is left in one of the two: evaluate again with --resume")
        a, b = sides
        if a.values.keys() != b.values.keys():
            raise ConfigError(f"{name}: the two hold different problems")
        differences = [b.values[key] - a.values[key] for key in a.values]
        low, high = paired.bootstrap(differences)
        single = a.samples == a.n and b.samples == b.n
        p = (
            paired.mcnemar([a.values[key] == 1 for key in a.values], [b.values[key] == 1 for key in a.values])
            if single
            else paired.sign_flips(differences)
        )
        mean = sum(differences) / len(differences)
        table.append((
            name, str(a.n), f"{100 * a.correct:.1f} %", f"{100 * b.correct:.1f} %", f"{100 * mean:+.1f}",
            f"{100 * low:+.1f} to {100 * high:+.1f}", f"{p:.4f}",
        ))  # fmt: skip
    say(aligned(table))
    return 0
