"""A journal read with care: bounded texts, bounded time, an old one, one on a disk that is read-only."""

import sqlite3
import time
import zlib
from contextlib import closing

import pytest

from abzero.errors import RunError
from abzero.run.journal import schema
from abzero.run.journal.schema import INDICES, connect
from abzero.views.journal import Journal
from abzero.views.web.queries import curriculum, lineage, search, step, task
from tests.views.folders import altered, run


def test_a_text_that_unpacks_to_far_more_is_not_unpacked(tmp_path):
    folder = run(tmp_path / "one")
    packer = zlib.compressobj(1)
    body = b"".join(packer.compress(b"a" * (1 << 24)) for _ in range(16)) + packer.flush()
    with closing(sqlite3.connect(folder / "run.db")) as connection:
        connection.execute("UPDATE text SET body = ? WHERE id = 1", (body,))
        connection.commit()
    with closing(Journal(folder / "run.db")) as journal:
        found = journal.text(1, 100)
    assert found.text == "a" * 100
    assert not found.whole


def test_texts_are_read_in_portions_and_characters_stay_whole(tmp_path):
    folder = run(tmp_path / "one")
    text = "aé😀\ud800" * 500
    with closing(sqlite3.connect(folder / "run.db")) as connection:
        connection.execute("UPDATE text SET body = ? WHERE id = 1", (schema.pack(text),))
        connection.commit()
    with closing(Journal(folder / "run.db")) as journal:
        portions = [journal.text(1, 700, start) for start in range(0, 2100, 700)]
    assert [one.whole for one in portions] == [False, False, True]
    assert "".join(one.text for one in portions).replace("\ufffd", "").startswith("aé😀")
    assert portions[-1].text == text[1400:]


def test_a_question_that_takes_too_long_is_given_up(tmp_path):
    folder = run(tmp_path / "one")
    with closing(Journal(folder / "run.db", seconds=0.05)) as journal, pytest.raises(RunError):
        journal.rows("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")


def test_nothing_can_be_written(tmp_path):
    folder = run(tmp_path / "one")
    with closing(Journal(folder / "run.db")) as journal, pytest.raises(RunError, match=r"read-only|readonly"):
        journal.rows("DELETE FROM step")


def test_the_writer_makes_the_indices_and_a_reader_does_without(tmp_path):
    folder = altered(
        tmp_path / "one", "DROP INDEX proposal_task; DROP INDEX attempt_task; DROP INDEX lineage_reference"
    )
    with closing(Journal(folder / "run.db")) as journal:
        [row] = step.proposals(journal, 2, "deduction")[:1]
        assert task.task(journal, row.task).id == row.task
    connect(folder / "run.db", read_only=False).close()
    with closing(sqlite3.connect(folder / "run.db")) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
    assert {line.split()[5] for line in INDICES.strip().splitlines()} <= names


def test_a_read_only_folder_needs_no_file_beside_the_journal(tmp_path, monkeypatch):
    folder = run(tmp_path / "one")
    monkeypatch.setattr(schema.os, "access", lambda *_: False)
    with closing(connect(folder / "run.db", read_only=True)) as connection:
        assert connection.execute("SELECT max(number) FROM step").fetchone() == (5,)
    assert {path.name for path in folder.iterdir()} == {"run.db", "config.json"}


def test_a_step_is_read_whole(tmp_path):
    folder = run(tmp_path / "one")
    with closing(Journal(folder / "run.db")) as journal:
        rows = step.proposals(journal, 3, "deduction")
        assert [row.position for row in rows] == [0, 1, 2]
        assert [len(row.scores) for row in rows] == [4, 4, 0]
        assert rows[0].solve_rate == sum(rows[0].scores) / 4
        assert rows[2].earned.total == -1.5
        assert [row.score for row in step.attempts(journal, 3, "deduction")] == [None, None]
        assert step.neighbours(journal, 1) == (None, 2)


def test_the_heat_map_counts_every_task_of_its_steps(tmp_path):
    folder = run(tmp_path / "one")
    with closing(Journal(folder / "run.db")) as journal:
        steps, every = curriculum.sampled(journal)
        assert (steps, every) == ([1, 2, 3, 4, 5], 1)
        assert [sum(column.counts) for column in curriculum.heat(journal, steps)["deduction"]] == [2] * 5
        assert curriculum.sampled(journal, 2) == ([2, 5], 3)
        [reason] = curriculum.rejections(journal, steps)
        assert (reason.total, reason.examples[0]) == (5, (5, 2))


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("raised NameError: name 'x' is not defined", "raised NameError"),
        ("1 input blocks where 6 were asked for", "N input blocks where N were asked for"),
        ("expected ',' in a literal, found 'b'", "expected … in a literal, found …"),
        ("", "no reason given"),
    ],
)
def test_reasons_are_told_apart_by_what_they_have_in_common(reason, kind):
    assert curriculum.kind_of(reason) == kind


def test_lineage_leads_from_the_seed_to_every_task(tmp_path):
    folder = run(tmp_path / "one")
    with closing(Journal(folder / "run.db")) as journal:
        found = lineage.graph(journal, 1, 5)
        assert len(found.nodes) == 11
        assert len(found.edges) == 10
        [ancestor] = lineage.fertile(journal, 0)
        assert (ancestor.step, ancestor.shown, ancestor.children) == (0, 15, 10)
        assert len(task.descendants(journal, ancestor.id, 100)) == 10


def test_search_stops_when_its_time_is_up_and_says_where(tmp_path):
    folder = run(tmp_path / "one")
    with closing(Journal(folder / "run.db")) as journal:
        begun = time.monotonic()
        found = search.search(journal, search.SearchQuery("return"), 5, seconds=0.0)
        assert time.monotonic() - begun < 60
        assert {hit.step for hit in found.hits} == {5}
        assert found.next == 4
