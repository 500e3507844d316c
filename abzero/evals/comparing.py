"""Two folders of results, compared suite by suite and problem by problem."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from abzero.errors import ConfigError
from abzero.evals import paired, rows, summary

EQUAL = ("sha256", "limit", "public_only")
"""What must be the same on both sides for a difference to be one of the models, of a suite's results …"""
ASKED_ALIKE = ("preset", "words")
"""… and of how its samples were asked for; `NOTED` is what may be compared on purpose, and is said."""
NOTED = (
    "conversation",
    "opens_think",
    "tokens",
    "stop",
    "temperature",
    "repeats",
    "seeds",
    "engine",
    "engine_version",
    "dtype",
)


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
    summaries = [summary.suites(folder) for folder in (left, right)]
    shared = [name for name in summaries[0] if name in summaries[1]]
    if not shared:
        held = " and ".join(", ".join(one) or "none" for one in summaries)
        raise ConfigError(f"the two folders have no suite in common: they hold {held}; evaluate both on one suite")
    for name in shared:
        one, other = (entries[name] for entries in summaries)
        unlike = [what for what in EQUAL if one.get(what) != other.get(what)]
        both = _part(one, "asked"), _part(other, "asked")
        if all(both):
            unlike += [what for what in ASKED_ALIKE if both[0].get(what) != both[1].get(what)]
        if unlike:
            sides = " and ".join(
                _brief({**of, **entry}.get(unlike[0])) for of, entry in zip(both, (one, other), strict=True)
            )
            raise ConfigError(
                f"{name}: {left} and {right} differ in {unlike[0]} ({sides}), so that the difference of their scores "
                "says nothing of the models: evaluate both alike"
            )
    return [_difference(name, left, right) for name in shared]


def notes(left: Path, right: Path) -> list[str]:
    """What else differs between the two in how samples were asked for, a line each: for the reader to judge."""
    summaries = [summary.suites(folder) for folder in (left, right)]
    found = []
    for name in (name for name in summaries[0] if name in summaries[1]):
        judges = [_part(entries[name], "judged_by") for entries in summaries]
        if unlike := sorted(what for what in judges[0] if judges[0][what] != judges[1].get(what, judges[0][what])):
            said = "; ".join(f"{what} {_brief(judges[0][what])} and {_brief(judges[1][what])}" for what in unlike)
            found.append(f"{name}: the two were judged with different {said}")
        one, other = (_part(entries[name], "asked") for entries in summaries)
        if one.get("weights") and one.get("weights") == other.get("weights"):
            found.append(f"{name}: the two were answered with the same weights")
        if bool(one) != bool(other):
            side = left if other else right
            found.append(
                f"{name}: {side} was scored from a file of samples, which does not say how they were asked for"
            )
        elif unlike := [what for what in NOTED if one.get(what) != other.get(what)]:
            said = "; ".join(f"{what} {_brief(one.get(what))} and {_brief(other.get(what))}" for what in unlike)
            found.append(f"{name}: the two were asked with different {said}")
    return found


def _part(entry: Mapping[str, object], name: str) -> Mapping[str, object]:
    """What `name` is of a suite's entry; empty where the results do not say."""
    found = entry.get(name)
    return found if isinstance(found, dict) else {}


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
