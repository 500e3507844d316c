"""The tables of ``run.db``, and how it is opened: what the writer and the reader agree on."""

import hashlib
import math
import os
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from abzero.errors import RunError
from abzero.run.journal.guarded import refuse_programs
from abzero.run.journal.migrations import MIGRATIONS, show_as_current, upgrade

APPLICATION = 0x61627A30
"""SQLite's application id of a journal: ``abz0``."""
VERSION = 3

TABLES = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE step (number INTEGER PRIMARY KEY);
CREATE TABLE text (id INTEGER PRIMARY KEY, step INTEGER NOT NULL, digest BLOB NOT NULL, body BLOB NOT NULL);
CREATE TABLE task (
    id TEXT PRIMARY KEY, step INTEGER NOT NULL, mode TEXT NOT NULL, program INTEGER NOT NULL REFERENCES text,
    cases INTEGER NOT NULL REFERENCES text, message INTEGER NOT NULL REFERENCES text);
CREATE TABLE proposal (
    step INTEGER NOT NULL, position INTEGER NOT NULL, mode TEXT NOT NULL,
    prompt INTEGER NOT NULL REFERENCES text, completion INTEGER NOT NULL REFERENCES text, tokens INTEGER NOT NULL,
    finish TEXT NOT NULL, version INTEGER NOT NULL, task TEXT REFERENCES task, error INTEGER REFERENCES text,
    well_formed INTEGER NOT NULL, solve_rate REAL, ours INTEGER, new INTEGER, repeats INTEGER, answer_share REAL,
    PRIMARY KEY (step, position)) WITHOUT ROWID;
CREATE TABLE lineage (
    step INTEGER NOT NULL, position INTEGER NOT NULL, place INTEGER NOT NULL,
    reference TEXT NOT NULL REFERENCES task, PRIMARY KEY (step, position, place)) WITHOUT ROWID;
CREATE TABLE attempt (
    step INTEGER NOT NULL, position INTEGER NOT NULL, task TEXT NOT NULL REFERENCES task,
    prompt INTEGER NOT NULL REFERENCES text, completion INTEGER NOT NULL REFERENCES text, tokens INTEGER NOT NULL,
    finish TEXT NOT NULL, version INTEGER NOT NULL, answer INTEGER NOT NULL REFERENCES text, score REAL,
    well_formed INTEGER NOT NULL, proposal INTEGER, PRIMARY KEY (step, position)) WITHOUT ROWID;
CREATE TABLE fault (
    step INTEGER NOT NULL, role TEXT NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY (step, role, position)) WITHOUT ROWID;
CREATE TABLE reward (
    step INTEGER NOT NULL, role TEXT NOT NULL, position INTEGER NOT NULL, "group" INTEGER NOT NULL,
    advantage REAL, PRIMARY KEY (step, role, position)) WITHOUT ROWID;
CREATE TABLE term (
    step INTEGER NOT NULL, role TEXT NOT NULL, position INTEGER NOT NULL, place INTEGER NOT NULL,
    name TEXT NOT NULL, value REAL, PRIMARY KEY (step, role, position, place)) WITHOUT ROWID;
CREATE TABLE metric (step INTEGER NOT NULL, name TEXT NOT NULL, value REAL, PRIMARY KEY (name, step)) WITHOUT ROWID;
CREATE INDEX metric_step ON metric (step);
CREATE TABLE clock (step INTEGER NOT NULL, name TEXT NOT NULL, value REAL, PRIMARY KEY (name, step)) WITHOUT ROWID;
CREATE TABLE alarm (
    step INTEGER NOT NULL, place INTEGER NOT NULL, name TEXT NOT NULL, message TEXT NOT NULL,
    PRIMARY KEY (step, place)) WITHOUT ROWID;
CREATE TABLE finding (
    step INTEGER NOT NULL, place INTEGER NOT NULL, role TEXT NOT NULL, position INTEGER NOT NULL, part TEXT NOT NULL,
    "begin" INTEGER NOT NULL, "end" INTEGER NOT NULL, tier INTEGER NOT NULL, source TEXT NOT NULL,
    category TEXT NOT NULL, severity INTEGER NOT NULL, score REAL, PRIMARY KEY (step, place)) WITHOUT ROWID;
"""
"""`position` counts a step's proposals (role propose) or attempts (role solve) from 0; a ``fault``, ``reward`` or
``term`` row belongs to the proposal or attempt of its role and position. An attempt's `proposal` is the position of
the one whose solve rate it estimates, ``NULL`` if it was drawn for the solver. A proposal's last four columns are
``NULL`` where they come from a journal of version 1. ``NULL`` in a column of figures is NaN, save for `score`
(malformed) and `solve_rate` (no task)."""

INDICES = """
CREATE INDEX IF NOT EXISTS proposal_task ON proposal (task);
CREATE INDEX IF NOT EXISTS attempt_task ON attempt (task);
CREATE INDEX IF NOT EXISTS lineage_reference ON lineage (reference);
"""
"""What finds a task's proposals, attempts and descendants in a long run. A journal without them is read alike."""

OF_A_STEP = (
    "text",
    "task",
    "proposal",
    "lineage",
    "attempt",
    "fault",
    "reward",
    "term",
    "metric",
    "alarm",
    "finding",
    "step",
)
"""The tables that a step fills, and fills alike when it is repeated from the same state."""

