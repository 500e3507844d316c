"""`docs/formats.md` says what the code writes."""

import json
import re
import sqlite3
from contextlib import closing
from dataclasses import fields
from pathlib import Path

import pytest

from abzero.cli.trust import Code
from abzero.config.named import CodeFile
from abzero.evals import rows as benchmark_rows
from abzero.evals.base import Score
from abzero.evals.provenance import JudgedBy
from abzero.evals.results import Measurement
from abzero.evals.samples import Sample
from abzero.evals.scoring import Judged
from abzero.evals.summary import Asked, SuiteEntry
from abzero.run.directory import RunFolder
from abzero.run.journal import JournalReader, JournalWriter
from abzero.run.journal.schema import TABLES, VERSION
from abzero.types import Finding
from abzero.views.grep import Hit
from abzero.views.grep_answers import AnswerHit
from abzero.views.rows import rollouts
from tests.steps import history

PAGE = (Path(__file__).parents[1] / "docs" / "formats.md").read_text(encoding="utf-8")


def documented(heading: str) -> list[str]:
    """The first cells of the table below a heading."""
    section = re.split(r"^#+ ", PAGE.split(f"# {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)


@pytest.fixture
def reader(tmp_path):
    with closing(JournalWriter(tmp_path / "run.db")) as journal:
        journal.write(history(1)[0])
    with closing(JournalReader(tmp_path / "run.db")) as opened:
        yield opened


@pytest.mark.parametrize(("role", "heading"), [("propose", "Of proposals"), ("solve", "Of attempts")])
def test_a_row_of_a_dump_has_the_fields_that_are_documented(reader, role, heading):
    for row in rollouts(reader, [1], [role]):
        assert sorted(row) == sorted(documented("In every row") + documented(heading))


def test_a_finding_in_a_row_has_the_fields_that_are_documented():
    [line] = [line for line in PAGE.splitlines() if line.startswith("| `findings`")]
    assert re.findall(r"`(\w+)`", line)[1:] == [field.name for field in fields(Finding)]


def test_a_hit_has_the_fields_that_are_documented():
    assert documented("Hits") == [field.name for field in fields(Hit)]


def test_a_hit_in_an_answer_has_the_fields_that_are_documented():
    assert documented("Hits in answers") == [field.name for field in fields(AnswerHit)]


def test_an_evaluation_has_the_fields_that_are_documented():
    assert documented("Held-out problems") == [field.name for field in fields(Measurement)]


def test_a_row_of_a_benchmark_has_the_fields_that_are_documented(tmp_path):
    judged = Judged(Sample("key", 0, "completion", "text"), "text", Score("correct", 1.0), None, 0.0)
    benchmark_rows.append(tmp_path / "x.jsonl", "suite", [judged])
    assert documented("Benchmark rows") == list(json.loads((tmp_path / "x.jsonl").read_text()))


@pytest.mark.parametrize(
    ("heading", "record"),
    [("Of a suite", SuiteEntry), ("Of a judge", JudgedBy), ("Of how a model was asked", Asked)],
)
def test_a_summary_of_benchmarks_has_the_fields_that_are_documented(heading, record):
    assert documented(heading) == [field.name for field in fields(record)]


def test_code_json_has_the_keys_that_are_documented(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = RunFolder(tmp_path)
    Code({}, {"mine:half": CodeFile(tmp_path / "mine.py", b"half = 0.5\n")}, "0" * 32).record(folder)
    assert list(json.loads(folder.code.read_text())) == documented("Code of a run")


def test_the_tables_of_the_journal_are_those_that_are_documented():
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(TABLES)
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            assert documented(table) == columns, table
    assert f"`user_version` {VERSION}" in PAGE
