"""A journal that somebody else may have made, opened to be read: bounded in time and size, its types checked."""

import sqlite3
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

from abzero.errors import RunError
from abzero.run.journal.schema import connect, explained

_SECONDS = 5.0
"""How long the questions of one page may take together."""
_LARGEST = 64 << 20
"""Bytes of the largest value that SQLite hands over."""
_COMPRESSED = 8 << 20
"""Bytes of a text, as stored, that are looked at."""
_STEPS_AT_ONCE = 1000
_POINTS = 400

SqlValue = str | int | float | bytes | None
SqlRow = tuple[SqlValue, ...]


@dataclass(frozen=True, slots=True)
class StoredText:
    """The beginning of a stored text."""

    id: int
    text: str
    whole: bool
    """Whether nothing was left out."""


class Journal:
    """Owns one reading connection to a run's ``run.db``. Every method raises `RunError`."""

    def __init__(self, path: Path, seconds: float = _SECONDS) -> None:
        self.path = path
        _refuse_programs(path)
        self._connection = connect(path, read_only=True)
        self._connection.execute("PRAGMA query_only = ON")
        self._connection.execute("PRAGMA trusted_schema = OFF")
        self._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST)
        self.grant(seconds)

    def grant(self, seconds: float = _SECONDS) -> None:
        """From now on, questions may take so many seconds together."""
        end = time.monotonic() + seconds
        self._connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS_AT_ONCE)

    @property
    def migrated(self) -> bool:
        """Whether it is of an older version, and is read through tables that took time to make."""
        return self.row("SELECT 1 FROM temp.sqlite_master LIMIT 1") is not None

    def close(self) -> None:
        self._connection.close()

    def rows(self, query: str, *values: str | int) -> list[SqlRow]:
        try:
            with explained(self.path):
                return self._connection.execute(query, values).fetchall()
        except OverflowError as error:
            raise RunError(f"{self.path}: a number in the address is out of range") from error

    def row(self, query: str, *values: str | int) -> SqlRow | None:
        return next(iter(self.rows(query, *values)), None)

    def text(self, number: SqlValue, limit: int = 4_000, start: int = 0) -> StoredText:
        """`limit` characters of the text with this id, from character `start`; no more than that is decompressed."""
        number = whole(number)
        row = self.row("SELECT substr(body, 1, ?), length(body) FROM text WHERE id = ?", _COMPRESSED, number)
        if row is None or not isinstance(row[0], bytes):
            raise RunError(f"{self.path}: text {number} is missing or damaged")
        unpacking = zlib.decompressobj()
        with explained(self.path):
            body = unpacking.decompress(row[0], 4 * (start + limit) + 4)
            # The cut may lie within a character, which is then left out.
            text = body.decode("utf-8", "surrogatepass" if unpacking.eof else "replace")
        end = start + limit
        return StoredText(number, text[start:end], unpacking.eof and len(text) <= end)

    def about(self) -> dict[str, str]:
        return {string(key): string(value, 1 << 20) for key, value in self.rows("SELECT key, value FROM about")}

    def last_step(self) -> int | None:
        [(number,)] = self.rows("SELECT max(number) FROM step")
        return None if number is None else whole(number)

    def modes(self) -> list[str]:
        """The task types of the newest steps, in alphabetical order."""
        last = self.last_step() or 0
        return sorted({string(m) for (m,) in self.rows("SELECT DISTINCT mode FROM proposal WHERE step > ?", last - 20)})

    def series(self, name: str) -> list[tuple[float, float]]:
        """(step, value) of one metric or clock figure of the self-play steps, ascending; held-out ones of step 0, too.

        Of a long run, means over equally many neighbouring steps: as many as a chart can show.
        """
        table = "clock" if name.startswith(("seconds/", "tokens_per")) else "metric"
        first = 0 if name.startswith("eval/") else 1
        every = -(-(self.last_step() or 0) // _POINTS)
        if every <= 1:
            query = f"SELECT step, value FROM {table} WHERE name = ? AND step >= ? ORDER BY step"
            return [(float(whole(step)), figure(value)) for step, value in self.rows(query, name, first)]
        query = f"""
SELECT avg(step), avg(value) FROM {table} WHERE name = ? AND step >= ? GROUP BY (step - 1) / ? ORDER BY step"""
        return [(figure(step), figure(value)) for step, value in self.rows(query, name, first, every)]

    def held_out(self) -> list[str]:
        """The figures of held-out problems that the run has, by name."""
        query = "SELECT DISTINCT name FROM metric WHERE name LIKE 'eval/%'"
        return sorted(string(name) for (name,) in self.rows(query))

    def figures(self, step: int) -> dict[str, float]:
        """Every metric and clock figure of one step."""
        query = "SELECT name, value FROM {} WHERE step = ?"
        rows = self.rows(query.format("metric"), step)
        rows += self.rows("SELECT name, value FROM clock WHERE step = ?", step)
        return {string(name): figure(value) for name, value in rows}


def whole(value: SqlValue) -> int:
    """A column of whole numbers. Raises `RunError` for a value of another type, like the next three."""
    if not isinstance(value, int):
        raise RunError(f"the journal is damaged: {type(value).__name__} where a whole number belongs")
    return value


def figure(value: SqlValue) -> float:
    """A column of figures: ``NULL`` is NaN."""
    if isinstance(value, int | float):
        return float(value)
    if value is None:
        return float("nan")
    raise RunError(f"the journal is damaged: {type(value).__name__} where a figure belongs")


def share(value: SqlValue) -> float | None:
    """A column of figures that may be absent."""
    return None if value is None else figure(value)


def string(value: SqlValue, limit: int = 2_000) -> str:
    """A column of short strings: a name, a mode, a task."""
    if not isinstance(value, str):
        raise RunError(f"the journal is damaged: {type(value).__name__} where a name belongs")
    return value[:limit]


def _refuse_programs(path: Path) -> None:
    """A journal holds tables and indices: views, triggers and virtual tables would make SQLite work for a stranger."""
    if not path.is_file():
        raise RunError(f"{path}: there is no journal here; is this the folder of a run?")
    with explained(path):
        connection = sqlite3.connect(path.absolute().as_uri() + "?mode=ro", uri=True)
        try:
            connection.text_factory = lambda text: text.decode("utf-8", "replace")
            found = connection.execute("SELECT name FROM sqlite_master WHERE type IN ('view', 'trigger')").fetchone()
            found = (
                found
                or connection.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table' AND upper(sql) NOT LIKE 'CREATE TABLE%'"
                ).fetchone()
            )
        except sqlite3.OperationalError:
            found = None  # `connect` opens it in the way that a read-only folder needs, or says why not
        finally:
            connection.close()
    if found:
        raise RunError(f"{path}: this journal holds {found[0]!r}, which is no table of ours: it is not read")
