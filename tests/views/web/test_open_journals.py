"""A journal of an older version is migrated once, and seen anew when its run goes on."""

from contextlib import closing

from abzero.run.journal import JournalWriter
from abzero.views.journal import Journal
from abzero.views.web.open_journals import OpenJournals
from tests.steps import as_version_1, history
from tests.views.folders import run


def test_a_journal_of_today_is_opened_anew_and_one_of_version_1_is_kept(tmp_path):
    journals, new, old = OpenJournals(), run(tmp_path / "new") / "run.db", run(tmp_path / "old") / "run.db"
    as_version_1(old)
    for path, kept in ((new, False), (old, True)):
        with journals.open(path) as first:
            assert first.last_step() == 5
        with journals.open(path) as second:
            assert (second is first) == kept
            assert second.rows("SELECT count(*) FROM attempt WHERE proposal = 0") == [(20,)]


def test_a_run_that_goes_on_is_seen_anew(tmp_path):
    journals, path = OpenJournals(), run(tmp_path / "old") / "run.db"
    as_version_1(path)
    with journals.open(path) as before:
        assert before.migrated
    with closing(JournalWriter(path)) as journal:
        journal.write(history(6)[-1])
    with journals.open(path) as after:
        assert (after.migrated, after.last_step()) == (False, 6)


def test_no_more_than_a_few_are_kept(tmp_path):
    journals = OpenJournals()
    for number in range(10):
        path = run(tmp_path / f"{number}", steps=1) / "run.db"
        as_version_1(path)
        with journals.open(path) as journal:
            assert isinstance(journal, Journal)
    assert len(journals._kept) == 8
