"""What surrounds a step: annotators before the journal, observers after it, and any loop in the middle."""

from contextlib import closing
from dataclasses import replace

import pytest

from abzero.errors import Halt, Pause
from abzero.policy.scripted import ScriptedLearner
from abzero.run.checkpoint import Checkpoints
from abzero.run.journal import JournalReader, JournalWriter
from abzero.run.train import RunResult, train
from abzero.tasks.buffer import Buffer
from abzero.types import Step


class Counter:
    """The least that `train` drives: no model, no sandbox, no rewards."""

    def __init__(self):
        self.learner, self.buffer = ScriptedLearner(), Buffer()

    def step(self, number):
        return Step(number, [], [], [], {"count": float(number)})


@pytest.fixture
def count(tmp_path):
    """Runs a `Counter` from its beginning for three steps."""

    def run(annotate=(), observers=()):
        with closing(JournalWriter(tmp_path / "run.db")) as journal:
            return train(
                loop=Counter(),
                done=None,
                seed=lambda stop: Step(0, [], [], [], {}),
                annotate=annotate,
                journal=journal,
                observers=observers,
                checkpoints=Checkpoints(tmp_path / "checkpoints"),
                steps=3,
                every=2,
                report=print,
            )

    return run


def figures(tmp_path):
    with closing(JournalReader(tmp_path / "run.db")) as reader:
        return [reader.metrics(step) for step in reader.steps()]


def raising(error, at):
    def observe(step):
        if step.number == at:
            raise error(error.__name__)

    return observe


def test_whatever_takes_numbered_steps_can_be_driven(count, tmp_path):
    assert count() == RunResult(3, None)
    assert figures(tmp_path) == [{}, {"count": 1.0}, {"count": 2.0}, {"count": 3.0}]


def test_every_step_passes_the_annotators_in_order_before_it_is_journalled_and_shown(count, tmp_path):
    def note(name):
        return lambda step: replace(step, metrics={**step.metrics, name: float(len(step.metrics))})

    seen = []
    count(annotate=[note("a"), note("b")], observers=[lambda step: seen.append(step.metrics)])
    assert figures(tmp_path) == seen
    assert [(row["a"], row["b"]) for row in seen] == [(0.0, 1.0), (1.0, 2.0), (1.0, 2.0), (1.0, 2.0)]


@pytest.mark.parametrize("at", [0, 1, 3])
def test_a_pause_comes_before_a_halt_and_hides_the_step_from_nobody(count, at):
    seen = []
    observers = [raising(Halt, at), raising(Pause, at), lambda step: seen.append(step.number)]
    assert count(observers=observers) == RunResult(at, "Pause", paused=True)
    assert seen == [*range(at + 1)]


@pytest.mark.parametrize("at", [0, 1])
def test_a_halt_is_no_pause(count, at):
    assert count(observers=[raising(Halt, at)]) == RunResult(at, "Halt")
