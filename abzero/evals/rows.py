"""Results on disk: ``SUITE.jsonl``, one row a sample, appended as it is judged, and what they add up to."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import comb
from pathlib import Path
from statistics import fmean
from typing import cast

from abzero.algo.intervals import wilson
from abzero.errors import ConfigError
from abzero.evals.base import Verdict
from abzero.evals.data import drop_torn_line, rows_of
from abzero.evals.paired import bootstrap
from abzero.evals.scoring import Judged
from abzero.run.files import append_text, replacing


@dataclass(frozen=True, slots=True)
class SampleRow:
    """What is kept of one sample."""

    id: str
    sample: int
    verdict: Verdict
    base: Verdict | None = None
    finish: str | None = None
    seed: int | None = None


def append(path: Path, suite: str, judged: Iterable[Judged]) -> None:
    """Add rows to `path`, and see them on the disk."""
    rows = [
        {
            "suite": suite,
            "id": one.sample.key,
            "sample": one.sample.number,
            "seed": one.sample.seed,
            "prompt_sha256": one.sample.prompt_sha256,
            "completion": one.sample.text,
            "tokens": one.sample.tokens,
            "finish": one.sample.finish,
            "answer": one.answer if one.answer not in ("", one.sample.text) else None,
            "verdict": one.score.verdict,
            "base": one.base.verdict if one.base else None,
            "by": one.score.by,
            "detail": one.score.detail,
            "seconds": round(one.seconds, 3),
        }
        for one in judged
    ]
    append_text(path, "".join(f"{json.dumps(row)}\n" for row in rows))


def keep_problems(path: Path, problems: Iterable[tuple[str, str]]) -> None:
    """Write (id, text) of the problems that the rows in `path` are about, beside it, for those who read the rows."""
    lines = [json.dumps({"id": key, "problem": text}) for key, text in problems]
    with replacing(path.with_suffix(".problems.jsonl")) as file:
        file.write("".join(f"{line}\n" for line in lines))


def read(path: Path) -> list[SampleRow]:
    """The rows of `path`, one for each sample. A last line that a kill cut short is taken off the file."""
    if not path.exists():
        return []
    drop_torn_line(path)
    rows: dict[tuple[str, int], SampleRow] = {}
    for place, row in rows_of(path):
        try:
            one = SampleRow(
                str(row["id"]), int(str(row["sample"])), cast(Verdict, row["verdict"]),
                cast("Verdict | None", row.get("base")), cast("str | None", row.get("finish")),
                cast("int | None", row.get("seed")),
            )  # fmt: skip
        except (KeyError, ValueError) as error:
            raise ConfigError(
                f"{place}: no row of results ({error}); evaluate into another folder with --out"
            ) from error
        rows[one.id, one.sample] = one
    return list(rows.values())


@dataclass(frozen=True, slots=True)
class Figures:
    """What a suite's rows add up to."""

    n: int
    """Problems."""
    samples: int
    correct: float
    low: float
    high: float
    counts: Mapping[str, int]
    cut: int
    base: float | None
    values: Mapping[str, float]
    """The share of right samples of each problem."""

    @property
    def errors(self) -> int:
        return self.counts.get("error", 0)


def figures(rows: Sequence[SampleRow]) -> Figures:
    """Figures of `rows`. With errors among them `low` and `high` are the bounds that the score could have."""
    by_problem: dict[str, list[SampleRow]] = {}
    for row in rows:
        by_problem.setdefault(row.id, []).append(row)
    values = {key: fmean(row.verdict == "correct" for row in found) for key, found in by_problem.items()}
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.verdict] = counts.get(row.verdict, 0) + 1
    share, n = fmean(values.values()) if values else 0.0, len(values)
    if counts.get("error"):
        low, high = (
            share,
            fmean(fmean(row.verdict in ("correct", "error") for row in found) for found in by_problem.values()),
        )
    elif len(rows) == n or len(set(values.values())) <= 1:
        low, high = wilson(share, n)  # a bootstrap of problems that are all alike has no width, and is not certain
    else:
        low, high = bootstrap(list(values.values()))
    base = None
    if any(row.base for row in rows):
        base = fmean(fmean(row.base == "correct" for row in found) for found in by_problem.values())
    return Figures(n, len(rows), share, low, high, counts, sum(row.finish == "length" for row in rows), base, values)


def pass_at(n: int, c: int, k: int) -> float:
    """1 - C(n - c, k) / C(n, k): the chance that of `k` of `n` samples, `c` of them right, one is right."""
    if not 0 < k <= n or not 0 <= c <= n:
        raise ConfigError(f"pass@{k} needs at least {k} samples a problem, not {n}: set --repeats {k} or more")
    return 1 - comb(n - c, k) / comb(n, k)
