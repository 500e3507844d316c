"""The program around a small scripted game, overseen."""

from contextlib import closing, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

from abzero.oversight import chain, duty, gate, verify
from abzero.oversight.recorded import Recorded, record_path
from abzero.policy.scripted import ScriptedLearner
from abzero.run.checkpoint import Checkpoints
from abzero.run.journal import JournalReader, JournalWriter
from abzero.run.observers.alarms import WINDOW, alarm_tracker
from abzero.run.seeding import seed_itself
from abzero.run.train import RunResult, restore, train
from abzero.tasks.buffer import Buffer
from tests.fakes import play, player
from tests.oversight.readings import UH_OH

STEPS = 6
PLANTED = 3


class Killed(BaseException):
    """Ends a run at once, wherever it is."""


class Run:
    """The program around a small game in a folder, overseen as the command line does it."""

    def __init__(
        self, folder: Path, mode: str | None = "pause", plant: str | None = None, bench=None, says=UH_OH
    ) -> None:
        self.folder, self.mode, self.plant, self.bench, self.says = folder, mode, plant, bench, says
        self.said: list[str] = []
        self.now = iter(range(10**6))

    def script(self):
        """The player, whose thought says `UH_OH` once in step `PLANTED`, in the role `plant`."""
        usual, told = player(skill=0.4, validity=0.8), set()

        def script(prompt, rng):
            text = usual(prompt, rng)
            role = "propose" if prompt.startswith("<propose") else "solve"
            if self.plant == role and self.game.learner.version == PLANTED - 1 and PLANTED not in told:
                told.add(PLANTED)
                return text.replace("some thought", self.says)
            return text

        return script

    def train(self, steps=STEPS, every=2, kill=lambda step: step) -> RunResult | None:
        """Run the program to its end or to a pause; ``None`` if findings wait for a review."""
        store = Checkpoints(self.folder / "checkpoints")
        if self.mode and duty.waiting(self.folder, duty.newest_step(store.newest())):
            return None
        self.game = play(self.script(), buffer=Buffer(capacity=40), learner=ScriptedLearner(), batch_size=3)
        with closing(JournalWriter(self.folder / "run.db")) as journal:
            done = restore(loop=self.game, journal=journal, checkpoints=store, report=self.said.append)
            past = journal.recent_metrics(done or 0)
            overseen = None
            if self.mode:
                on = duty.duty("default", "", self.mode, 3, self.bench)
                overseen = duty.begin(on, self.folder, done, past, lambda: 0.0, lambda: next(self.now))
                gate.remove_note(self.folder)
                store = replace(store, notes=duty.checkpoint_note(overseen.chain))
            with closing(overseen) if overseen else nullcontext():
                result = train(
                    loop=self.game,
                    done=done,
                    seed=partial(seed_itself, self.game, 6, 20, lambda now: None),
                    annotate=[alarm_tracker(past[-WINDOW:]), *([overseen.annotate] if overseen else []), kill],
                    journal=journal,
                    observers=[overseen.gate] if overseen else [],
                    checkpoints=store,
                    steps=steps,
                    every=every,
                    report=self.said.append,
                )
                if overseen and result.reason is None and (late := overseen.finish(result.step)):
                    result = replace(result, reason=late, paused=True)
                if overseen and result.paused:
                    duty.leave(self.folder, overseen.chain, result.step)
            return result

    def entries(self):
        return list(chain.read(record_path(self.folder)))

    def review(self, decision="accept", who="Ada", reason="read it whole"):
        record = chain.Chain(record_path(self.folder), lambda: 0.0)
        gate.review(record, gate.open_findings(self.entries()), decision, who, reason)
        gate.remove_note(self.folder)

    def faults(self):
        with closing(JournalReader(self.folder / "run.db")) as reader:
            checkpoints = sorted((self.folder / "checkpoints").glob("step-*"))
            return list(verify.faults(record_path(self.folder), Recorded(reader), checkpoints, self.folder))

    def learned(self):
        """What a run leaves behind, less what oversight adds."""
        with closing(JournalReader(self.folder / "run.db")) as reader:
            dump = list(reader.dump())
        learner, held = ScriptedLearner(), Buffer(capacity=40)
        step = Checkpoints(self.folder / "checkpoints").load(learner, held, self.said.append)
        held.save(self.folder / "buffer.jsonl")
        ours = ("oversight/", "thought/")
        kept = [
            (table, row)
            for table, row in dump
            if table not in ("finding", "alarm") and not (table == "metric" and str(row[1]).startswith(ours))
        ]
        return step, learner.version, learner.digest, (self.folder / "buffer.jsonl").read_text(), kept

    def figures(self):
        with closing(JournalReader(self.folder / "run.db")) as reader:
            return [reader.metrics(step) for step in reader.steps()]

    def found(self):
        with closing(JournalReader(self.folder / "run.db")) as reader:
            return [(step, reader.findings(step)) for step in reader.steps()]
