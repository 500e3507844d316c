import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from abzero.errors import Halt, RunError
from abzero.policy.scripted import ScriptedLearner
from abzero.run.checkpoint import Checkpoints
from abzero.run.journal import JournalReader, JournalWriter
from abzero.run.observers.alarms import WINDOW, alarm_tracker
from abzero.run.seeding import seed_itself
from abzero.run.seeding_log import SeedingLog
from abzero.run.seeding_progress import Progress
from abzero.run.train import RunResult, restore, train
from abzero.tasks.buffer import Buffer
from tests.fakes import play, player

STEPS = 9


class Killed(BaseException):
    """Ends a run at once, wherever it is."""


class Run:
    """The program around a small game, in a folder; `end` is what a run leaves behind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.seeding: list[Progress] = []

    def train(self, steps=STEPS, every=1, annotate=(), observers=(), script=None, learner=None) -> RunResult:
        journal = JournalWriter(self.folder / "run.db")
        script = script or player(skill=0.4, validity=0.8)
        self.game = play(script, buffer=Buffer(capacity=40), learner=learner or ScriptedLearner(), batch_size=3)
        checkpoints, log = Checkpoints(self.folder / "checkpoints"), SeedingLog(self.folder / "seeding.jsonl")
        try:
            done = restore(loop=self.game, journal=journal, checkpoints=checkpoints, report=self.said.append)
            return train(
                loop=self.game,
                done=done,
                seed=lambda stop: seed_itself(self.game, 6, 20, self.seeding.append, stop, log),
                annotate=[alarm_tracker(journal.recent_metrics(WINDOW)), *annotate],
                journal=journal,
                observers=[*observers, log.observe],
                checkpoints=checkpoints,
                steps=steps,
                every=every,
                report=self.said.append,
            )
        finally:
            journal.close()

    def end(self):
        reader = JournalReader(self.folder / "run.db")
        dump = list(reader.dump())
        reader.close()
        buffer = self.folder / "buffer.jsonl"
        learner = ScriptedLearner()
        held = Buffer(capacity=40)
        step = Checkpoints(self.folder / "checkpoints").load(learner, held, self.said.append)
        held.save(buffer)
        return step, learner.version, learner.digest, buffer.read_text(), dump


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    run = Run(tmp_path_factory.mktemp("straight"))
    assert run.train() == RunResult(STEPS, None)
    return run.end()


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


def stop_after(step, error=Halt):
    def observe(seen):
        if seen.number == step:
            raise error(f"enough at {step}")

    return observe


def test_a_run_takes_all_its_steps_and_journals_and_saves_them(straight, tmp_path):
    step, version, digest, buffer, dump = straight
    assert (step, version) == (STEPS, STEPS)
    assert [row[0] for table, row in dump if table == "step"] == list(range(STEPS + 1))
    assert digest
    assert buffer


@pytest.mark.parametrize("stop", range(1, STEPS))
def test_stopped_after_any_step_and_resumed_it_ends_as_if_it_never_was(straight, run, stop):
    assert run.train(observers=[stop_after(stop)]) == RunResult(stop, f"enough at {stop}")
    assert run.train() == RunResult(STEPS, None)
    assert run.end() == straight


@pytest.mark.parametrize("stop", range(1, STEPS))
def test_broken_off_between_checkpoints_and_resumed_it_ends_as_if_it_never_was(straight, run, stop):
    with pytest.raises(Killed):
        run.train(every=4, observers=[stop_after(stop, Killed)])
    assert run.train(every=3) == RunResult(STEPS, None)
    assert run.end() == straight


@pytest.mark.parametrize("call", range(1, 400, 57))
def test_broken_off_inside_a_step_or_the_seeding_it_ends_as_if_it_never_was(straight, run, call):
    calls = 0

    def cut(prompt: str, rng: random.Random) -> str:
        nonlocal calls
        calls += 1
        if calls == call:
            raise Killed
        return player(skill=0.4, validity=0.8)(prompt, rng)

    with pytest.raises(Killed):
        run.train(script=cut)
    assert run.train() == RunResult(STEPS, None)
    assert run.end() == straight


def test_stopped_after_every_single_step_it_ends_as_if_it_never_was(straight, run):
    for step in range(1, STEPS):
        run.train(observers=[stop_after(step)])
    run.train()
    assert run.end() == straight


def test_extending_a_run_is_the_same_as_a_longer_run(straight, run):
    run.train(steps=4)
    run.train(steps=STEPS)
    assert run.end() == straight


def test_a_finished_run_is_left_as_it_is(straight, run):
    run.train()
    assert run.train() == RunResult(STEPS, None)
    assert run.end() == straight


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_leads_to_the_same_end(straight, run):
    run.train(steps=6)
    (run.folder / "checkpoints" / "step-000006" / "scripted.json").write_text("{}")
    run.train()
    assert any("step-000006 is damaged (scripted.json has changed)" in line for line in run.said)
    assert run.end() == straight


def test_checkpoints_are_taken_at_their_interval_and_at_the_end(run):
    seen = []
    run.train(steps=7, every=3, observers=[lambda step: seen.append(sorted(os.listdir(run.folder / "checkpoints")))])
    assert [names[-1] for names in seen] == [f"step-00000{n}" for n in (0, 0, 0, 0, 3, 3, 3, 6)]
    assert sorted(os.listdir(run.folder / "checkpoints")) == ["step-000006", "step-000007"]


def test_observers_see_each_step_after_it_was_journalled(run):
    seen = []

    def observe(step):
        reader = JournalReader(run.folder / "run.db")
        seen.append((step.number, reader.last_step()))
        reader.close()

    run.train(steps=3, observers=[observe])
    assert seen == [(0, 0), (1, 1), (2, 2), (3, 3)]


def test_alarms_are_part_of_the_step_and_come_again_after_a_resume(run, tmp_path_factory):
    def silent(prompt, rng):
        return ""

    run.train(script=silent)
    again = Run(tmp_path_factory.mktemp("again"))
    again.train(script=silent, observers=[stop_after(3)])
    again.train(script=silent)
    alarms = [row for table, row in run.end()[-1] if table == "alarm"]
    assert alarms
    assert again.end() == run.end()


class Shaky(ScriptedLearner):
    """Its gradient is not finite from step 3 to step 7."""

    def update(self, batch):
        skipped = float(2 <= self.version < 7)
        return {**super().update(batch), "skipped": skipped}


def test_the_last_checkpoint_before_the_trouble_is_never_rotated_out(run):
    held = []
    observers = [lambda step: held.append(sorted(Checkpoints(run.folder / "checkpoints").whole()))]
    run.train(learner=Shaky(), observers=observers)
    assert held == [[0], [0], [0, 1], [1, 2], [2, 3], [2, 3, 4], [2, 4, 5], [2, 5, 6], [2, 6, 7], [7, 8]]
    assert sorted(Checkpoints(run.folder / "checkpoints").whole()) == [8, 9]


class FullDisk(ScriptedLearner):
    def save(self, folder):
        if self.version == 4:
            raise OSError(28, "No space left on device")
        super().save(folder)


def test_a_full_disk_is_one_clear_error_and_nothing_before_it_is_lost(straight, run):
    with pytest.raises(RunError, match="No space left on device"):
        run.train(learner=FullDisk())
    assert run.train() == RunResult(STEPS, None)
    assert run.end() == straight


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_interrupt_finishes_the_step_and_saves(straight, run, number):
    def interrupt(step):
        if step.number == 4:
            os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    result = run.train(every=100, observers=[interrupt])
    assert result == RunResult(4, signal.Signals(number).name)
    assert signal.getsignal(number) is before
    assert any("once more stops now" in line for line in run.said)
    assert run.train() == RunResult(STEPS, None)
    assert run.end() == straight


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_seeding_ends_the_run_after_the_batch_and_it_goes_on_there(straight, run, number):
    def interrupting(prompt, rng):
        if len(run.seeding) == 2 and not run.said:
            os.kill(os.getpid(), number)
        return player(skill=0.4, validity=0.8)(prompt, rng)

    assert run.train(script=interrupting) == RunResult(None, signal.Signals(number).name)
    assert len(run.seeding) == 3
    assert "batch of the seeding" in run.said[0]
    assert len((run.folder / "seeding.jsonl").read_text().splitlines()) == 2
    run.train()
    assert run.end() == straight
    assert not (run.folder / "seeding.jsonl").exists()


def test_a_second_interrupt_stops_at_once(straight, run):
    calls = 0

    def impatient(prompt, rng):
        nonlocal calls
        calls += 1
        if calls in (200, 201):
            os.kill(os.getpid(), signal.SIGINT)
        return player(skill=0.4, validity=0.8)(prompt, rng)

    with pytest.raises(KeyboardInterrupt):
        run.train(script=impatient)
    assert calls == 201
    assert run.train() == RunResult(STEPS, None)
    assert run.end() == straight


PROGRAM = """
import os, signal, sys, threading
from pathlib import Path
from tests.run.test_train import Run

threading.Timer(float(sys.argv[2]), os.kill, (os.getpid(), signal.SIGKILL)).start()
Run(Path(sys.argv[1])).train()
os._exit(0)
"""


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_killed_at_any_moment_and_resumed_it_ends_as_if_it_never_was(straight, run, seed):
    """SIGKILL, each time a little later on average, until the run gets through."""
    rng, kills, code = random.Random(seed), 0, -signal.SIGKILL
    while code == -signal.SIGKILL:
        arguments = [sys.executable, "-c", PROGRAM, str(run.folder), str(rng.uniform(0.0, 0.02 + 0.05 * kills))]
        code = subprocess.run(arguments, cwd=Path(__file__).parents[2], check=False).returncode
        kills += 1
    assert code == 0
    assert kills > 2
    assert run.end() == straight