LONGEST_TEXT = 16 << 20
"""Bytes of the longest text that is unpacked: a hundred times what a completion is."""

_HEADER = b"SQLite format 3\0"
_REMEDIES = {
    "SQLITE_FULL": "the disk is full: free some space, then `abzero resume`",
    "SQLITE_BUSY": "another process is writing this run: wait for it, or end it",
    "SQLITE_LOCKED": "another process is writing this run: wait for it, or end it",
    "SQLITE_NOTADB": "this file is not a journal",
    "SQLITE_CORRUPT": "the journal is damaged: move it away, and the run resumes without its past",
    "SQLITE_CANTOPEN": "the journal cannot be opened: does it exist, and may this user write in its folder?",
    "SQLITE_READONLY": "the journal is read-only for this user",
    "SQLITE_IOERR": "the disk failed to read or write the journal",
    "SQLITE_CONSTRAINT": "this step is in the journal already: is it an older run's, or does another process write it?",
}


def connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """Open the journal at `path`, created where there is none and it may be written. Raises `RunError`."""
    if read_only and not path.is_file():
        raise RunError(f"{path}: there is no journal here; is this the folder of a run?")
    if path.is_symlink():
        raise RunError(f"{path}: a symbolic link is not followed: put the journal itself there")
    if path.is_file() and not _looks_like_sqlite(path):
        raise RunError(f"{path}: this file is not a journal")
    with explained(path):
        address = path.absolute().as_uri() + (_reading(path) if read_only else "")
        connection = sqlite3.connect(
            address, uri=True, timeout=10.0, isolation_level=None, check_same_thread=not read_only
        )
    try:
        with explained(path):
            _prepare(connection, path, read_only)
    except RunError:
        connection.close()
        raise
    return connection


def _looks_like_sqlite(path: Path) -> bool:
    """Whether the file is empty or has SQLite's header: SQLite itself takes a file of a few bytes for an empty one."""
    try:
        with path.open("rb") as file:
            return file.read(len(_HEADER)) in (b"", _HEADER)
    except OSError as error:
        raise RunError(f"{path}: {_REMEDIES['SQLITE_CANTOPEN']} ({error.strerror})") from error


def _reading(path: Path) -> str:
    """How a journal is opened to be read: in a folder that is read-only, SQLite must not want a file beside it."""
    log = path.with_name(path.name + "-wal")
    alone = not os.access(path.parent, os.W_OK) and not log.exists()
    return "?mode=ro" + ("&immutable=1" if alone else "")


def _prepare(connection: sqlite3.Connection, path: Path, read_only: bool) -> None:
    refuse_programs(connection, path)
    [application] = connection.execute("PRAGMA application_id").fetchone()
    [version] = connection.execute("PRAGMA user_version").fetchone()
    [tables] = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not read_only and not tables:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(
            f"BEGIN EXCLUSIVE; {TABLES} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT"
        )
    elif application != APPLICATION:
        raise RunError(f"{path}: this file is not a journal")
    elif version in MIGRATIONS and read_only:
        show_as_current(connection, version)
    elif version in MIGRATIONS:
        upgrade(connection, version, VERSION, TABLES)
    elif version != VERSION:
        raise RunError(f"{path}: a journal of version {version}; this abzero reads versions up to {VERSION}")
    if not read_only:
        connection.executescript(INDICES)
    connection.execute("PRAGMA synchronous = FULL")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite and zlib raise in the block into one `RunError` that says what to do."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        remedy = next((text for code, text in _REMEDIES.items() if name.startswith(code)), "the journal failed")
        raise RunError(f"{path}: {remedy} ({error})") from error
    except (zlib.error, UnicodeDecodeError, OverflowError) as error:
        raise RunError(f"{path}: {_REMEDIES['SQLITE_CORRUPT']} ({error})") from error


@contextmanager
def transaction(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """All or nothing of what the block writes is in the journal, whatever happens to this process."""
    with explained(path):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def pack(text: str) -> bytes:
    """`text`, whatever it holds (NULs, lone surrogates), compressed."""
    return zlib.compress(text.encode("utf-8", "surrogatepass"))


def digest(text: str) -> bytes:
    """What stands beside a text: equal texts are stored once, and one that was edited is told from what was written."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def unpack(body: object) -> str:
    """The text in `body`. Raises `RunError` for what is none, or is longer than `LONGEST_TEXT`."""
    if not isinstance(body, bytes):
        raise RunError(f"the journal is damaged: a {type(body).__name__} where a text belongs")
    unpacking = zlib.decompressobj()
    text = unpacking.decompress(body, LONGEST_TEXT)
    if not unpacking.eof:
        raise RunError(f"the journal is damaged: a text of it is cut short, or longer than {LONGEST_TEXT >> 20} MiB")
    return text.decode("utf-8", "surrogatepass")


def figure(value: float | None) -> float:
    """A column of figures as it was written: SQLite keeps NaN as ``NULL``. Raises `RunError` for another type."""
    if value is not None and not isinstance(value, int | float):
        raise RunError(f"the journal is damaged: a {type(value).__name__} where a figure belongs")
    return math.nan if value is None else value
