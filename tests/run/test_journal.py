import math
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abzero.errors import RunError
from abzero.run.journal import JournalReader, JournalWriter
from abzero.run.journal.migrations import upgrade
from abzero.types import Alarm, Attempt, Case, Experience, Finding, Step, Task
from tests.fakes import play, player
from tests.steps import HOSTILE, IDENTITY, add, as_version_1, history, rollout, step, with_faults


def write(path, steps):
    journal = JournalWriter(path)
    for one in steps:
        journal.write(one)
    journal.close()


def dump(path):
    reader = JournalReader(path)
    rows = list(reader.dump())
    reader.close()
    return rows


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.db"


@pytest.fixture
def reader(path):
    write(path, history(3))
    reader = JournalReader(path)
    yield reader
    reader.close()


def test_what_a_step_did_can_be_read_again(path):
    [one] = history(1)
    write(path, [one])
    reader = JournalReader(path)
    proposals, attempts = reader.proposals(1), reader.attempts(1)
    assert reader.steps() == [1]
    assert [p.completion for p in proposals] == [p.rollout.text for p in one.proposals]
    assert [p.prompt for p in proposals] == [p.prompt for p in one.proposals]
    assert [p.task for p in proposals] == [p.task and p.task.id for p in one.proposals]
    assert [p.error for p in proposals] == [p.rejection and p.rejection.reason for p in one.proposals]
    assert [p.new for p in proposals] == [True, True, False]
    assert [p.solve_rate for p in proposals] == [p.solve_rate for p in one.proposals]
    assert [p.references for p in proposals] == [(IDENTITY.id,)] * 3
    assert [a.answer for a in attempts] == [a.answer for a in one.attempts]
    assert [a.score for a in attempts] == [a.score for a in one.attempts]
    assert [a.finish for a in attempts] == [a.rollout.finish for a in one.attempts]
    assert [a.proposal for a in attempts] == [a.proposal for a in one.attempts]
    assert [a.task for a in attempts] == [a.task.id for a in one.attempts]
    assert reader.metrics(1) == one.metrics
    assert reader.task(IDENTITY.id) == IDENTITY
    reader.close()


def test_every_reward_is_a_derivation_that_sums_to_it(path):
    [one] = history(1)
    write(path, [one])
    reader = JournalReader(path)
    rewarded = [r.reward for r in [*reader.proposals(1), *reader.attempts(1)] if r.reward]
    reader.close()
    assert sorted(r.total for r in rewarded) == sorted(e.reward for e in one.experiences)
    assert rewarded[2].terms == (("invalid", -1.0), ("format", -0.5))
    assert rewarded[2].total == -1.5 == rewarded[2].advantage


def test_an_attempt_of_the_estimate_that_trains_has_its_reward_too(path):
    attempt = Attempt(add(1), "p", rollout("2"), 1.0, "2", True, proposal=0)
    experience = Experience(("solve", 0), "deduction", 0, attempt.rollout, (("score", 1.0),), 0.5)
    write(path, [Step(1, [], [attempt], [experience], {})])
    reader = JournalReader(path)
    [read] = reader.attempts(1)
    reader.close()
    assert read.reward.terms == (("score", 1.0),)
    assert read.proposal == 0


def test_one_rollout_sampled_for_two_attempts_is_rewarded_twice(path):
    shared = rollout("2")
    attempts = [Attempt(add(n), "p", shared, 1.0, "2", True) for n in (1, 2)]
    experiences = [Experience(("solve", n - 1), "deduction", n, shared, (("score", float(n)),)) for n in (1, 2)]
    write(path, [Step(1, [], attempts, experiences, {})])
    reader = JournalReader(path)
    assert [a.reward.total for a in reader.attempts(1)] == [1.0, 2.0]
    reader.close()


def test_lineage_can_be_walked_both_ways(reader):
    [first, *_] = reader.proposals(1)
    assert first.references == (IDENTITY.id,)
    assert len(reader.children(IDENTITY.id)) == 6
    assert first.task in reader.children(IDENTITY.id)
    assert [p.step for p in reader.proposals_of(first.task)] == [1]
    assert reader.proposals_of(IDENTITY.id) == []


def test_attempts_at_a_task_come_from_every_step(path):
    attempts = [Attempt(IDENTITY, "p", rollout(str(n)), float(n), str(n), True) for n in range(3)]
    write(path, [Step(n + 1, [], [attempt], [], {}) for n, attempt in enumerate(attempts)])
    reader = JournalReader(path)
    assert [(a.step, a.score) for a in reader.attempts_at(IDENTITY.id)] == [(1, 0.0), (2, 1.0), (3, 2.0)]
    reader.close()


