import math

import pytest

from abzero.run.observers.alarms import RECENT, WINDOW, alarm_tracker, findings
from abzero.types import Step

HEALTHY = {
    "propose/valid/deduction": 0.8,
    "propose/unique/deduction": 0.9,
    "propose/new/deduction": 0.7,
    "propose/solve_rate/deduction": 0.5,
    "propose/learnable/deduction": 0.6,
    "propose/truncated": 0.1,
    "solve/truncated": 0.1,
    "advantage/zero_groups": 0.2,
    "learner/entropy": 0.5,
    "learner/logprob_gap": 0.001,
    "learner/loss": 0.1,
}


def raised(history):
    alarms = alarm_tracker()
    return [
        (alarm.step, alarm.name)
        for n, row in enumerate(history, 1)
        for alarm in alarms(Step(n, [], [], [], row)).alarms
    ]


def test_a_healthy_run_raises_nothing():
    assert raised([HEALTHY] * 100) == []


@pytest.mark.parametrize(
    ("sick", "name", "words"),
    [
        ({"solve/truncated": 1.0}, "truncated/solve", "max_tokens"),
        ({"propose/truncated": 1.0}, "truncated/propose", "max_tokens"),
        ({"advantage/zero_groups": 1.0}, "no reward variance", "nothing"),
        ({"propose/valid/deduction": 0.3}, "validity/deduction", "earlier: 80%"),
        ({"propose/valid/deduction": 0.0}, "validity/deduction", "only 0%"),
        ({"propose/unique/deduction": 0.2}, "repeating/deduction", "20% are unique"),
        ({"propose/new/deduction": 0.0}, "repeating/deduction", "0% new"),
        ({"learner/entropy": 0.01}, "entropy gone", "0.010 nats"),
        ({"learner/entropy": 0.1}, "entropy gone", "0.100 nats"),
        ({"learner/logprob_gap": 0.5}, "log-prob gap", "0.50 nats"),
        (
            {"propose/learnable/deduction": 0.0, "propose/solve_rate/deduction": 0.0},
            "nothing learnable/deduction",
            "hard",
        ),
        (
            {"propose/learnable/deduction": 0.0, "propose/solve_rate/deduction": 1.0},
            "nothing learnable/deduction",
            "easy",
        ),
    ],
)
def test_a_condition_that_lasts_is_one_alarm_in_words(sick, name, words):
    history = [HEALTHY] * 20 + [HEALTHY | sick] * 20
    assert [found for _, found in raised(history)] == [name]
    assert words in findings(history[:25])[name]


def test_numbers_that_are_not_finite_are_an_alarm_at_once():
    assert raised([HEALTHY, HEALTHY | {"learner/loss": math.nan}]) == [(2, "not finite")]


def test_one_bad_step_is_no_alarm():
    assert raised([HEALTHY] * 10 + [HEALTHY | {"solve/truncated": 1.0, "learner/entropy": 0.3}] + [HEALTHY] * 10) == []


def test_an_alarm_returns_when_its_condition_does():
    sick = HEALTHY | {"solve/truncated": 1.0}
    names = [name for _, name in raised([HEALTHY] * 10 + [sick] * 10 + [HEALTHY] * 10 + [sick] * 10)]
    assert names == ["truncated/solve", "truncated/solve"]


def test_few_steps_are_too_few_to_judge():
    assert raised([{"solve/truncated": 1.0}] * (RECENT - 1)) == []


@pytest.mark.parametrize("killed_at", [0, 3, 22, 41, 59])
def test_a_resumed_run_raises_the_alarms_of_one_never_killed(killed_at):
    sick = HEALTHY | {"solve/truncated": 1.0, "propose/valid/deduction": 0.2}
    history = [HEALTHY] * 20 + [sick] * 20 + [HEALTHY] * 20
    resumed = alarm_tracker(history[:killed_at][-WINDOW:])
    after = [
        (alarm.step, alarm.name)
        for n, row in enumerate(history[killed_at:], killed_at + 1)
        for alarm in resumed(Step(n, [], [], [], row)).alarms
    ]
    assert after == [alarm for alarm in raised(history) if alarm[0] > killed_at]


def test_steps_without_proposals_or_figures_are_no_alarm():
    assert raised([{}] * 50) == []
