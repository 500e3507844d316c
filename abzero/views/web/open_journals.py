"""Journals, opened for each page anew; those of an older version, which are migrated as they are opened, once."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from abzero.views.journal import Journal

OpenJournal = Callable[[Path], AbstractContextManager[Journal]]
"""Opens a journal for one page. Raises `RunError`."""

Stamp = tuple[tuple[int, int, int], ...]

_MOST = 8
"""Journals of an older version that are kept open."""


@dataclass(frozen=True, slots=True)
class _Kept:
    stamp: Stamp
    journal: Journal
    lock: Lock


class OpenJournals:
    """Owns the journals that are kept open. One page at a time uses one of them."""

    def __init__(self) -> None:
        self._kept: dict[Path, _Kept] = {}
        self._lock = Lock()

    @contextmanager
    def open(self, path: Path) -> Iterator[Journal]:
        """A journal with its time granted anew. Raises `RunError`."""
        kept = self._find(path)
        if kept is None:
            journal = Journal(path)
            if not journal.migrated:
                with closing(journal):
                    yield journal
                return
            kept = self._keep(path, journal)
        with kept.lock:
            kept.journal.grant()
            yield kept.journal

    def _find(self, path: Path) -> _Kept | None:
        """The journal, if it is kept, and is what it was: a run that goes on brings it to today's version."""
        with self._lock:
            kept = self._kept.get(path)
            return kept if kept and kept.stamp == stamp(path) else None

    def _keep(self, path: Path, journal: Journal) -> _Kept:
        with self._lock:
            for other in [path, *list(self._kept)[: max(len(self._kept) + 1 - _MOST, 0)]]:
                if gone := self._kept.pop(other, None):
                    with gone.lock:
                        gone.journal.close()
            kept = self._kept[path] = _Kept(stamp(path), journal, Lock())
            return kept


def stamp(path: Path) -> Stamp:
    """What changes when a step is committed: of the journal and of its log, when they were written and their sizes."""
    found = []
    for file in (path, path.with_name(path.name + "-wal")):
        try:
            about = os.stat(file)
            found.append((about.st_ino, about.st_mtime_ns, about.st_size))
        except OSError:
            found.append((0, 0, 0))
    return tuple(found)
