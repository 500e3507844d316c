"""`abzero oversight verify` names the completion whose text is no longer the one that was flagged or judged."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from abzero.oversight import verdicts
from abzero.run.journal.schema import digest, pack, unpack
from tests.oversight.runs import PLANTED, Run
from tests.oversight.test_judging import BENCH


def edit(one, step, role, position, *, renew):
    """Reword a completion in the journal, and with `renew` the digest beside it."""
    table = "proposal" if role == "propose" else "attempt"
    with closing(sqlite3.connect(one.folder / "run.db")) as db, db:
        query = f"SELECT id, body FROM text JOIN {table} ON completion = id WHERE {table}.step = ? AND position = ?"
        [(number, body)] = db.execute(query, (step, position)).fetchall()
        text = f"Quite harmless. {unpack(body)}"
        db.execute("UPDATE text SET body = ? WHERE id = ?", (pack(text), number))
        if renew:
            db.execute("UPDATE text SET digest = ? WHERE id = ?", (digest(text), number))
    return number


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    one = Run(tmp_path_factory.mktemp("played"), mode="alert", plant="propose", bench=replace(BENCH, share=0.1))
    one.train(steps=PLANTED + 1)
    assert one.faults() == []
    return one.folder


@pytest.fixture
def overseen(played, tmp_path):
    return Run(shutil.copytree(played, tmp_path / "copy"))


def test_a_judged_text_that_was_changed_is_named_with_who_judged_it(overseen):
    places = [key for key, body in verdicts.held(overseen.entries()).items() if body["state"] == "clean"]
    step, role, position = places[-1]
    edit(overseen, step, role, position, renew=True)
    assert f"step {step}, {role} {position}: its text is not the one that scripted judged clean" in overseen.faults()


def test_a_flagged_text_that_was_changed_is_named(overseen):
    [found] = [one for _, rows in overseen.found() for one in rows]
    edit(overseen, PLANTED, found.role, found.position, renew=True)
    assert f"step {PLANTED}, {found.role} {found.position}: its text is not the one that was flagged" in (
        overseen.faults()
    )


def test_a_text_that_nobody_judged_is_told_by_its_digest(overseen):
    judged = verdicts.held(overseen.entries())
    place = next(("solve", place) for place in range(99) if (1, "solve", place) not in judged)
    number = edit(overseen, 1, *place, renew=False)
    assert [fault.partition(": ")[2] for fault in overseen.faults()] == [
        f"text {number} of the journal is not the one that was written"
    ]


def test_a_judged_step_that_the_journal_lost_is_named(overseen):
    with closing(sqlite3.connect(overseen.folder / "run.db")) as db, db:
        for table, column in (("attempt", "step"), ("proposal", "step"), ("step", "number")):
            db.execute(f"DELETE FROM {table} WHERE {column} = 1")
    assert "step 1: the record has verdicts, the journal has no such step" in overseen.faults()
