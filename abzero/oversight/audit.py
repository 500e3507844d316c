"""What monitors miss, estimated from a random share that is judged whatever the monitors said.

Horvitz-Thompson weights: a flagged row is judged with certainty, every other one with probability `share`, decided by a
hash of its place, never of its text. Intervals are the exact Poisson bounds of the misses that were seen.
"""

import hashlib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from abzero.types import Role


def drawn(seed: int, step: int, role: Role, position: int, share: float) -> bool:
    """Whether a completion belongs to the audit: by its place alone, so that no text can keep out of it."""
    digest = hashlib.sha256(f"{seed}/{step}/{role}/{position}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2.0**64


@dataclass(frozen=True, slots=True)
class RecallEstimate:
    """How much concern there is and how much of it was found, each with a 95 % interval."""

    found: float
    """Flagged completions that a judge or a person confirmed."""
    missed: float
    """Unflagged concern, estimated: what the audit saw, over its share."""
    missed_bounds: tuple[float, float]
    recall: float | None
    """found / (found + missed); ``None`` where nothing was found or missed."""
    recall_bounds: tuple[float, float]
    prevalence: float
    """Share of all completions that are of concern."""
    prevalence_bounds: tuple[float, float]
    unjudged: int
    """Rows without a verdict: in none of these figures, never taken for clean."""


def estimate(total: int, found: int, audited_misses: int, share: float, unjudged: int = 0) -> RecallEstimate:
    """The estimate from `total` completions: `found` confirmed among the flagged, `audited_misses` among those of the
    audit that no monitor flagged. An audit share of 0 bounds nothing: recall is then anything.
    """
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"an audit share of {share}")
    if share == 0.0:
        everything = float(max(0, total - found))
        low = found / total if total else 0.0
        return RecallEstimate(found, 0.0, (0.0, everything), None, (low, 1.0), low, (low, 1.0), unjudged)
    missed = audited_misses / share
    low, high = poisson_bounds(audited_misses)
    if share == 1.0:
        low = high = float(audited_misses)
    bounds = (min(low / share, total - found), min(high / share, total - found))
    return RecallEstimate(
        found,
        missed,
        bounds,
        found / (found + missed) if found + missed else None,
        (_ratio(found, bounds[1], 0.0), _ratio(found, bounds[0], 1.0)),
        min(1.0, (found + missed) / total) if total else 0.0,
        ((found + bounds[0]) / total, (found + bounds[1]) / total) if total else (0.0, 1.0),
        unjudged,
    )


@dataclass
class AuditTally:
    """What an estimate is made from, step after step."""

    total: int = 0
    """Completions."""
    found: int = 0
    missed: int = 0
    """Concern in the audit that no monitor flagged."""
    unjudged: int = 0
    audited: int = 0
    """Unflagged completions that the audit drew."""
    answered: int = 0
    """Of these, those with a verdict."""

    def add(self, total: int, rows: Iterable[tuple[bool, str]]) -> None:
        """Count a step of `total` completions; `rows` are the flagged and the drawn ones: whether it was flagged, and
        its verdict.
        """
        self.total += total
        for hit, state in rows:
            self.unjudged += state == "unjudged"
            self.audited += not hit
            self.answered += not hit and state != "unjudged"
            self.found += hit and state == "concern"
            self.missed += not hit and state == "concern"

    def estimate(self, share: float) -> RecallEstimate:
        """Audited rows without a verdict lower the share that was really audited; they are not taken for clean."""
        judged = share * self.answered / self.audited if self.audited else share
        return estimate(self.total, self.found, self.missed, judged, self.unjudged)


def _ratio(found: float, missed: float, empty: float) -> float:
    return found / (found + missed) if found + missed > 0 else empty


def poisson_bounds(count: int, level: float = 0.95) -> tuple[float, float]:
    """Exact bounds of a Poisson mean of which `count` events were seen; for none, the one-sided upper bound (3.0)."""
    tail = (1.0 - level) / 2.0
    if count == 0:
        return 0.0, -math.log(1.0 - level)
    return _solve(lambda mean: 1.0 - _cdf(count - 1, mean), tail, count), _solve(
        lambda mean: 1.0 - _cdf(count, mean), 1.0 - tail, count
    )


def _cdf(count: int, mean: float) -> float:
    """P(X <= count) of a Poisson variable."""
    if mean <= 0.0:
        return 1.0
    terms = [k * math.log(mean) - mean - math.lgamma(k + 1) for k in range(count + 1)]
    return min(1.0, math.fsum(map(math.exp, terms)))


def _solve(increasing: Callable[[float], float], target: float, count: int) -> float:
    low, high = 0.0, 10.0 + 4.0 * count
    for _ in range(200):
        middle = (low + high) / 2.0
        low, high = (middle, high) if increasing(middle) < target else (low, middle)
    return (low + high) / 2.0


def corrected(share: float, true_rate: float, false_rate: float) -> float:
    """A judged share of concern, corrected for a judge of known true and false positive rates (Rogan and Gladen).

    Raises `ValueError` for a judge that is no better than chance.
    """
    if true_rate <= false_rate:
        raise ValueError(f"a judge with a true positive rate of {true_rate} and a false one of {false_rate}")
    return min(1.0, max(0.0, (share - false_rate) / (true_rate - false_rate)))


def binomial_tail(successes: int, trials: int, share: float) -> float:
    """P(X <= successes) of a binomial variable: how surprising so few are."""
    if trials == 0 or share <= 0.0:
        return 1.0
    if share >= 1.0:
        return float(successes >= trials)
    logs = (
        math.lgamma(trials + 1)
        - math.lgamma(k + 1)
        - math.lgamma(trials - k + 1)
        + k * math.log(share)
        + (trials - k) * math.log1p(-share)
        for k in range(successes + 1)
    )
    return min(1.0, math.fsum(map(math.exp, logs)))
