"""Two folders of results, compared suite by suite and problem by problem."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from abzero.errors import ConfigError
from abzero.evals import paired, rows

EQUAL = ("sha256", "limit")
"""What must be the same on both sides for a difference to be one of the models."""


@dataclass(frozen=True, slots=True)
class ModelDifference:
    """What two models differ by on one suite; shares are in [0, 1], and a difference is right less left."""

    suite: str
    n: int
    """Problems."""
    left: float
    right: float
    difference: float
    low: float
    """Of the 95 % interval of the difference, by paired bootstrap over problems."""
    high: float
    p: float
    test: str
    """``mcnemar``, exact, for one sample a problem, else ``sign-flips``."""
    gained: int
    """Problems of which the right side solves more."""
    lost: int


def differences(left: Path, right: Path) -> list[ModelDifference]:
    """The difference on each suite that both folders hold. Raises `ConfigError` for what cannot be compared."""
    summaries = [_suites(folder) for folder in (left, right)]
    shared = [name for name in summaries[0] if name in summaries[1]]
    if not shared:
        held = " and ".join(", ".join(one) or "none" for one in summaries)
        raise ConfigError(f"the two folders have no suite in common: they hold {held}; evaluate both on one suite")
    for name in shared:
        for what in EQUAL:
            sides = [summary[name].get(what) for summary in summaries]
            if sides[0] != sides[1]:
                raise ConfigError(
                    f"{name}: {left} and {right} differ in {what}, so that the difference of their scores says nothing "
                    f"of the models ({_brief(sides[0])} and {_brief(sides[1])}): evaluate both alike"
                )
    return [_difference(name, left, right) for name in shared]


def _difference(name: str, left: Path, right: Path) -> ModelDifference:
    a, b = (rows.figures(rows.read(folder / f"{name}.jsonl")) for folder in (left, right))
    if a.errors or b.errors:
        raise ConfigError(f"{name}: an error is left in one of the two: evaluate again with --resume")
    if a.values.keys() != b.values.keys():
        raise ConfigError(f"{name}: the two hold different problems: evaluate both on the same file")
    found = [b.values[key] - a.values[key] for key in a.values]
    low, high = paired.bootstrap(found)
    single = a.samples == a.n and b.samples == b.n
    if single:
        p = paired.mcnemar([a.values[key] == 1 for key in a.values], [b.values[key] == 1 for key in a.values])
    else:
        p = paired.sign_flips(found)
    gained, lost = sum(one > 0 for one in found), sum(one < 0 for one in found)
    test = "mcnemar" if single else "sign-flips"
    return ModelDifference(name, a.n, a.correct, b.correct, fmean(found), low, high, p, test, gained, lost)


def _suites(folder: Path) -> Mapping[str, Mapping[str, object]]:
    path = folder / "summary.json"
    if not path.exists():
        raise ConfigError(f"'{folder}' holds no summary.json: name a folder of results, as abzero eval --out makes")
    try:
        found: Mapping[str, Mapping[str, object]] = json.loads(path.read_text(encoding="utf-8"))["suites"]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"'{path}' is no summary of results ({error}): evaluate again") from error
    return found


def _brief(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def table(left: str, right: str, found: Sequence[ModelDifference]) -> list[Sequence[str]]:
    """`found` in words: per cent and points."""
    lines: list[Sequence[str]] = [("suite", "n", left, right, "difference", "95 %", "won", "lost", "p")]
    for one in found:
        lines.append((
            one.suite, str(one.n), f"{100 * one.left:.1f} %", f"{100 * one.right:.1f} %",
            f"{100 * one.difference:+.1f}", f"{100 * one.low:+.1f} to {100 * one.high:+.1f}", str(one.gained),
            str(one.lost), f"{one.p:.4f}",
        ))  # fmt: skip
    return lines
