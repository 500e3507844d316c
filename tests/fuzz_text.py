#!/usr/bin/env python3

"""Mutated programs, answers and completions against every function of the trainer that sees a model's text.

usage: fuzz_text.py [TEXTS] [SEED]

Each text is proposed, judged, asked, graded, compared, rewarded, journalled and shown as a loop would, with a sandbox
that runs nothing: whatever is raised that is no `ModelError` ends the run and names the text. Mutates the programs in
../shared/data where they are, else a few of its own.
"""

import io
import json
import random
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from rich.console import Console

from abzero.algo.credit import Credit, novelty_of
from abzero.algo.metrics import measure
from abzero.algo.rewards import BONUSES, ProposerReward
from abzero.errors import ModelError
from abzero.python import analysis, copies, literals
from abzero.python.source import entry_of, remarks, with_imports, without_remarks
from abzero.run.journal import JournalReader, JournalWriter
from abzero.sandbox.base import Call, Outcome, Returned
from abzero.sandbox.run import run_checks
from abzero.tasks import TYPES, parsing
from abzero.tasks.buffer import Buffer
from abzero.tasks.prompts import Prompts
from abzero.types import Case, Proposal, Rejection, Rollout, Step, Task
from abzero.views import show
from tests.sandbox.fuzz import mutated, seeds

ODD = [
    "f'\u00a0{x}'",
    "f'{x!r:\u00a0>{y}}'",
    "0x" + "f" * 4_000,
    "9" * 4_400,
    "1e999j",
    "-0j",
    "'\\N{DASH}'",
    "\u2028",
    "\ufeff",
    "\x1a",
    "\x00",
    "'''",
    '"""',
    "rb'\\x'",
    "f'{'",
    "f'{{}}'",
    "f\"{f'{x}'}\"",
    "lambda: (yield)",
    "async def g(): await x",
    "match x:\n    case {**r}: pass",
    "type X[T] = T",
    "def f[T: int](x: T): ...",
    "class f: ...",
    "global f",
    "nonlocal f",
    "del f",
    "import f",
    "from f import *",
    "f: int = f",
    "try: ...\nexcept* E as f: ...",
    "[f := 1 for f in f]",
    "(" * 90,
    "[" * 250,
    "x" + ".a" * 300,
    "-" * 200,
    "not " * 200,
    "x if x else " * 90,
    "</answer>",
    "<answer>",
    "</think>",
    "<program>",
    "</program>",
    "<input>",
    "<output>",
    "```",
    "````",
    "~~~",
    "```python",
    "<|endoftext|>",
    "# 42",
    '"""42"""',
    "def f(x): return x",
    "def \ufb01(x): ...",
    "größe=1",
    "\\\n",
    "\r",
    "\t",
    "\x0c",
    "@",
    ";",
    "\ud800",
    "😀",
    "ｆ",
]
SHAPES = (
    "{}",
    "thought</think><answer>```python\n{}\n```\n```input\n1, 'a'\n```</answer>",
    "</think><answer><program>{}</program><input>1</input></answer>",
    "</think><answer>{}</answer>",
    "x</think>\n<answer>```\n{}\n```",
    "</think><answer><input>1</input><input>2</input><message>{}</message></answer>",
    "</think><answer>1. It:\n   ~~~py title=x\n   {}\n   ~~~\n</answer>",
)


class Echo:
    """Answers as a sandbox would that never runs anything: every call returns its own arguments, or one."""

    isolation = "none"

    def run(self, calls: Sequence[Call]) -> list[Outcome]:
        return [Returned("1" if "," in call.arguments else call.arguments) for call in calls]

    def close(self) -> None:
        pass


