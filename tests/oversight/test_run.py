"""A whole run under oversight, on a small scripted game: what is learned stays equal, a pause waits for a person."""

import json
import random
import shutil
import sqlite3
from contextlib import closing

import pytest

from abzero.errors import ConfigError, RunError
from abzero.oversight import chain, duty, gate
from abzero.oversight.recorded import Recorded, changed, record_path, scan
from abzero.run.journal import JournalReader
from abzero.run.train import RunResult
from tests.oversight.runs import PLANTED, STEPS, Killed


@pytest.mark.parametrize("role", ["propose", "solve"])
def test_off_alerting_and_paused_and_reviewed_learn_the_same(run, role):
    off, alert, paused = (run(str(mode), mode=mode, plant=role) for mode in (None, "alert", "pause"))
    assert off.train() == RunResult(STEPS, None)
    assert alert.train() == RunResult(STEPS, None)
    first = paused.train()
    assert first is not None
    assert (first.step, first.paused) == (PLANTED, True)
    assert f"of {role} " in str(first.reason)
    assert sorted(path.name for path in (paused.folder / "checkpoints").iterdir())[-1] == f"step-{PLANTED:06d}"
    note = json.loads((paused.folder / gate.NOTE).read_text())
    assert note["step"] == PLANTED
    assert [row["category"] for row in note["findings"]] == ["power"]
    assert paused.train() is None, "not before a review"
    paused.review()
    assert paused.train() == RunResult(STEPS, None)
    assert off.learned() == alert.learned() == paused.learned()
    assert alert.found() == paused.found()
    assert len([row for _, rows in paused.found() for row in rows]) == 1
    assert paused.faults() == alert.faults() == []
    kinds = [entry.kind for entry in paused.entries()]
    assert kinds == ["opened", "finding", "paused", "reviewed", "resumed"]


def test_an_alert_is_an_alarm_in_words_and_a_log_is_silent(run):
    for mode, expected in (("alert", 1), ("log", 0)):
        one = run(mode, mode=mode, plant="propose")
        one.train()
        with closing(JournalReader(one.folder / "run.db")) as reader:
            alarms = [alarm for alarm in reader.alarms() if alarm.name == "oversight"]
        assert len(alarms) == expected
        assert len([entry for entry in one.entries() if entry.kind == "finding"]) == 1


def test_stopped_by_a_reviewer_a_run_does_not_go_on(run):
    one = run(plant="solve")
    one.train()
    one.review("stop", reason="it means it")
    with pytest.raises(RunError, match="Ada ended this run in review: it means it"):
        one.train()


def test_a_review_needs_a_name_a_known_decision_and_a_reason(run):
    one = run(plant="solve")
    one.train()
    for change, words in (({"decision": "maybe"}, "--decision"), ({"who": " "}, "--by"), ({"reason": ""}, "--reason")):
        with pytest.raises(ConfigError, match=words):
            one.review(**change)
    assert one.train() is None


def test_the_chain_decides_and_not_the_note(run):
    one = run(plant="propose")
    one.train()
    note = (one.folder / gate.NOTE).read_text()
    (one.folder / gate.NOTE).unlink()
    assert one.train() is None
    assert "removed by hand" in one.faults()[0]
    (one.folder / gate.NOTE).write_text(note.replace('"number": 1', '"number": 2'))
    assert one.faults()
    (one.folder / gate.NOTE).write_text(note)
    assert one.faults() == []


def test_a_record_that_was_removed_or_cut_is_missed(run):
    one = run(plant="propose")
    one.train()
    whole = record_path(one.folder).read_bytes()
    record_path(one.folder).write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    with pytest.raises(RunError, match="its end is missing"):
        one.train()
    record_path(one.folder).unlink()
    with pytest.raises(RunError, match=r"oversight\.jsonl"):
        one.train()


def test_killed_at_any_moment_and_resumed_nothing_is_lost_or_doubled(run):
    straight = run("straight", mode="alert", plant="propose")
    straight.train()
    for after in range(STEPS + 1):
        one = run(f"killed-{after}", mode="alert", plant="propose")

        def kill(step, after=after):
            if step.number == after:
                raise Killed
            return step

        with pytest.raises(Killed):
            one.train(kill=kill)
        record = record_path(one.folder)
        with record.open("a") as file:
            file.write('{"torn')
        assert one.train() == RunResult(STEPS, None)
        assert one.found() == straight.found()
        assert one.learned() == straight.learned()
        assert one.figures() == straight.figures()
        assert one.faults() == []