def test_metrics_and_clock_are_series(path):
    write(path, [Step(n, [], [], [], {"a": n / 2}, {"seconds/step": float(n)}) for n in (1, 2)])
    reader = JournalReader(path)
    assert reader.series("a") == [(1, 0.5), (2, 1.0)]
    assert reader.series("seconds/step") == [(1, 1.0), (2, 2.0)]
    assert reader.series("absent") == []
    assert reader.names() == ["a", "seconds/step"]
    reader.close()


def test_a_figure_that_is_not_finite_is_kept_as_it_is(path):
    write(path, [Step(1, [], [], [], {"nan": math.nan, "inf": math.inf})])
    reader = JournalReader(path)
    metrics = reader.metrics(1)
    reader.close()
    assert math.isnan(metrics["nan"])
    assert metrics["inf"] == math.inf


def test_the_last_steps_metrics_are_those_that_were_written_without_the_seeding(path):
    journal = JournalWriter(path)
    for number in range(5):
        journal.write(Step(number, [], [], [], {"a": float(number), "nan": math.nan}))
    assert [row["a"] for row in journal.recent_metrics(3)] == [2.0, 3.0, 4.0]
    assert [row["a"] for row in journal.recent_metrics(9)] == [1.0, 2.0, 3.0, 4.0]
    assert all(math.isnan(row["nan"]) for row in journal.recent_metrics(9))
    journal.close()


def test_alarms_are_kept_in_order_even_with_equal_names(path):
    alarms = tuple(Alarm(1, "validity", message) for message in ("b", "a"))
    write(path, [step(1, random.Random(0), alarms=alarms)])
    reader = JournalReader(path)
    assert tuple(reader.alarms()) == alarms
    reader.close()


@given(text=st.text(st.characters(exclude_categories=())), number=st.integers(0, 9))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_survives(tmp_path_factory, text, number):
    path = tmp_path_factory.mktemp("text") / "run.db"
    task = Task("deduction", text, (Case("1", "2"),), text[::-1])
    write(path, [Step(number, [], [Attempt(task, text, rollout(text), None, text, False)], [], {})])
    reader = JournalReader(path)
    [read] = reader.attempts(number)
    assert (read.prompt, read.completion, read.answer) == (text, text, text)
    assert reader.task(task.id) == task
    reader.close()


def test_a_text_is_stored_once(path):
    attempts = [Attempt(IDENTITY, HOSTILE, rollout(HOSTILE), None, HOSTILE, False) for _ in range(9)]
    write(path, [Step(n, [], attempts, [], {}) for n in (1, 2)])
    texts = [row for table, row in dump(path) if table == "text"]
    assert len(texts) == 1 + 3  # the hostile text; the task's program, cases and message


def test_a_text_of_100_000_characters_costs_little(path):
    write(path, [Step(1, [], [Attempt(IDENTITY, "p", rollout("ab" * 50_000), None, "", False)], [], {})])
    assert path.stat().st_size < 200_000


def test_a_step_cannot_be_written_twice(path):
    one, two = history(2)
    journal = JournalWriter(path)
    journal.write(one)
    with pytest.raises(RunError, match="in the journal already"):
        journal.write(replace(two, number=1))
    journal.write(two)
    journal.close()
    assert dump(path) == dump_of([one, two], path)


def dump_of(steps, path):
    other = path.with_name("other.db")
    write(other, steps)
    return dump(other)


@pytest.mark.parametrize("kept", [0, 1, 4, 7])
def test_a_truncated_journal_goes_on_as_if_never_truncated(path, kept):
    steps = history(7)
    write(path, steps)
    journal = JournalWriter(path)
    journal.truncate(after_step=kept)
    for one in steps[kept:]:
        journal.write(one)
    journal.close()
    assert dump(path) == dump_of(steps, path)


def test_truncating_leaves_nothing_of_what_came_later(path):
    steps = history(5)
    write(path, steps)
    journal = JournalWriter(path)
    journal.truncate(after_step=2)
    journal.close()
    assert dump(path) == dump_of(steps[:2], path)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT max(step) FROM clock").fetchone() == (2,)
    connection.close()


def test_seeds_are_of_step_zero_and_survive_truncation(path):
    journal = JournalWriter(path)
    journal.seed([IDENTITY, add(1)])
    journal.write(history(1)[0])
    journal.truncate(after_step=0)
    journal.seed([IDENTITY, add(1)])
    journal.close()
    reader = JournalReader(path)
    assert sorted(reader.tasks()) == sorted([(IDENTITY.id, 0), (add(1).id, 0)])
    assert reader.steps() == []
    reader.close()


