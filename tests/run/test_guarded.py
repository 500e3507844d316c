"""A journal from a stranger: bounded, harmless, and no program for SQLite."""

import sqlite3
import zlib
from contextlib import closing

import pytest

from abzero.errors import RunError
from abzero.run.journal import JournalReader, JournalWriter
from abzero.run.journal.schema import LONGEST_TEXT
from tests.steps import history


@pytest.fixture
def path(tmp_path):
    with closing(JournalWriter(tmp_path / "run.db")) as journal:
        for step in history(1):
            journal.write(step)
    return tmp_path / "run.db"


def change(path, statement, *values):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement, values)


def read(path):
    with closing(JournalReader(path)) as reader:
        return reader.attempts(1), reader.proposals(1), reader.about()


def test_a_text_that_unpacks_to_gigabytes_is_not_unpacked(path):
    change(path, "UPDATE text SET body = ?", zlib.compress(b"x" * (LONGEST_TEXT + 1)))
    with pytest.raises(RunError, match="longer than 16 MiB"):
        read(path)


@pytest.mark.parametrize("column", ["finish", "mode"])
def test_no_name_steers_the_terminal(path, column):
    table = "task" if column == "mode" else "attempt"
    change(path, f"UPDATE {table} SET {column} = ?", "\x1b[2J\u202e")
    assert not {"\x1b", "\u202e"} & set(str(read(path)))
    assert "\\x1b[2J" in read(path)[0][0].finish + read(path)[0][0].mode


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE VIEW extra AS SELECT 1",
        "CREATE TRIGGER extra AFTER INSERT ON step BEGIN SELECT 1; END",
        "CREATE VIRTUAL TABLE extra USING fts5(body)",
        "CREATE TABLE extra (a, b GENERATED ALWAYS AS (a))",
    ],
)
def test_a_journal_that_brings_programs_is_not_opened(path, statement):
    change(path, statement)
    for opening in (JournalReader, JournalWriter):
        with pytest.raises(RunError, match="no table of ours"):
            opening(path)


@pytest.mark.parametrize(("column", "value"), [("tokens", b"\xff"), ("score", "high"), ("finish", b"stop")])
def test_a_value_of_another_type_is_one_clear_error(path, column, value):
    change(path, f"UPDATE attempt SET {column} = ?", value)
    with pytest.raises(RunError, match=f"in the column '{column}'"):
        read(path)
