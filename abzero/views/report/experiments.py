"""Runs side by side: runs that differ in their seed alone are one arm of an experiment."""

from collections.abc import Sequence
from dataclasses import dataclass

from abzero.errors import RunError
from abzero.views.report.gather import RunSummary
from abzero.views.report.results import BASELINE, CHARTED, Cell, Change, Evaluation, MeanScore, mean, paired

_IRRELEVANT = ("run", "seed", "checkpoint.", "observe.", "sandbox.", "model.threads")
"""Settings that make no other experiment; a dot at the end stands for all below."""


@dataclass(frozen=True)
class Arm:
    """Runs with the same settings, by seed."""

    label: str
    """The settings in which it differs from the other arms."""
    runs: dict[str, RunSummary]

    def after(self, cell: Cell) -> MeanScore | None:
        """The mean over the arm's runs of what they reached in `cell`; ``None`` unless all were measured."""
        shares = [run.after[cell] for run in self.runs.values() if run.after and cell in run.after]
        return mean(shares) if len(shares) == len(self.runs) else None

    def gain(self, cell: Cell) -> Change | None:
        """What the arm's runs gained in `cell` over their untouched bases; ``None`` unless all were measured."""
        pairs = [_both(run.before, run.after, cell) for run in self.runs.values()]
        known = [pair for pair in pairs if pair]
        return paired(known) if len(known) == len(pairs) else None

    def lead(self, other: "Arm", cell: Cell) -> Change | None:
        """How far the arm is ahead of `other` in `cell`, paired by seed; ``None`` where no seed has both."""
        seeds = [seed for seed in self.runs if seed in other.runs]
        pairs = [_both(other.runs[seed].after, self.runs[seed].after, cell) for seed in seeds]
        known = [pair for pair in pairs if pair]
        return paired(known) if known else None


def arms(runs: Sequence[RunSummary]) -> list[Arm]:
    """The arms of `runs`, in the order of their first runs. Raises `RunError` if two runs are the same experiment."""
    groups: dict[tuple[tuple[str, str], ...], dict[str, RunSummary]] = {}
    for run in runs:
        seed = run.settings.get("seed", "?")
        group = groups.setdefault(_experiment(run), {})
        if seed in group:
            raise RunError(f"runs {group[seed].name!r} and {run.name!r} have the same settings and seed: leave one out")
        group[seed] = run
    shared = set.intersection(*(set(key) for key in groups)) if groups else set()
    return [Arm(_label(key, shared, members), members) for key, members in groups.items()]


def cells(found: Sequence[Arm], metric: str) -> list[Cell]:
    """The cells of `metric` that any run was measured in, by mode and k."""
    evaluations = [ev for arm in found for run in arm.runs.values() for ev in (run.before, run.after) if ev]
    return sorted({cell for evaluation in evaluations for cell in evaluation if cell[2] == metric})


def metrics(found: Sequence[Arm]) -> list[str]:
    """The metrics that any run was measured by, those that are drawn first; the baseline is left out."""
    evaluations = [run.after for arm in found for run in arm.runs.values() if run.after]
    known = {cell[2] for evaluation in evaluations for cell in evaluation} - {BASELINE}
    return [*(metric for metric in CHARTED if metric in known), *sorted(known - set(CHARTED))]


def base(found: Sequence[Arm], cell: Cell) -> MeanScore | None:
    """The untouched base in `cell`, as the first run has it that was measured before."""
    before = [run.before[cell] for arm in found for run in arm.runs.values() if run.before and cell in run.before]
    return before[0] if before else None


def _experiment(run: RunSummary) -> tuple[tuple[str, str], ...]:
    relevant = [
        (name, value)
        for name, value in sorted(run.settings.items())
        if not any(name == key or (key.endswith(".") and name.startswith(key)) for key in _IRRELEVANT)
    ]
    return tuple(relevant)


def _label(key: tuple[tuple[str, str], ...], shared: set[tuple[str, str]], members: dict[str, RunSummary]) -> str:
    own = [f"{name} {value}" for name, value in key if (name, value) not in shared]
    return ", ".join(own) or " ".join(run.name for run in members.values())


def _both(left: Evaluation | None, right: Evaluation | None, cell: Cell) -> tuple[MeanScore, MeanScore] | None:
    return (left[cell], right[cell]) if left and right and cell in left and cell in right else None
