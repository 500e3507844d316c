"""Evaluations as `abzero eval --json` writes them, and differences between two of them with intervals."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist, fmean, stdev

from abzero.errors import RunError

Cell = tuple[str, int, str]
"""(mode, k, metric): rows of two evaluations with equal cells are about the same problems."""

BASELINE = "baseline"
"""The metric of the answer that costs no thought; it is the same for every model."""

SAMPLED = "pass@1"
"""Accuracy at the sampling temperature."""
JUDGED = (SAMPLED, "greedy")
"""The metrics that a conclusion speaks of."""
CHARTED = (*JUDGED, "pass@8", "traced")
"""The metrics that are drawn, where they were measured; tables have all."""


@dataclass(frozen=True, slots=True)
class MeanScore:
    """A mean over `n` problems with its 95 % interval."""

    n: int
    value: float
    low: float
    high: float
    scores: tuple[float, ...] = ()
    """Of each problem, where the file has them."""


Evaluation = dict[Cell, MeanScore]


@dataclass(frozen=True, slots=True)
class Change:
    """A difference with its 95 % interval."""

    value: float
    low: float
    high: float


def read(path: Path) -> Evaluation | None:
    """The evaluation in `path`; ``None`` where there is no such file. Raises `RunError` if it holds something else."""
    if not path.exists():
        return None
    try:
        rows = json.loads(path.read_text(encoding="utf-8-sig"))
        return {
            (str(row["mode"]), int(row["k"]), str(row["metric"])): MeanScore(
                int(row["n"]),
                float(row["value"]),
                float(row["low"]),
                float(row["high"]),
                tuple(map(float, row.get("scores", ()))),
            )
            for row in rows
        }
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RunError(f"{path} is not a file of `abzero eval --json`: {error!r}") from error


def difference(before: MeanScore, after: MeanScore) -> Change:
    """after - before with its 95 % interval: problem by problem where both have scores, else Newcombe's.

    Newcombe's takes the two as independent. They are answers to the same problems, so it is on the wide side.
    """
    if before.scores and len(before.scores) == len(after.scores):
        return _by_problem([right - left for left, right in zip(before.scores, after.scores, strict=True)])
    value = after.value - before.value
    down = math.hypot(after.value - after.low, before.high - before.value)
    up = math.hypot(after.high - after.value, before.value - before.low)
    return Change(value, value - down, value + up)


def _by_problem(changes: Sequence[float]) -> Change:
    """Their mean, with Wald's interval on two more problems, one won and one lost (Agresti and Min, 2005)."""
    value, padded = fmean(changes), [*changes, 1.0, -1.0]
    half = NormalDist().inv_cdf(0.975) * stdev(padded) / math.sqrt(len(padded))
    return Change(value, max(value - half, -1.0), min(value + half, 1.0))


def paired(pairs: Sequence[tuple[MeanScore, MeanScore]]) -> Change:
    """The mean of right - left over pairs, one for each seed.

    Its interval covers both Student's interval over the seeds and the mean interval over the problems: the seeds of a
    pair share their problems, so that neither alone is enough. With one pair it is that over the problems.
    """
    changes = [difference(left, right) for left, right in pairs]
    value = fmean(change.value for change in changes)
    spread = student([change.value for change in changes])
    low = min(fmean(change.low for change in changes), value - spread)
    return Change(value, low, max(fmean(change.high for change in changes), value + spread))


def mean(shares: Sequence[MeanScore]) -> MeanScore:
    """The mean over seeds, its interval as in `paired`."""
    value = fmean(share.value for share in shares)
    spread = student([share.value for share in shares])
    low = min(fmean(share.low for share in shares), value - spread)
    high = max(fmean(share.high for share in shares), value + spread)
    return MeanScore(shares[0].n, value, max(low, 0.0), min(high, 1.0))


def student(values: Sequence[float]) -> float:
    """Half the width of Student's 95 % interval of the mean of `values`; 0 for a single one."""
    if len(values) < 2:
        return 0.0
    degrees = len(values) - 1
    quantile = _STUDENT[degrees - 1] if degrees <= len(_STUDENT) else 1.96 + 2.5 / degrees
    return quantile * stdev(values) / math.sqrt(len(values))


def points(change: Change) -> str:
    """``+22 [14, 29]``: a difference in percentage points with its interval."""
    return f"{100 * change.value:+.0f} [{100 * change.low:.0f}, {100 * change.high:.0f}]"


_STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
"""Quantiles 0.975 of Student's t for 1 … 10 degrees of freedom."""
