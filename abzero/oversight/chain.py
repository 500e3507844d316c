"""The record: an append-only log in which every entry holds the hash of the one before it.

``oversight.jsonl``: ``{"n", "at", "kind", "body", "before", "hash"}``, the hash over the canonical JSON of the rest.
Tamper-evident against whoever does not hold the head, which checkpoints, the pause note and the report note down; not
tamper-proof: who can rewrite all of them can rewrite history.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from abzero.errors import RunError
from abzero.run.files import append_text, read_text

GENESIS = "0" * 64
"""What the first entry has before it."""
KINDS = ("opened", "finding", "verdict", "paused", "reviewed", "resumed", "forgot", "closed")

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the record."""

    n: int
    at: float
    """Seconds since 1970: when it was written."""
    kind: str
    body: Mapping[str, Json]
    before: str
    hash: str

    @property
    def line(self) -> str:
        return canonical({**_content(self), "hash": self.hash})


def canonical(value: Json) -> str:
    """JSON with sorted keys, no blanks and ASCII letters only: equal values have equal texts."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def _content(entry: Entry) -> dict[str, Json]:
    return {"n": entry.n, "at": entry.at, "kind": entry.kind, "body": dict(entry.body), "before": entry.before}


def _digest(content: dict[str, Json]) -> str:
    return hashlib.sha256(canonical(content).encode()).hexdigest()


class Chain:
    """Owns the record of one run. One process appends to it, under the run's lock."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        """Raises `RunError` if what is there is not whole: a torn last line, which a kill leaves, is cut off."""
        self._path = path
        self._clock = clock
        if path.is_symlink():
            raise RunError(f"'{path}' is a symbolic link, and a record is not written through one")
        _mend(path)
        self._last: Entry | None = None
        for entry in read(path):
            self._last = entry
        if self._last:
            self._note()

    @property
    def path(self) -> Path:
        return self._path

    @property
    def head(self) -> str:
        """The hash of the last entry."""
        return self._last.hash if self._last else GENESIS

    @property
    def length(self) -> int:
        return self._last.n + 1 if self._last else 0

    def append(self, kind: str, body: Mapping[str, Json]) -> Entry:
        """Add an entry; it is on the disk when this returns. Raises `RunError`: then it is not in the record."""
        at = round(float(self._clock()), 3)
        content: dict[str, Json] = {
            "n": self.length,
            "at": at,
            "kind": kind,
            "body": dict(body),
            "before": self.head,
        }
        entry = Entry(self.length, at, kind, dict(body), self.head, _digest(content))
        append_text(self._path, entry.line + "\n")
        self._last = entry
        self._note()
        return entry

    def _note(self) -> None:
        """Note the head beside the record, so that a record that lost its end is told from a shorter one."""
        side = head_path(self._path)
        partial = side.with_name(f".{side.name}")
        try:
            partial.unlink(missing_ok=True)
            with partial.open("x", encoding="ascii") as file:
                file.write(head_note(self.head, self.length))
                file.flush()
                os.fsync(file.fileno())
            partial.replace(side)
        except OSError as error:
            raise RunError(f"'{side}' cannot be written ({error.strerror}): make room, then `abzero resume`") from error


def head_path(record: Path) -> Path:
    """The file beside a record that holds its head."""
    return record.with_suffix(".head")


def head_note(head: str, length: int) -> str:
    """What that file, and every checkpoint, says of the record."""
    return canonical({"head": head, "entries": length}) + "\n"


def _mend(path: Path) -> None:
    """Cut off a last line without its end: the process was killed while it wrote, and nobody acted on it yet."""
    if path.exists():
        text = path.read_bytes()
        if text and not text.endswith(b"\n"):
            os.truncate(path, text.rfind(b"\n") + 1)


def read(path: Path) -> Iterator[Entry]:
    """The entries of the record at `path`, each checked against the one before. Raises `RunError` with its number.

    A last line without its end, which a kill leaves, is no entry yet: unless the head beside the record knows it.
    """
    before, number, notes = GENESIS, -1, [head_note(GENESIS, 0)]
    try:
        lines = read_text(path, 1 << 30).split("\n") if path.exists() else [""]
    except OSError as error:
        raise RunError(f"'{path}' cannot be read: {error.strerror}") from error
    for number, line in enumerate(lines[:-1]):
        entry = _entry(path, number, line)
        if entry.n != number or entry.before != before or entry.hash != _digest(_content(entry)) or entry.line != line:
            raise RunError(f"'{path}': entry {number} is not what was written: it was changed, moved or follows a gap")
        before = entry.hash
        notes.append(head_note(before, number + 1))
        yield entry
    side = head_path(path)
    noted = side.read_text(encoding="ascii", errors="replace") if side.exists() else None
    if (noted is None and number > 0) or (noted is not None and noted not in notes[-2:]):
        raise RunError(
            f"'{path}': it has {number + 1} entries and does not end as '{side.name}' says: its end is missing"
        )


def _entry(path: Path, number: int, line: str) -> Entry:
    try:
        row = json.loads(line)
        entry = Entry(row["n"], row["at"], row["kind"], row["body"], row["before"], row["hash"])
        _ = entry.line
        return entry
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise RunError(f"'{path}': entry {number} is not what was written: it cannot be read") from error