def test_wall_clock_figures_are_not_in_the_dump(path):
    fast = Step(1, [], [], [], {"a": 1.0}, {"seconds/step": 1.0})
    write(path, [fast])
    assert dump(path) == dump_of([replace(fast, clock={"seconds/step": 2.0})], path)


def test_a_later_description_replaces_an_earlier_one(path):
    journal = JournalWriter(path)
    journal.describe({"version": "1", "machine": "a"})
    journal.describe({"machine": "b"})
    journal.close()
    reader = JournalReader(path)
    assert reader.about() == {"version": "1", "machine": "b"}
    reader.close()


def test_a_reader_may_watch_while_the_run_writes(path):
    one, two = history(2)
    journal = JournalWriter(path)
    journal.write(one)
    reader = JournalReader(path)
    assert reader.last_step() == 1
    journal.write(two)
    assert reader.last_step() == 2
    reader.close()
    journal.close()


WRITER = """
import itertools, random, sys
from pathlib import Path
from tests.steps import step
from abzero.run.journal import JournalWriter
journal, rng = JournalWriter(Path(sys.argv[1])), random.Random(0)
for number in itertools.count(1):
    journal.write(step(number, rng, tasks=20))
    print(number, flush=True)
"""


def test_a_writer_killed_at_any_moment_leaves_whole_steps(path):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    for kills in range(1, 4):
        path.unlink(missing_ok=True)
        command = [sys.executable, "-c", WRITER, str(path)]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
            for _ in range(kills * 3):
                told = process.stdout.readline()
            os.kill(process.pid, signal.SIGKILL)
        reader = JournalReader(path)
        steps = reader.steps()
        rng = random.Random(0)
        whole = [step(number, rng, tasks=20) for number in steps]
        assert len(steps) >= int(told)
        assert [len(reader.attempts(number)) for number in steps] == [len(one.attempts) for one in whole]
        reader.close()
        assert dump(path) == dump_of(whole, path)
        path.with_name("other.db").unlink()


def test_a_full_disk_is_one_clear_error_and_loses_no_earlier_step(path):
    journal = JournalWriter(path)
    journal.write(history(1)[0])
    journal._connection.execute("PRAGMA max_page_count = 1")  # SQLite's own way to run out of room
    with pytest.raises(RunError, match="the disk is full"):
        journal.write(step(2, random.Random(1), tasks=2000))
    journal.close()
    assert dump(path) == dump_of(history(1), path)


def test_two_writers_of_one_run_are_one_clear_error(path):
    journal = JournalWriter(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    journal._connection.execute("PRAGMA busy_timeout = 1")
    with pytest.raises(RunError, match="another process"):
        journal.write(history(1)[0])
    other.execute("ROLLBACK")
    other.close()
    journal.write(history(1)[0])
    journal.close()


@pytest.mark.parametrize("content", [b"not a database, but long enough to be read as the header of one" * 9, b"x"])
def test_a_file_that_is_no_journal_is_refused_and_left_alone(path, content):
    path.write_bytes(content)
    for opening in (JournalWriter, JournalReader):
        with pytest.raises(RunError, match="not a journal"):
            opening(path)
    assert path.read_bytes() == content


def test_a_database_of_something_else_is_refused(path):
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE mine (x)")
    connection.close()
    for opening in (JournalWriter, JournalReader):
        with pytest.raises(RunError, match="not a journal"):
            opening(path)


def test_a_journal_of_another_version_is_refused(path):
    write(path, [])
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(RunError, match="version 99"):
        JournalReader(path)


def test_no_journal_to_read_is_one_clear_error(path):
    with pytest.raises(RunError, match="no journal here"):
        JournalReader(path)
    assert not path.exists()


def test_a_journal_that_cannot_be_opened_is_one_clear_error(tmp_path):
    with pytest.raises(RunError, match="cannot be opened"):
        JournalWriter(tmp_path / "absent" / "run.db")


def test_damaged_text_is_one_clear_error(reader, path):
    connection = sqlite3.connect(path)
    connection.execute("UPDATE text SET body = x'00'")
    connection.commit()
    connection.close()
    with pytest.raises(RunError, match="damaged"):
        reader.proposals(1)


def test_a_task_whose_text_was_altered_is_refused(reader, path):
    [(task, _), *_] = reader.tasks()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE task SET message = program")
    connection.commit()
    connection.close()
    with pytest.raises(RunError, match="damaged"):
        reader.task(task)


def test_a_task_is_found_by_a_unique_prefix(reader):
    assert reader.task(IDENTITY.id[:8]) == IDENTITY


@pytest.mark.parametrize(("prefix", "words"), [("", "several"), ("zz", "no task"), ("%", "no task")])
def test_a_prefix_that_names_no_single_task_is_refused(reader, prefix, words):
    with pytest.raises(RunError, match=words):
        reader.task(prefix)


def records(path, steps):
    reader = JournalReader(path)
    found = [(reader.proposals(step), reader.attempts(step), reader.findings(step)) for step in steps]
    reader.close()
    return found


def of_version_1(proposals):
    return [replace(p, ours=None, new=None, repeats=None, answer_share=None) for p in proposals]


def played(path, steps):
    """Real self-play, in which some proposals become no task and so have no estimate."""
    game = play(player(validity=0.6), samples=3)
    write(path, [game.step(number) for number in range(1, steps + 1)])


def test_a_journal_of_version_1_is_read_as_today_s_and_left_as_it_is(path):
    played(path, 3)
    today = records(path, (1, 2, 3))
    as_version_1(path)
    before = path.read_bytes()
    assert records(path, (1, 2, 3)) == [(of_version_1(p), a, f) for p, a, f in today]
    assert path.read_bytes() == before


def test_a_run_of_version_1_goes_on_as_one_of_today(path):
    played(path, 3)
    today = records(path, (1, 2, 3))
    as_version_1(path)
    write(path, history(4)[3:])
    assert records(path, (1, 2, 3)) == [(of_version_1(p), a, f) for p, a, f in today]
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (3,)
    assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name LIKE '\\_%' ESCAPE '\\'").fetchone() == (
        0,
    )
    connection.close()
    with closing(JournalReader(path)) as reader:
        assert reader.steps() == [1, 2, 3, 4]


