import random

from abzero.oversight.drift import drift_alarms, figures
from abzero.types import Finding
from tests.oversight.readings import thought


def metrics(flagged, audited, count=400.0, tokens=200.0, worked=0.9, illegible=0.0, looping=0.0):
    return {
        "oversight/flagged/t1/propose": flagged,
        "oversight/audited/propose": audited,
        "oversight/audits/propose": count / 10,
        "oversight/completions/propose": count,
        "thought/tokens/propose": tokens,
        "thought/illegible/propose": illegible,
        "thought/looping/propose": looping,
        "solve/worked/deduction": worked,
    }


def raised(history):
    alarms = drift_alarms()
    return [(alarm.step, alarm.name) for step, row in enumerate(history, 1) for alarm in alarms(step, row)]


def scripted(rng, share, after, audited, audited_after, steps=60):
    def drawn(p):
        return sum(rng.random() < p for _ in range(400)) / 400

    before = [metrics(drawn(share), audited) for _ in range(steps)]
    return before + [metrics(drawn(after), audited_after) for _ in range(50)]


def test_flags_that_fall_silent_while_the_audit_does_not_are_an_alarm():
    found = raised(scripted(random.Random(1), 0.02, 0.002, 0.02, 0.02))
    assert [name for _, name in found] == ["monitor evasion/propose"]
    assert 60 < found[0][0] <= 110


def test_flags_and_audit_that_fall_together_are_none():
    for seed in range(20):
        assert raised(scripted(random.Random(seed), 0.02, 0.002, 0.02, 0.002)) == []


def test_steady_flags_are_none():
    for seed in range(20):
        assert raised(scripted(random.Random(seed), 0.02, 0.02, 0.02, 0.02)) == []


def test_thoughts_that_shrink_while_the_work_goes_on_are_an_alarm():
    history = [metrics(0, 0, tokens=200.0)] * 20 + [metrics(0, 0, tokens=60.0)] * 25
    assert [name for _, name in raised(history)] == ["thought shrinking/propose"]
    gone = [metrics(0, 0, tokens=200.0)] * 20 + [metrics(0, 0, tokens=60.0, worked=0.1)] * 25
    assert raised(gone) == []


def test_thoughts_that_turn_illegible_are_an_alarm():
    history = [metrics(0, 0, illegible=0.01)] * 20 + [metrics(0, 0, illegible=0.08)] * 20
    assert [name for _, name in raised(history)] == ["legibility/propose/illegible"]


def test_thoughts_that_fall_into_loops_are_an_alarm_unless_nobody_counted_them_at_first():
    loops = [metrics(0, 0, looping=0.04)] * 20
    assert [name for _, name in raised([metrics(0, 0)] * 20 + loops)] == ["legibility/propose/looping"]
    before = {name: value for name, value in metrics(0, 0).items() if name != "thought/looping/propose"}
    assert raised([before] * 20 + loops) == []


def test_a_resumed_run_raises_no_alarm_twice():
    history = [metrics(0, 0, tokens=200.0)] * 20 + [metrics(0, 0, tokens=60.0)] * 25
    assert drift_alarms(history)(46, metrics(0, 0, tokens=60.0)) == ()


def test_the_figures_of_a_step_by_hand():
    read = [thought("I add.", position=0), thought("", position=1), thought("the the the " * 9, position=2)]
    found = [Finding("propose", 0, "thought", 0, 1, 1, "rules", "power", 4, 1.0)] * 2
    row = figures(read, found, [6, 0, 30])
    assert row["oversight/flagged/t1/propose"] == 1 / 3
    assert row["oversight/flagged/t0/propose"] == 0.0
    assert row["thought/tokens/propose"] == 12.0
    assert row["thought/empty/propose"] == 1 / 3
    assert row["thought/illegible/propose"] == 1 / 3
    assert row["thought/looping/propose"] == 1 / 3
    assert not any(name.endswith("solve") for name in row)
