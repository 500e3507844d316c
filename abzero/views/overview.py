"""A run in a few figures: what the list of runs and the head of every page show."""

import json
from dataclasses import dataclass

from abzero.errors import RunError
from abzero.views.journal import Journal, figure, string, whole
from abzero.views.now import PhaseUnderWay, moment
from abzero.views.run_folders import ServedRun, State, state, steps_wanted

_SPARK = 60


@dataclass(frozen=True, slots=True)
class Overview:
    """What there is to say of a run at one look."""

    name: str
    model: str
    state: State
    step: int | None
    steps: int | None
    """The number of its last step, as it was set."""
    alarms: int
    score: tuple[float, ...]
    """Mean score of the solver over the modes, the newest last; not more than sixty of them, evenly spaced."""
    figures: dict[str, float]
    """Those of the newest step."""
    now: PhaseUnderWay | None = None
    """What the running step is at."""
    problem: str = ""
    """Why nothing else is known."""


def overview(run: ServedRun, journal: Journal) -> Overview:
    about = journal.about()
    last, wanted = journal.last_step(), steps_wanted(about)
    doing = state(run, last, wanted)
    alarms = journal.rows("SELECT count(*) FROM alarm")[0][0]
    return Overview(
        run.name,
        model(about),
        doing,
        last,
        wanted,
        whole(alarms),
        _scores(journal, last or 0),
        journal.figures(last) if last is not None else {},
        moment(run) if doing == "running" else None,
    )


def unreadable(run: ServedRun, error: RunError) -> Overview:
    return Overview(run.name, "", "unknown", None, None, 0, (), {}, None, str(error))


def model(about: dict[str, str]) -> str:
    """The name of the model, as the settings have it."""
    try:
        return str(json.loads(about.get("config", "{}"))["model"]["name"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def _scores(journal: Journal, last: int) -> tuple[float, ...]:
    every = max(1, -(-last // _SPARK))
    steps = range(last, 0, -every)[::-1]
    marks = ", ".join("?" * len(steps))
    query = f"SELECT step, name, value FROM metric WHERE step IN ({marks}) AND name GLOB 'solve/score/*' ORDER BY step"
    found: dict[int, list[float]] = {}
    for step, name, value in journal.rows(query, *steps):
        if string(name):
            found.setdefault(whole(step), []).append(figure(value))
    return tuple(sum(values) / len(values) for values in found.values())
