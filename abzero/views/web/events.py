"""The stream that tells a page of new steps, as server-sent events: the id of an event is the number of its step.

A browser that was cut off sends the last id it saw, and is told of every step since. The files are asked whether they
changed before the journal is: a run that stands still costs nothing.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import anyio
from anyio import to_thread

from abzero.errors import RunError
from abzero.views.now import moment
from abzero.views.run_folders import ServedRun, State, state, steps_wanted
from abzero.views.web.open_journals import OpenJournal, stamp
from abzero.views.web.pages.status import status

_PAUSE = 0.25
"""Seconds between two looks at the files."""
_HEARTBEAT = 15.0
_STATE = 2.0
_MOST = 100
"""Steps that a browser is told of one by one; of more than these, the newest."""


ServerEnds = Callable[[], bool]
"""Whether the server is about to end: a stream that went on would be cancelled, and told as an error."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What the journal said when it was last asked."""

    step: int | None = None
    steps: int | None = None
    state: State = "unknown"


async def events(
    run: ServedRun, seen: int | None, opened: OpenJournal, ends: ServerEnds = lambda: False, pause: float = _PAUSE
) -> AsyncIterator[str]:
    """Events for a page that has seen step `seen`, and a heartbeat, until the server `ends`.

    ``step`` for each step, ``rewound`` after a resume, ``state`` when the run begins or ends, ``status`` with the HTML
    of how far the running step is.
    """
    before: object = None
    known, silent, asked, shown = _Known(), 0.0, 0.0, ""
    yield "retry: 1000\n\n"
    while not ends():
        told = []
        now = stamp(run.journal)
        if now != before or asked <= 0.0:
            before = now
            current, asked = await to_thread.run_sync(_look, run, opened), _STATE
            told = _news(seen, current.step)
            seen = current.step if current.step is not None else seen
            changed = known.state not in ("unknown", current.state)
            told += [f"event: state\ndata: {current.state}\n\n"] if changed else []
            known = current
        fresh = _status(run, known)
        told += [f"event: status\ndata: {fresh}\n\n"] if fresh != shown else []
        shown = fresh
        for one in told:
            yield one
        silent = 0.0 if told else silent + pause
        if silent >= _HEARTBEAT:
            silent = 0.0
            yield ": still here\n\n"
        asked -= pause
        await anyio.sleep(pause)


def _news(seen: int | None, newest: int | None) -> list[str]:
    """What to tell of steps up to `newest` who has seen those up to `seen`; nothing to who has just come."""
    if newest is None or newest == seen:
        return []
    if seen is None:
        return [f"id: {newest}\nevent: hello\ndata: {newest}\n\n"]
    if newest < seen:
        return [f"id: {newest}\nevent: rewound\ndata: {newest}\n\n"]
    first = max(seen + 1, newest - _MOST + 1)
    return [f"id: {number}\nevent: step\ndata: {number}\n\n" for number in range(first, newest + 1)]


def newest(run: ServedRun, opened: OpenJournal) -> int | None:
    """The number of the newest step, for pages that ask again and again. Raises `RunError`."""
    with opened(run.journal) as journal:
        return journal.last_step()


def _look(run: ServedRun, opened: OpenJournal) -> _Known:
    try:
        with opened(run.journal) as journal:
            last, wanted = journal.last_step(), steps_wanted(journal.about())
            return _Known(last, wanted, state(run, last, wanted))
    except RunError:
        return _Known()  # it may be written anew at this moment


def _status(run: ServedRun, known: _Known) -> str:
    """How far the run is, and what its running step is at; empty where nothing is known."""
    found = moment(run) if known.state == "running" else None
    return status(known.state, known.step, known.steps, found) if known.state != "unknown" else ""
