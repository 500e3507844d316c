"""The stream that tells a page of new steps, as server-sent events: the id of an event is the number of its step.

A browser that was cut off sends the last id it saw, and is told of every step since. The files are asked whether they
changed before the journal is: a run that stands still costs nothing.
"""

import os
from collections.abc import AsyncIterator
from contextlib import closing

import anyio
from anyio import to_thread

from abzero.errors import RunError
from abzero.views.web.journal import Journal
from abzero.views.web.runs import Run, state, steps_wanted

_PAUSE = 0.25
"""Seconds between two looks at the files."""
_HEARTBEAT = 15.0
_STATE = 2.0
_MOST = 100
"""Steps that a browser is told of one by one; of more than these, the newest."""


async def events(run: Run, seen: int | None, pause: float = _PAUSE) -> AsyncIterator[str]:
    """Events for a page that has seen step `seen`: ``step``, ``rewound`` after a resume, ``state``; a heartbeat."""
    stamp: object = None
    known, silent, asked = "", 0.0, 0.0
    yield "retry: 1000\n\n"
    while True:
        told = []
        now = _stamp(run)
        if now != stamp:
            stamp = now
            newest = await to_thread.run_sync(_newest, run)
            told = _news(seen, newest)
            seen = newest if newest is not None else seen
        if asked <= 0.0:
            current = await to_thread.run_sync(_state, run)
            told += [f"event: state\ndata: {current}\n\n"] if known and current != known else []
            known, asked = current, _STATE
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


def newest(run: Run) -> int | None:
    """The number of the newest step, for pages that ask again and again. Raises `RunError`."""
    with closing(Journal(run.journal)) as journal:
        return journal.last_step()


def _newest(run: Run) -> int | None:
    try:
        return newest(run)
    except RunError:
        return None  # it may be written anew at this moment


def _state(run: Run) -> str:
    try:
        with closing(Journal(run.journal)) as journal:
            return state(run, journal.last_step(), steps_wanted(journal.about()))
    except RunError:
        return "unknown"


def _stamp(run: Run) -> tuple[tuple[int, int], ...]:
    """What changes when a step is committed."""
    found = []
    for path in (run.journal, run.journal.with_name("run.db-wal")):
        try:
            about = os.stat(path)
            found.append((about.st_mtime_ns, about.st_size))
        except OSError:
            found.append((0, 0))
    return tuple(found)
