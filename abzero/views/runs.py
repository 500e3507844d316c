"""`abzero runs`: every run of a folder in one line each."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from abzero.errors import RunError
from abzero.text.sanitize import harmless
from abzero.text.terminal import Column, RankedTable
from abzero.views.journal import Journal
from abzero.views.overview import Overview, overview, unreadable
from abzero.views.run_folders import runs


def list_runs(folder: Path) -> list[Overview]:
    """The runs in `folder`, which may be one itself, newest first; what cannot be read says so. Raises `RunError`."""
    found = []
    for run in runs(folder).values():
        try:
            with closing(Journal(run.journal)) as journal:
                found.append(overview(run, journal))
        except RunError as error:
            found.append(unreadable(run, error))
    return found


def table(found: Sequence[Overview]) -> RankedTable:
    """State, steps, and the newest step's figures, each the mean over the modes; the score is the solver's."""
    columns = (
        *(Column("run"), Column("state"), Column("step", 0, "right"), Column("model", 4)),
        *(Column("score", 1, "right"), Column("valid", 2, "right"), Column("solve rate", 1, "right")),
        *(Column("alarms", 3, "right"), Column("problem", 0)),
    )
    shown = columns if any(one.problem for one in found) else columns[:-1]
    made = RankedTable(shown)
    for one in found:
        step = "" if one.step is None else f"{one.step}" + (f"/{one.steps}" if one.steps is not None else "")
        figures = [_mean(one.figures, name) for name in ("solve/score/", "propose/valid/", "propose/solve_rate/")]
        cells = (harmless(one.name), one.state, step, harmless(one.model)[-40:], *figures, f"{one.alarms}")
        made.add_row(*(*cells, harmless(one.problem)[:200])[: len(shown)])
    return made


def _mean(figures: dict[str, float], prefix: str) -> str:
    values = [value for name, value in figures.items() if name.startswith(prefix)]
    return f"{sum(values) / len(values):.2f}" if values else ""
