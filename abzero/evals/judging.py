"""A suite's samples, judged into a folder of results, where a killed command goes on."""

from collections.abc import Sequence
from pathlib import Path

from abzero.errors import ConfigError
from abzero.evals import provenance, rows, samples, scoring, summary
from abzero.evals.samples import Sample
from abzero.evals.scoring import Judges, Suited
from abzero.evals.summary import Asked, SuiteEntry


def keys(suite: Suited, limit: int) -> list[str]:
    """Of the problems that are asked for: the first `limit`, or all for 0. Raises `ConfigError`."""
    if limit < 0:
        raise ConfigError(f"--limit {limit}: the number of a suite's first problems is wanted, or 0 for all")
    return [problem.id for problem in suite.problems()][: limit or None]


def given(file: Path, suite: Suited, limit: int) -> list[Sample]:
    """The samples in `file` of the problems that are asked for. Raises `ConfigError`."""
    every, wanted = keys(suite, 0), set(keys(suite, limit))
    found = samples.read(file, suite.source.suite.key, set(every), partial=bool(limit))
    if some := [one for one in found if one.key in wanted]:
        return some
    raise ConfigError(f"{file}: no sample of the {len(wanted)} problems that were asked for")


def rows_file(folder: Path, suite: str) -> Path:
    """Where the rows of `suite` go."""
    return folder / f"{suite}.jsonl"


def check_new(file: Path, resume: bool) -> None:
    """Raise `ConfigError` if `file` is there and is not to be gone on with."""
    if file.exists() and not resume:
        raise ConfigError(f"{file} is there: go on with it by --resume, or choose another folder by --out")


def judge(
    some: Sequence[Sample],
    suite: Suited,
    judges: Judges,
    folder: Path,
    limit: int,
    ks: Sequence[int],
    asked: Asked | None,
) -> SuiteEntry:
    """The figures of `some` samples, of which those are judged that `folder` has no verdict on."""
    name = suite.source.suite.name
    file = rows_file(folder, name)
    done = {(row.id, row.sample) for row in rows.read(file) if row.verdict != "error"}
    keys = {one.key for one in some}
    rows.keep_problems(file, [(one.id, one.prompt) for one in suite.problems() if one.id in keys])
    for batch in scoring.score(suite, [one for one in some if (one.key, one.number) not in done], judges):
        rows.append(file, name, batch)
    wanted = {(one.key, one.number) for one in some}
    kept = [row for row in rows.read(file) if (row.id, row.sample) in wanted]
    found = summary.entry(suite.source, kept, limit, ks, provenance.judged_by(suite, judges), asked)
    summary.add(folder, name, found)
    return found
