#!/usr/bin/env python3

"""Mutated programs, answers and completions against every function of ours that sees a model's text.

usage: fuzz_text.py [TEXTS] [SEED] [--done FILE]

Every text is read, built into proposals, asked, graded, encoded and made harmless, with a sandbox that runs nothing;
one in twenty is compared, rewarded, measured and monitored, too; one in ten of these is journalled and shown.
Whatever is raised that is no `ModelError` is a fault: the first text of each is printed, and the exit status is 1.
Texts come in shards of a thousand, each with a seed of its own; with ``--done`` a run goes on where it was ended.
Mutates the programs in ../shared/data where they are, else a few of its own.
"""

import argparse
import json
import random
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import abzero
from tests.handled import Handled
from tests.sandbox.fuzz import mutated, seeds

OURS = Path(abzero.__file__).parent
SHARD = 1_000
COMPARED, SHOWN = 20, 200
"""One text in so many is handled so far."""
LONG = 25
"""One program in so many may be longer than `MOST`: most of the time would go into those."""
MOST = 1_000
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


def texts(count: int, rng: random.Random) -> Iterator[tuple[str, str]]:
    """(completion, program), `count` times."""
    sources = seeds()
    for _ in range(count):
        program, _ = rng.choice(sources)
        program = mutated(program, rng.choice(sources)[0], rng)
        for _ in range(rng.choice((0, 1, 1, 3))):
            at = rng.randint(0, len(program))
            program = program[:at] + rng.choice(ODD) + program[at:]
        if len(program) > MOST and rng.randrange(LONG):
            begin = rng.randint(0, len(program) - MOST)
            program = program[begin : begin + MOST]
        text = rng.choice(SHAPES).replace("{}", program)
        yield mutated(text, program, rng) if rng.random() < 0.3 else text, program


def shard(number: int, seed: int, count: int = SHARD) -> tuple[Counter[str], float]:
    """What came of a shard's texts, and the processor seconds of the slowest. A fault is tallied by where it is, and
    its first text printed.
    """
    handled, tally, slowest, steps = Handled(), Counter[str](), 0.0, []
    with tempfile.TemporaryDirectory() as folder:
        for place, (completion, program) in enumerate(texts(count, random.Random(f"{seed}/{number}"))):
            begun = time.process_time()
            try:
                handled.read(completion, program)
                handled.encode(program if place % 4 else completion, place)
                proposals = handled.judge(completion, strip=bool(place % 2))
                if place % COMPARED == 0:
                    handled.compare(completion, program)
                    step = handled.credit(proposals, len(steps) + 1)
                    steps += [step] if place % SHOWN == 0 else []
                tally["task" if any(proposal.task for proposal in proposals) else "none"] += 1
            except Exception as error:
                told(tally, error, {"completion": completion, "program": program})
            spent = time.process_time() - begun
            if spent > slowest:
                slowest = spent
                if spent > 2.0:
                    print(json.dumps({"seconds": spent, "completion": completion, "program": program}))
        try:
            handled.record(Path(folder), steps)
        except Exception as error:
            told(tally, error, {"shard": number, "seed": seed})
    return tally, slowest


def told(tally: Counter[str], error: Exception, about: dict[str, object]) -> None:
    frames = reversed(traceback.extract_tb(error.__traceback__))
    where = next((frame for frame in frames if Path(frame.filename).is_relative_to(OURS)), None)
    name = f"FAULT {type(error).__name__} in {where.name if where else '?'}"
    if not tally[name]:
        traceback.print_exception(error)
        print(json.dumps(about), flush=True)
    tally[name] += 1


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("texts", nargs="?", type=int, default=1_000_000)
    parser.add_argument("seed", nargs="?", type=int, default=1)
    parser.add_argument("--done", type=Path)
    given = parser.parse_args()
    warnings.simplefilter("error")
    rows = given.done.read_text().splitlines() if given.done and given.done.exists() else []
    known = {row["shard"]: row for row in map(json.loads, rows) if row["seed"] == given.seed}
    tally, slowest, begun = Counter[str](), 0.0, time.process_time()
    for row in known.values():
        tally.update(row["tally"])
        slowest = max(slowest, row["slowest"])
    for number in range(-(-given.texts // SHARD)):
        if number in known:
            continue
        came, slow = shard(number, given.seed)
        tally.update(came)
        slowest = max(slowest, slow)
        if given.done:
            with given.done.open("a") as file:
                file.write(json.dumps({"shard": number, "seed": given.seed, "slowest": slow, "tally": came}) + "\n")
        if number % 10 == 9:
            print(f"{sum(tally.values()):8} {time.process_time() - begun:6.0f} s  {dict(tally)}", flush=True)
    print(f"{sum(tally.values())} texts, the slowest {slowest:.2f} s: {dict(tally)}")
    return int(any(name.startswith("FAULT") for name in tally))


if __name__ == "__main__":
    sys.exit(main())
