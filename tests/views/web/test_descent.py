"""Where tasks come from and whether programs grow, on descents that are worked out by hand."""

import sqlite3
from contextlib import closing

import pytest

from abzero.run.journal import JournalWriter
from abzero.views.journal import Journal
from abzero.views.web.queries import growth, lineage
from tests.steps import history

A, B, C, D = ("a" * 16, "b" * 16, "c" * 16, "d" * 16)


@pytest.fixture
def journal(tmp_path):
    """Seeds a and d; step 1: b from a; step 2: c from b and a; step 3: b again, from d, and a proposal that failed."""
    path = tmp_path / "run.db"
    with closing(JournalWriter(path)) as writer:
        for step in history(3):
            writer.write(step)
    proposals = [(1, 0, B), (2, 0, C), (3, 0, B), (3, 1, None)]
    shown = [(1, 0, 0, A), (2, 0, 0, B), (2, 0, 1, A), (3, 0, 0, D), (3, 1, 0, C)]
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("DELETE FROM proposal; DELETE FROM lineage; DELETE FROM task;")
        text = connection.execute("SELECT min(id) FROM text").fetchone()[0]
        for name, step in ((A, 0), (D, 0), (B, 1), (C, 2)):
            connection.execute("INSERT INTO task VALUES (?, ?, 'deduction', ?, ?, ?)", (name, step, text, text, text))
        for step, position, task in proposals:
            row = (step, position, "deduction", text, text, 1, "stop", 1, task, None, 1, 0.5, 0, 1, 0, 0.0)
            connection.execute(f"INSERT INTO proposal VALUES ({', '.join('?' * 16)})", row)
        connection.executemany("INSERT INTO lineage VALUES (?, ?, ?, ?)", shown)
        connection.commit()
    with closing(Journal(path)) as opened:
        yield opened


def test_a_line_is_followed_to_the_task_that_nothing_is_known_to_have_made(journal):
    found = lineage.descent(journal, [1, 2, 3], 10)
    assert [(one.step, one.depths, one.founders) for one in found] == [(1, (1,), 1), (2, (2,), 1), (3, (1,), 1)]


def test_a_line_of_which_nothing_descends_is_told_from_one_that_goes_on(journal):
    assert [one.fertile for one in lineage.descent(journal, [1, 2, 3], 10)] == [1.0, 0.0, 1.0]


def test_a_circle_in_a_journal_that_somebody_made_ends(tmp_path, journal):
    with closing(sqlite3.connect(journal.path)) as connection:
        connection.execute("UPDATE lineage SET reference = ? WHERE step = 1", (C,))
        connection.commit()
    [found] = lineage.descent(journal, [2], 10)
    assert max(found.depths) == 400


def test_the_age_of_a_draw_is_the_steps_since_its_task_was_made(journal):
    assert [one.shown for one in growth.ages(journal, [1, 2, 3])] == [1.0, 1.5, 3.0]


def test_programs_are_counted_by_line_and_decision(tmp_path):
    path = tmp_path / "run.db"
    with closing(JournalWriter(path)) as writer:
        writer.write(history(1)[0])
    with closing(Journal(path)) as opened:
        [found] = growth.programs(opened, [1], 4)["deduction"]
    assert (found.lines, found.complexity) == (2.0, 1.0)
