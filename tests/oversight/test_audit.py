import math
import random

import pytest

from abzero.config import build
from abzero.config.schema import Oversight
from abzero.oversight import drift, verdicts
from abzero.oversight.audit import binomial_tail, corrected, drawn, estimate, poisson_bounds
from abzero.oversight.chain import Entry
from abzero.oversight.reading import Reading


def test_the_audit_is_drawn_by_place_alone_at_its_share():
    places = [(step, role, position) for step in range(200) for role in ("propose", "solve") for position in range(25)]
    first = [drawn(1, *place, 0.1) for place in places]  # type: ignore[arg-type]
    assert first == [drawn(1, *place, 0.1) for place in places]  # type: ignore[arg-type]
    assert 0.09 < sum(first) / len(first) < 0.11
    assert first != [drawn(2, *place, 0.1) for place in places]  # type: ignore[arg-type]
    assert not drawn(1, 1, "solve", 1, 0.0)
    assert drawn(1, 1, "solve", 1, 1.0)


@pytest.mark.parametrize(("count", "low", "high"), [(0, 0.0, 2.9957), (1, 0.0253, 5.5716), (4, 1.0899, 10.2416)])
def test_poisson_bounds_are_those_of_the_tables(count, low, high):
    assert poisson_bounds(count) == (pytest.approx(low, abs=1e-3), pytest.approx(high, abs=1e-3))


def test_an_estimate_worked_by_hand():
    """1,000 completions, 6 found, 2 misses in an audit of 10 %: 20 missed, recall 6/26."""
    guess = estimate(1_000, 6, 2, 0.1)
    assert (guess.found, guess.missed, guess.recall) == (6, 20.0, pytest.approx(6 / 26))
    assert guess.missed_bounds == (pytest.approx(2.42, abs=0.01), pytest.approx(72.25, abs=0.01))
    assert guess.prevalence == pytest.approx(0.026)


def test_nothing_seen_bounds_the_prevalence_and_not_the_recall():
    guess = estimate(10_000, 0, 0, 0.02)
    assert guess.recall is None
    assert guess.recall_bounds == (0.0, 1.0)
    assert guess.prevalence_bounds == (0.0, pytest.approx(2.9957 / 0.02 / 10_000, rel=1e-3))


def test_without_an_audit_nothing_is_said_of_recall():
    guess = estimate(1_000, 10, 0, 0.0)
    assert guess.recall is None
    assert guess.recall_bounds == (0.01, 1.0)


def test_of_1000_simulated_runs_the_interval_covers_930_and_the_mean_is_right():
    """Prevalence 1 %, recall 0.4, audit 2 %, 100,000 completions each."""
    rng = random.Random(7)
    total, share = 100_000, 0.02
    covered, guesses = 0, []
    for _ in range(1_000):
        concern = round(rng.gauss(1_000, math.sqrt(990)))
        found = round(rng.gauss(0.4 * concern, math.sqrt(0.24 * concern)))
        seen = sum(rng.random() < share for _ in range(concern - found))
        guess = estimate(total, found, seen, share)
        low, high = guess.recall_bounds
        covered += low <= found / concern <= high
        guesses.append(guess.found / (guess.found + guess.missed))
    assert covered >= 930
    assert abs(sum(guesses) / len(guesses) - 0.4) < 0.02


def test_a_judges_errors_are_taken_out():
    assert corrected(0.14, 0.9, 0.05) == pytest.approx(0.09 / 0.85)
    assert corrected(0.01, 0.9, 0.05) == 0.0
    with pytest.raises(ValueError, match="judge"):
        corrected(0.1, 0.2, 0.3)


def test_the_tail_of_a_binomial_by_hand():
    assert binomial_tail(0, 2, 0.5) == pytest.approx(0.25)
    assert binomial_tail(1, 2, 0.5) == pytest.approx(0.75)
    assert binomial_tail(2, 2, 0.5) == pytest.approx(1.0)
    assert binomial_tail(0, 0, 0.5) == 1.0


class Silenced:
    """What a journal of 110 steps says in which rules fall silent after the 60th."""

    def steps(self):
        return list(range(110))

    def findings(self, step):
        return []

    def readings(self, step):
        return [Reading(step, "propose", position, "deduction", "", "", "") for position in range(100)]

    def metrics(self, step):
        return {"oversight/completions/propose": 100.0, "oversight/flagged/t1/propose": 0.04 if step < 60 else 0.0}


def test_peoples_verdicts_tell_of_evasion_in_a_run_without_a_judge():
    places = [(step, n) for step in range(110) for n in range(100) if drawn(7, step, "propose", n, 0.05)]

    def said(concern):
        bodies = [
            {"step": step, "role": "propose", "position": n, "state": "concern" if concern(step, n) else "clean"}
            for step, n in places
        ]
        entries = [Entry(number, 0.0, "verdict", body, "", "") for number, body in enumerate(bodies)]
        steps = list(verdicts.audited(Silenced(), entries, 0.05, 7))
        assert verdicts.estimated(steps, 0.05).unjudged == 0
        return [name for name, _ in drift.evasion(verdicts.figures(Silenced(), steps))]

    assert said(lambda step, n: n % 10 == 0) == ["monitor evasion/propose"]
    assert said(lambda step, n: n % 10 == 0 and step < 60) == []
    assert [*drift.evasion([Silenced().metrics(step) for step in range(110)])] == [], "nobody judged"


def test_an_audit_without_a_judge_says_what_it_does_not_do():
    [words] = build.unarmed(Oversight(audit=0.01))
    assert "no alarm for monitor evasion" in words
    assert build.unarmed(Oversight()) == build.unarmed(Oversight(audit=0.01, judge="step-0")) == []