class Everything:
    """Whatever the trainer does with a model's text, in a row."""

    def __init__(self, folder: Path) -> None:
        prompts = Prompts("paper")
        self.types = [
            kind(prompts, strip_comments=strip, redundant_steps=False) if kind.mode != "induction" else kind(prompts, 2)
            for kind in TYPES
            for strip in (False, True)
        ]
        self.buffer = Buffer(64)
        self.reward = ProposerReward(bonuses=dict.fromkeys(BONUSES, 1.0))
        self.references = (Task("deduction", "def f(x):\n    return x", (Case("1", "1"),)),)
        self.journal = JournalWriter(folder / "run.db")
        self.reader = JournalReader(folder / "run.db")
        self.out = Console(file=io.StringIO(), width=100)
        self.step = 0

    def handle(self, completion: str, program: str) -> str:
        """What came of `completion`; `program` is looked at by itself, too. Raises whatever must not be raised."""
        self.look_at(program)
        answer = parsing.answer(completion)
        formed, _ = parsing.well_formed(completion), parsing.thought(completion)
        built = run_checks([kind.construct(answer, self.references) for kind in self.types], Echo())
        tasks = [task for task in built if isinstance(task, Task)]
        rollout = Rollout((), (0,), (-1.0,), completion, "stop")
        proposals = []
        for kind, outcome in zip(self.types, built, strict=True):
            ended = outcome if isinstance(outcome, Task) else Rejection(str(outcome))
            proposals.append(Proposal(kind.mode, "p", rollout, self.references, ended, formed, 0.5))
        for proposal in proposals:
            if proposal.task:
                novelty = novelty_of(proposal, self.buffer)
                self.reward(proposal.task.program, formed, 0.5, novelty)
                self.buffer.add(proposal.task)
        for task, kind in zip(built, self.types, strict=True):
            if isinstance(task, Task):
                kind.ask(task)
                kind.propose([task])
        graded = [(kind, kind.seed) for kind in self.types] + [
            (k, t) for k, t in zip(self.types, built, strict=True) if isinstance(t, Task)
        ]
        scores = run_checks([kind.grade(task, answer) for kind, task in graded], Echo())
        assert all(isinstance(score, float | ModelError) for score in scores)
        measure(proposals, [], Credit(self.reward)(proposals, [], random.Random(0)), {}, {})
        if tasks and self.step < 100:
            self.write_and_show(proposals)
        return "task" if tasks else "none"

    def look_at(self, program: str) -> None:
        form = analysis.normal_form(program)
        assert analysis.complexity(program) >= 1.0
        assert analysis.distance(program, program) == 0.0
        if len(program) < 1_000:
            analysis.distance(program, self.references[0].program)
        assert all(isinstance(text, str) for text in analysis.shortcuts(program))
        assert entry_of(program).isidentifier()
        remarks(program), without_remarks(program), with_imports(program, ["import re"])
        copies.holds(program, form), copies.holds("def f(x): return x", program)
        for read in (literals.canonical_literal, literals.canonical_arguments, parsing.program):
            try:
                read(program)
            except ModelError:
                continue

    def write_and_show(self, proposals: list[Proposal]) -> None:
        self.step += 1
        self.journal.write(Step(self.step, proposals, [], [], {"x": 1.0}))
        self.out.print(show.step_view(self.reader, self.step))
        for proposal in proposals:
            if proposal.task:
                self.out.print(show.task_view(self.reader, proposal.task.id))


def texts(count: int, rng: random.Random) -> list[tuple[str, str]]:
    """(completion, program), `count` times."""
    sources, found = seeds(), []
    for _ in range(count):
        program, _ = rng.choice(sources)
        program = mutated(program, rng.choice(sources)[0], rng)
        for _ in range(rng.choice((0, 1, 1, 3))):
            at = rng.randint(0, len(program))
            program = program[:at] + rng.choice(ODD) + program[at:]
        text = rng.choice(SHAPES).replace("{}", program)
        found.append((mutated(text, program, rng) if rng.random() < 0.3 else text, program))
    return found


def main() -> int:
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rng = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    warnings.simplefilter("error")
    tally, started = Counter[str](), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        everything = Everything(Path(folder))
        with closing(everything.journal), closing(everything.reader):
            while sum(tally.values()) < total:
                for completion, program in texts(min(1000, total), rng):
                    try:
                        tally[everything.handle(completion, program)] += 1
                    except BaseException:
                        print(json.dumps({"completion": completion, "program": program}))
                        raise
                print(f"{sum(tally.values()):8} {time.monotonic() - started:6.0f} s  {dict(tally)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
