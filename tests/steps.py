"""Steps made by hand, for tests of what reads them: journal, show, replay, observers, report."""

import random
import sqlite3
from dataclasses import replace

from abzero.types import Alarm, Attempt, Case, Experience, Proposal, Rejection, Rollout, Step, Task

IDENTITY = Task("deduction", "def f(a):\n    return a", (Case("'Hello world'", "'Hello world'"),))
HOSTILE = "\x1b[31mred\x1b]0;title\x07 [bold]x[/bold] </script><b>&\0\ud800\r\nend"
"""What a model may write: escapes of the terminal, markup, NUL, a lone surrogate, a carriage return."""


def rollout(text: str, finish: str = "stop") -> Rollout:
    return Rollout((1, 2), tuple(map(ord, text)), (-0.5,) * len(text), text, finish)


def add(number: int) -> Task:
    return Task("deduction", f"def f(a):\n    return a + {number}", (Case("1", str(1 + number)),))


def step(number: int, rng: random.Random, tasks: int = 2, samples: int = 4, alarms: tuple[Alarm, ...] = ()) -> Step:
    """`tasks` valid proposals and a hostile one; `samples` estimating attempts of each, and one that trains."""
    proposals, attempts, experiences = [], [], []
    for index in range(tasks):
        task = add(rng.randrange(10**6))
        scores = [float(rng.random() < 0.5) for _ in range(samples)]
        rate = sum(scores) / samples
        text = f"</think><answer>{task.program}</answer>"
        proposal = Proposal("deduction", "propose", rollout(text), (IDENTITY,), task, True, rate, new=True)
        learnability = 1 - rate if 0 < rate < 1 else 0.0
        proposals.append(proposal)
        experiences.append(
            Experience(
                ("propose", index), "deduction", index, proposal.rollout, (("learnability", learnability),), 0.25
            )
        )
        for score in scores:
            attempts.append(Attempt(task, f"solve {task.id}", rollout(str(score)), score, "2", True, proposal=index))
        wrong = Attempt(task, f"solve {task.id}", rollout(HOSTILE, "length"), None, HOSTILE, False)
        attempts.append(wrong)
        experiences.append(
            Experience(
                ("solve", len(attempts) - 1), "deduction", tasks + 1 + index, wrong.rollout, (("malformed", -1.0),)
            )
        )
    broken = Proposal("deduction", "propose", rollout(HOSTILE, "length"), (IDENTITY,), Rejection(HOSTILE), False)
    proposals.append(broken)
    terms = (("invalid", -1.0), ("format", -0.5))
    experiences.append(Experience(("propose", tasks), "deduction", tasks, broken.rollout, terms, -1.5))
    metrics = {"propose/valid/deduction": tasks / (tasks + 1), "learner/entropy": rng.random(), "learner/kl": 0.0}
    clock = {"seconds/step": random.random(), "tokens_per_second": random.random()}
    return Step(number, proposals, attempts, experiences, metrics, clock, alarms)


def history(steps: int, seed: int = 0) -> list[Step]:
    rng = random.Random(seed)
    return [step(number, rng) for number in range(1, steps + 1)]


def with_faults() -> tuple[Step, int]:
    """A step in which checks of its first rejected proposal, at the place told, and of its first attempt failed."""
    [one] = history(1)
    at = next(place for place, proposal in enumerate(one.proposals) if proposal.rejection)
    rejected = replace(one.proposals[at], outcome=Rejection("a fault of ours", ours=True, fault="OverflowError"))
    attempts = [replace(one.attempts[0], score=None, fault="RecursionError"), *one.attempts[1:]]
    return replace(one, proposals=[*one.proposals[:at], rejected, *one.proposals[at + 1 :]], attempts=attempts), at


def as_version_1(path):
    """Rewrite a journal as abzero wrote it before attempts knew their proposal."""
    connection = sqlite3.connect(path)
    connection.executescript(
        """
        CREATE TABLE old AS SELECT step, position, task, prompt, completion, tokens, finish, version, answer, score,
            well_formed, proposal IS NOT NULL AS estimate FROM attempt;
        DROP TABLE attempt; ALTER TABLE old RENAME TO attempt; DROP TABLE finding;
        DROP TABLE fault;
        ALTER TABLE proposal DROP COLUMN ours; ALTER TABLE proposal DROP COLUMN new;
        ALTER TABLE proposal DROP COLUMN repeats; ALTER TABLE proposal DROP COLUMN answer_share;
        PRAGMA user_version = 1;
        """
    )
    connection.close()
