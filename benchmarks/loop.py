"""Does the loop stay out of the model's way, and does a long run stay as quick as a young one?

    python benchmarks/loop.py share     # share of a step outside the model, at the demo's settings
    python benchmarks/loop.py growth    # step time and memory at step 1,000 against step 10, scripted policy

`share` trains the model in the box for some steps and reads its clock. What is outside the model: the sandbox,
drawing, rewards, advantages, the journal. What bounds it: the sandbox's processes, two a proposal and one an attempt.

`growth` plays a scripted proposer that never repeats itself, so that the buffer grows by every proposal, with a real
sandbox and journal; a run of 1,000 steps and one of 10 then take turns, so that a busy machine slows both. What bounds
it: the journal's unique indices (texts, tasks), whose pages a step touches in random places; the loop itself holds
nothing that grows. A checkpoint writes the whole buffer and is printed beside it. There is no model in these figures:
with one, a step takes seconds.
"""

import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from abzero.algo.advantages import trr_pp
from abzero.policy.scripted import ScriptedGenerator, ScriptedLearner
from abzero.run.checkpoint import Checkpoints
from abzero.run.journal import JournalReader, JournalWriter
from abzero.sandbox.pool import SandboxPool
from abzero.selfplay import SelfPlay
from abzero.tasks import Abduction, Deduction
from abzero.tasks.buffer import Buffer
from abzero.tasks.prompts import Prompts

MODEL = ("propose", "estimate", "solve", "update")


def share(steps: int = 10) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        command = [
            sys.executable,
            "-m",
            "abzero",
            "train",
            "tiny-cpu",
            f"--run={run}",
            f"--steps={steps}",
            "--model.threads=1",
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        reader = JournalReader(run / "run.db")
        names = [*MODEL, "sandbox", "step"]
        seconds = {name: [value for number, value in reader.series(f"seconds/{name}") if number > 1] for name in names}
    total = sum(seconds["step"])
    print(f"{'':10} {'seconds':>9} {'share':>7}")
    for name, spent in seconds.items():
        print(f"{name:10} {statistics.median(spent):9.3f} {sum(spent) / total:7.1%}")
    outside = 1 - sum(sum(seconds[name]) for name in MODEL) / total
    print(f"outside the model: {outside:.1%} of {len(seconds['step'])} steps (goal: under 10 %)")


def growth(old: int = 1000, young: int = 10, rounds: int = 60) -> None:
    with tempfile.TemporaryDirectory() as folder, SandboxPool(workers=2) as box:
        before = _resident_megabytes()
        games = {"old": _Game(Path(folder) / "old", box)}
        games["old"].play_on(old)
        grown = _resident_megabytes()
        games["young"] = _Game(Path(folder) / "young", box)
        games["young"].play_on(young)
        times: dict[str, list[tuple[float, float]]] = {"old": [], "young": []}
        for _ in range(rounds):
            for name, game in games.items():
                times[name].append(game.step())
        print(f"tasks in the buffers: {games['young'].size()} and {games['old'].size()}")
        print(f"CPU seconds, median of {rounds} steps     from step {young}   from step {old}")
        for label, part in (("loop", lambda t: t[0]), ("journal", lambda t: t[1]), ("both", sum)):
            early, late = (statistics.median(map(part, times[name])) for name in ("young", "old"))
            print(f"{label:34} {early:12.4f} {late:16.4f}  {late / early - 1:+.1%}")
        print(f"memory: {before:.1f} MB before, {grown:.1f} MB after step {old}")
        begun = time.process_time()
        Checkpoints(Path(folder) / "checkpoints").save(old, games["old"].play.learner, games["old"].play.buffer)
        print(f"one checkpoint of the old buffer: {time.process_time() - begun:.2f} s")


def script(prompt: str, rng: random.Random) -> str:
    """A proposer that never repeats itself, and a solver that guesses."""
    if prompt.startswith("<propose"):
        numbers = [rng.randrange(10**6) for _ in range(3)]
        program = f"def f(x):\n    y = x * {numbers[0]} + {numbers[1]}\n    return [y, x % 7, {numbers[2]}]"
        return f"</think><answer><program>{program}</program><input>{rng.randrange(99)}</input></answer>"
    return f"</think><answer>{rng.randrange(9)}</answer>"


class _Game:
    """A run of its own: buffer, journal and count of steps."""

    def __init__(self, folder: Path, box: SandboxPool) -> None:
        folder.mkdir()
        prompts, generator = Prompts("compact"), ScriptedGenerator(script)
        self.journal = JournalWriter(folder / "run.db")
        self.play = SelfPlay(
            types=[Abduction(prompts), Deduction(prompts)],
            proposer=generator,
            solver=generator,
            learner=ScriptedLearner(),
            sandbox=box,
            buffer=Buffer(capacity=10**6),
            advantage=trr_pp,
            batch_size=8,
            samples=2,
        )
        for task_type in self.play.types:
            self.play.buffer.add(task_type.seed)
        self.number = 0

    def step(self) -> tuple[float, float]:
        """CPU seconds of the next step, and of writing it down."""
        self.number += 1
        begun = time.process_time()
        step = self.play.step(self.number)
        stepped = time.process_time()
        self.journal.write(step)
        return stepped - begun, time.process_time() - stepped

    def play_on(self, to: int) -> None:
        while self.number < to:
            self.step()

    def size(self) -> int:
        return sum(self.play.buffer.size(task_type.mode) for task_type in self.play.types)


def _resident_megabytes() -> float:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


if __name__ == "__main__":
    {"share": share, "growth": growth}[sys.argv[1] if len(sys.argv) > 1 else "growth"]()
