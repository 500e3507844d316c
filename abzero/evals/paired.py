"""Two evaluations of the same problems, compared problem by problem."""

import random
from collections.abc import Sequence
from math import comb
from statistics import fmean

DRAWS = 10_000


def bootstrap(values: Sequence[float], seed: int = 0, draws: int = DRAWS) -> tuple[float, float]:
    """The 95 % interval of the mean of `values`, drawn over problems with replacement."""
    if not values:
        return 0.0, 1.0
    rng, n = random.Random(seed), len(values)
    means = sorted(fmean(rng.choices(values, k=n)) for _ in range(draws))
    return means[int(0.025 * draws)], means[int(0.975 * draws) - 1]


def mcnemar(left: Sequence[bool], right: Sequence[bool]) -> float:
    """The exact two-sided p of McNemar's test: how likely so uneven a split of the problems that only one got right."""
    first = sum(a and not b for a, b in zip(left, right, strict=True))
    second = sum(b and not a for a, b in zip(left, right, strict=True))
    n = first + second
    tail = sum(comb(n, k) for k in range(min(first, second) + 1))
    return min(1.0, float(2 * tail / 2**n))


def sign_flips(differences: Sequence[float], seed: int = 0, draws: int = DRAWS) -> float:
    """The two-sided p of the mean of `differences` by random signs."""
    rng, observed = random.Random(seed), abs(sum(differences))
    if not any(differences):
        return 1.0
    found = sum(abs(sum(rng.choice((-1, 1)) * one for one in differences)) >= observed - 1e-12 for _ in range(draws))
    return (found + 1) / (draws + 1)
