"""The stream of new steps: what a page is told, and where it goes on."""

import asyncio
from contextlib import closing

from abzero.run.directory import RunFolder
from abzero.run.journal import JournalWriter
from abzero.run.now import Now
from abzero.views.run_folders import ServedRun
from abzero.views.web.events import events
from abzero.views.web.open_journals import OpenJournals
from tests.steps import history
from tests.views.folders import run


def heard(folder, seen, during=lambda: None, most=4, status=False):
    """The events of steps, or those of the status, until there are `most` or nothing comes for half a second."""

    async def listen():
        found = []
        stream = events(ServedRun("one", folder), seen, OpenJournals().open, pause=0.01)
        await anext(stream)
        during()
        try:
            while len(found) < most:
                one = await asyncio.wait_for(anext(stream), 0.5)
                found += [one] if status == ("event: status" in one) else []
        except TimeoutError:
            pass
        return [tuple(line.partition(": ")[2] for line in one.strip().split("\n")[:2]) for one in found]

    return asyncio.run(listen())


def test_who_was_cut_off_is_told_of_every_step_since(tmp_path):
    run(tmp_path / "one")
    assert heard(tmp_path / "one", 3) == [("4", "step"), ("5", "step")]


def test_who_is_new_is_told_where_the_run_is(tmp_path):
    run(tmp_path / "one")
    assert heard(tmp_path / "one", None) == [("5", "hello")]


def test_a_step_is_told_when_it_is_committed(tmp_path):
    run(tmp_path / "one")

    def write():
        with closing(JournalWriter(tmp_path / "one" / "run.db")) as journal:
            journal.write(history(6)[-1])

    assert heard(tmp_path / "one", 5, write) == [("6", "step")]


def test_a_resumed_run_goes_back(tmp_path):
    run(tmp_path / "one")
    with closing(JournalWriter(tmp_path / "one" / "run.db")) as journal:
        journal.truncate(2)
    assert heard(tmp_path / "one", 5) == [("2", "rewound")]


def test_the_phase_of_the_running_step_is_told_as_it_changes(tmp_path):
    folder = run(tmp_path / "one")
    with RunFolder(folder).locked(), closing(Now(folder)) as now:
        now.step(6)
        now.begun("propose", 64)
        [(_, first)] = heard(folder, 5, most=1, status=True)
        [(_, second)] = heard(folder, 5, lambda: now.begun("estimate", 200), most=1, status=True)
    assert 'aria-label="step 6 under way"' in first
    assert ("proposing" in first, "estimating" in first) == (True, False)
    assert ("proposing" in second, "estimating" in second) == (False, True)


def test_a_run_that_was_killed_is_at_nothing(tmp_path):
    folder = run(tmp_path / "one", steps=4)
    Now(folder).begun("propose", 64)
    [(_, data)] = heard(folder, 4, most=1, status=True)
    assert "killed" in data
    assert "propos" not in data


def test_a_damaged_journal_says_nothing(tmp_path):
    run(tmp_path / "one")
    (tmp_path / "one" / "run.db").write_bytes(b"hello")
    assert heard(tmp_path / "one", 5) == []
