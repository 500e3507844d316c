"""The averages of the paper's table 1: of three suites of code, of six of mathematics, and of these two."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from abzero.evals.suites import CODE, MATHS


@dataclass(frozen=True, slots=True)
class Averages:
    """Means of scores in [0, 1]; ``None`` where a suite that belongs to one is missing or has no score."""

    code: float | None
    maths: float | None
    total: float | None
    """The mean of the two, as the paper's AVG: not of the nine suites."""
    missing: tuple[str, ...]
    partial: Mapping[str, tuple[int, int]]
    """Suites of which fewer problems were scored than were published: both numbers."""


def averages(scores: Mapping[str, float | None], problems: Mapping[str, tuple[int, int]]) -> Averages:
    """The averages of `scores`, by suite, of so many `problems` of those published; other suites do not count."""
    code, maths = _mean(scores, CODE), _mean(scores, MATHS)
    total = None if code is None or maths is None else fmean((code, maths))
    missing = tuple(name for name in (*CODE, *MATHS) if scores.get(name) is None)
    found = {name: problems[name] for name in (*CODE, *MATHS) if name not in missing}
    partial = {name: (n, published) for name, (n, published) in found.items() if n < published}
    return Averages(code, maths, total, missing, partial)


def _mean(scores: Mapping[str, float | None], names: tuple[str, ...]) -> float | None:
    found = [score for name in names if (score := scores.get(name)) is not None]
    return fmean(found) if len(found) == len(names) else None