def test_a_pause_that_was_killed_before_its_note_still_waits(run):
    one = run(plant="solve")
    one.train()
    (one.folder / gate.NOTE).unlink()
    lines = record_path(one.folder).read_text().splitlines(keepends=True)
    assert json.loads(lines[-1])["kind"] == "paused"
    record_path(one.folder).write_text("".join(lines[:-1]))
    chain.head_path(record_path(one.folder)).unlink()
    chain.head_path(record_path(one.folder)).write_text(chain.head_note(json.loads(lines[-2])["hash"], len(lines) - 1))
    assert one.faults() == []
    assert one.train() is None


def test_a_kill_between_a_review_and_its_note_is_no_fault_and_an_older_note_is_one(run):
    one = run(plant="propose")
    one.train()
    note = (one.folder / gate.NOTE).read_text()
    one.review()
    (one.folder / gate.NOTE).write_text(note)
    assert one.faults() == []
    head = json.loads(note)["head"]
    (one.folder / gate.NOTE).write_text(note.replace(head, one.entries()[0].hash))
    assert "does not name the findings" in one.faults()[0]
    (one.folder / gate.NOTE).write_text(note)
    assert one.train() == RunResult(STEPS, None)
    assert not (one.folder / gate.NOTE).exists()


def test_after_is_the_same_as_during_with_oversight_and_without(run):
    with_, without = run("with", mode="alert", plant="propose"), run("without", mode=None, plant="propose")
    with_.train()
    without.train()
    tiers = duty.duty("default", "", "log", 3).tiers
    for one in (with_, without):
        with closing(JournalReader(one.folder / "run.db")) as reader:
            recorded = Recorded(reader)
            after = [(step, found) for step, _, found in scan(recorded, tiers, recorded.steps())]
            assert after == with_.found()
            new = [changed(found, recorded.findings(step), {0, 1})["new"] for step, found in after]
            assert sum(map(len, new)) == (0 if one is with_ else 1)


def test_edits_of_table_text_and_checkpoint_note_are_found(run):
    one = run(mode="alert", plant="propose")
    one.train()
    rng = random.Random(5)
    edits = [
        "UPDATE finding SET severity = 1",
        "UPDATE finding SET category = 'harm'",
        "UPDATE finding SET position = position + 1",
        "DELETE FROM finding",
        'INSERT INTO finding SELECT step - 1, place, role, position, part, "begin", "end", tier, source, category, '
        "severity, score FROM finding",
    ]
    whole = (one.folder / "run.db").read_bytes()
    for edit in edits:
        connection = sqlite3.connect(one.folder / "run.db")
        with closing(connection), connection:
            connection.execute(edit)
        assert one.faults(), edit
        for stray in one.folder.glob("run.db*"):
            stray.unlink()
        (one.folder / "run.db").write_bytes(whole)
        assert one.faults() == []
    note = one.folder / "checkpoints" / f"step-{STEPS:06d}" / "oversight.json"
    kept = note.read_bytes()
    for _ in range(50):
        at = rng.randrange(len(kept))
        note.write_bytes(kept[:at] + bytes([kept[at] ^ (1 << rng.randrange(7))]) + kept[at + 1 :])
        assert one.faults()
    note.write_bytes(kept)
    assert one.faults() == []


def test_canaries_are_in_no_table_and_a_dead_monitor_is_said_at_once(run):
    one = run(mode="alert")
    one.train(steps=2)
    with closing(JournalReader(one.folder / "run.db")) as reader:
        recorded = Recorded(reader)
        texts = "".join(r.thought + r.answer + r.prompt for step in recorded.steps() for r in recorded.readings(step))
        assert reader.metrics(1).keys() >= {"oversight/flagged/t1/propose"}
        canary = [reader.metrics(step).get("oversight/canary/t1") for step in reader.steps()]
    assert canary[0] == 1.0
    on = duty.duty("default", "", "log", 3)
    assert not any(example.thought in texts for tier in on.tiers for example in tier.canaries if example.thought)
    dead = [duty.Tier(tier.number, lambda _: iter(()), tier.canaries) for tier in on.tiers]
    folder = one.folder / "other"
    folder.mkdir()
    overseen = duty.begin(duty.Duty(dead, "log", 3, on.opening), folder, None, [], lambda: 0.0, lambda: 0.0)
    step = overseen.annotate(one.game.step(9))
    assert [alarm.name for alarm in step.alarms if "deaf" in alarm.name] == ["monitor deaf/t0", "monitor deaf/t1"]
    shutil.rmtree(folder)