def test_a_fault_is_kept_beside_what_it_befell_and_is_no_sample_of_a_solve_rate(path):
    one, at = with_faults()
    write(path, [one])
    reader = JournalReader(path)
    assert [(p.position, p.fault) for p in reader.proposals(1) if p.fault] == [(at, "OverflowError")]
    assert [(a.position, a.fault) for a in reader.attempts(1) if a.fault] == [(0, "RecursionError")]
    graded = Counter(a.proposal for a in one.attempts if not a.fault)
    assert {p.position: p.samples for p in reader.proposals(1) if p.task} == {
        place: graded[place] for place, proposal in enumerate(one.proposals) if proposal.task
    }
    reader.close()


def test_a_journal_of_version_2_knows_no_faults_and_is_given_their_table_when_its_run_goes_on(path):
    write(path, history(1))
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("DROP TABLE fault; PRAGMA user_version = 2")
    before = path.read_bytes()
    with closing(JournalReader(path)) as reader:
        assert {attempt.fault for attempt in reader.attempts(1)} == {""}
    assert path.read_bytes() == before
    one, _ = with_faults()
    write(path, [replace(one, number=2)])
    with closing(JournalReader(path)) as reader:
        assert [bool(attempt.fault) for attempt in reader.attempts(2)][:2] == [True, False]


def test_findings_are_part_of_their_step(path):
    [one] = history(1)
    seen = Finding("solve", 2, "thought", 3, 9, 1, "rules@1/power", "power", 3, 1.0)
    write(path, [replace(one, findings=(seen,))])
    reader = JournalReader(path)
    assert reader.findings(1) == [seen]
    assert reader.findings(2) == []
    assert "finding" in {table for table, _ in reader.dump()}
    reader.close()


def test_a_metric_that_an_older_run_logged_by_another_name_is_read_by_today_s(tmp_path):
    writer = JournalWriter(tmp_path / "run.db")
    writer.write(Step(1, [], [], [], {"solve/" + "worked/deduction": 0.25}))
    writer.write(Step(2, [], [], [], {"solve/has_cot/deduction": 0.5}))
    writer.close()
    reader = JournalReader(tmp_path / "run.db")
    assert reader.names() == ["solve/has_cot/deduction"]
    assert reader.series("solve/has_cot/deduction") == [(1, 0.25), (2, 0.5)]
    assert [reader.metrics(step) for step in (1, 2)] == [{reader.names()[0]: 0.25}, {reader.names()[0]: 0.5}]
    reader.close()


def test_an_upgrade_that_fails_leaves_the_journal_as_it_was(path):
    played(path, 2)
    as_version_1(path)
    before = records(path, (1, 2))
    connection = sqlite3.connect(path, isolation_level=None)
    with pytest.raises(KeyError):  # it fails behind the first table that it has dropped
        upgrade(connection, 1, 2, "CREATE TABLE attempt (x); CREATE TABLE finding (x)")
    connection.close()
    assert records(path, (1, 2)) == before
    write(path, history(3)[2:])
    with closing(JournalReader(path)) as reader:
        assert reader.steps() == [1, 2, 3]
