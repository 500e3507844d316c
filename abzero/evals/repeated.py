"""Several samples of a problem: pass@k, and how much the score depends on the seed."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from abzero.errors import ConfigError
from abzero.evals.rows import SampleRow, pass_at


def powers(samples: int) -> tuple[int, ...]:
    """The k's that are worth a figure: 1, 2, 4, … up to `samples`, and that itself."""
    found = [1 << power for power in range(samples.bit_length()) if 1 << power <= samples]
    return tuple(dict.fromkeys((*found, samples)))


def check(ks: Sequence[int], samples: Mapping[str, int]) -> None:
    """Raise `ConfigError` if a problem has fewer `samples` than one of `ks`."""
    fewest = min(samples.values(), default=0)
    if wrong := [k for k in ks if not 0 < k <= fewest]:
        raise ConfigError(
            f"--k {wrong[0]}: pass@{wrong[0]} needs that many samples of each problem, not {fewest}: "
            f"set --repeats {max(1, wrong[0])}"
        )


def pass_at_k(rows: Iterable[SampleRow], ks: Sequence[int] = ()) -> dict[int, float]:
    """pass@k for each of `ks`, else for the `powers`: the mean over problems. Empty for one sample a problem.

    Raises `ConfigError` where a problem has fewer than k samples.
    """
    right: dict[str, list[bool]] = {}
    for row in rows:
        right.setdefault(row.id, []).append(row.verdict == "correct")
    samples = {key: len(found) for key, found in right.items()}
    check(ks, samples)
    fewest = min(samples.values(), default=0)
    chosen = ks or (powers(fewest) if fewest > 1 else ())
    return {k: fmean(pass_at(len(found), sum(found), k) for found in right.values()) for k in chosen}


def by_seed(rows: Iterable[SampleRow]) -> Mapping[int, float]:
    """The score of each seed; empty where the rows name less than two."""
    found: dict[int, dict[str, list[bool]]] = {}
    for row in rows:
        if row.seed is not None:
            found.setdefault(row.seed, {}).setdefault(row.id, []).append(row.verdict == "correct")
    if len(found) < 2:
        return {}
    return {seed: fmean(map(fmean, problems.values())) for seed, problems in sorted(found.items())}
