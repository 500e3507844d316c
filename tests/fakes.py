"""Stand-ins for what is random: a policy that plays well or badly, a small game."""

import random

from abzero.algo.advantages import trr_pp
from abzero.policy.scripted import Script, ScriptedGenerator, ScriptedLearner
from abzero.sandbox.fake import FakeSandbox
from abzero.selfplay import SelfPlay
from abzero.tasks import TYPES, parsing
from abzero.tasks.buffer import Buffer
from abzero.tasks.prompts import Prompts
from abzero.types import Case, Experience, Role, Rollout, Task

COMPACT = Prompts("compact")
TASK_TYPES = tuple(task_type(COMPACT) for task_type in TYPES)
ABDUCTION, DEDUCTION, INDUCTION = TASK_TYPES


def answered(answer: str) -> str:
    """A well-formed completion with `answer` in its tags."""
    return f"some thought</think><answer>{answer}</answer>"


def rollout(text: str = "", tokens: int = 1) -> Rollout:
    return Rollout((), (0,) * tokens, (-1.0,) * tokens, text, "stop")


def row(reward: float, tokens: int = 1, role: Role = "solve", mode: str = "deduction", group: int = 0) -> Experience:
    """An experience with one reward term."""
    return Experience((role, 0), mode, group, rollout(tokens=tokens), (("term", reward),))


def task(number: int, mode: str = "deduction") -> Task:
    """The `number`-th of many different tasks."""
    return Task(mode, f"def f(x):\n    return x + {number}", (Case("1", str(1 + number)),))


def play(script: Script, **settings: object) -> SelfPlay:
    """A small game of `script` against itself: compact prompts, a fake sandbox, the identity tasks in the buffer."""
    generator = ScriptedGenerator(script)
    buffer = Buffer()
    for task_type in TASK_TYPES:
        buffer.add(task_type.seed)
    parts: dict[str, object] = {
        "types": TASK_TYPES,
        "proposer": generator,
        "solver": generator,
        "learner": ScriptedLearner(),
        "sandbox": FakeSandbox(),
        "buffer": buffer,
        "advantage": trr_pp,
        "batch_size": 4,
        "samples": 4,
    }
    return SelfPlay(**{**parts, **settings})  # type: ignore[arg-type]


def player(skill: float = 0.5, validity: float = 1.0) -> Script:
    """Proposes ``x * a + b``, a share `validity` of the time; solves such tasks, and the identity, a share `skill`."""

    def script(prompt: str, rng: random.Random) -> str:
        if prompt.startswith("<propose"):
            return answered(_proposal(prompt, rng) if rng.random() < validity else "I do not know.")
        return answered(_solution(prompt) if rng.random() < skill else "<program>def f(a):\n    return 'no'</program>")

    return script


def _proposal(prompt: str, rng: random.Random) -> str:
    if prompt.startswith("<propose-induction>"):
        inputs = "".join(f"<input>{number}</input>" for number in rng.sample(range(100), 10))
        return f"{inputs}<message>It is linear.</message>"
    a, b, x = rng.randrange(2, 50), rng.randrange(1000), rng.randrange(10)
    return f"<program>def f(x):\n    return x * {a} + {b}</program><input>{x}</input>"


def _solution(prompt: str) -> str:
    """The right answer, by arithmetic or by looking: everything in play is linear, or the identity."""
    inputs, outputs = parsing.blocks(prompt, "input"), parsing.blocks(prompt, "output")
    if prompt.startswith("<induce>"):
        (x, y), (u, v) = list(zip(inputs, outputs, strict=True))[:2]
        if x == y:
            return "<program>def f(a):\n    return a</program>"
        a = (int(v) - int(y)) // (int(u) - int(x))
        return f"<program>def f(x):\n    return x * {a} + {int(y) - a * int(x)}</program>"
    program = parsing.block(prompt, "program")
    if "*" not in program:
        return (inputs or outputs)[0]
    a, b = map(int, program.partition("return x * ")[2].split(" + "))
    return str(int(inputs[0]) * a + b) if inputs else str((int(outputs[0]) - b) // a)
