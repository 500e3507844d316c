"""A journal that somebody else may have made: what SQLite may do for it, and what a row of it may hold.

SQLite keeps any value in any column, runs the triggers and views that a file brings, and hands over what is as large as
the file says. A run's folder may come from a stranger, so none of it is taken on trust.
"""

import re
import sqlite3
from collections.abc import Mapping

from abzero.errors import RunError
from abzero.text.sanitize import harmless

LONGEST = 64 << 20
"""Bytes of the largest value that SQLite hands over."""

_COLUMN = re.compile(r'(?:^|[(,])\s*"?([a-z_]+)"? (INTEGER|TEXT|REAL|BLOB)', re.MULTILINE)
_KINDS: Mapping[str, tuple[type, ...]] = {"INTEGER": (int,), "TEXT": (str,), "REAL": (int, float), "BLOB": (bytes,)}
_READ_AS = {"id": "TEXT", "message": "TEXT", "value": "REAL"}
"""Columns that two tables have in two types: the one that a reader asks for by this name."""


def refuse_programs(connection: sqlite3.Connection, path: object) -> None:
    """Raise `RunError` unless the file holds nothing but tables and indices; from here on, only those are used."""
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
    for kind, name, statement in connection.execute("SELECT type, name, sql FROM main.sqlite_master"):
        plain = kind == "index" or (kind == "table" and str(statement).upper().startswith("CREATE TABLE"))
        if not plain or "GENERATED ALWAYS" in str(statement).upper():
            raise RunError(
                f"{path}: this journal holds {harmless(str(name))!r}, which is no table of ours: it is not read"
            )


def kinds(schema: str) -> dict[str, tuple[type, ...]]:
    """What Python types the columns of a schema's tables have, by name."""
    found = {name: _KINDS[kind] for name, kind in _COLUMN.findall(schema)}
    return {**found, **{name: _KINDS[kind] for name, kind in _READ_AS.items()}}


def checked(
    cursor: sqlite3.Cursor, row: tuple[object, ...], known: Mapping[str, tuple[type, ...]]
) -> tuple[object, ...]:
    """`row` with names and messages made harmless. Raises `RunError` for a value of another type than its column's."""
    return tuple(
        _checked(name, value, known.get(name)) for (name, *_), value in zip(cursor.description, row, strict=True)
    )


def _checked(name: str, value: object, allowed: tuple[type, ...] | None) -> object:
    if value is not None and allowed and not isinstance(value, allowed):
        raise RunError(f"the journal is damaged: a {type(value).__name__} in the column '{name}'")
    return harmless(value) if isinstance(value, str) else value
