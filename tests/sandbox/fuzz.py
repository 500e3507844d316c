#!/usr/bin/env python3
"""Random and mutated programs and answers, against the sandbox and the reader of literals.

usage: fuzz.py [TEXTS] [SEED]

Four in five texts are answers, read here and compared with ``ast.literal_eval``; the others are programs, run in
batches with known ones among them. Fails if an outcome is not what it may be, if a known program's outcome changes, if
the audit finds a shared child wrong, if this process grows or if a process is left behind. Mutates the programs in
../shared/data where they are, else a few of its own.
"""

import ast
import json
import random
import resource
import sys
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import get_args

from abzero.errors import Malformed
from abzero.python import literals
from abzero.sandbox.base import Call, Outcome, Returned
from abzero.sandbox.child.limits import Limits
from abzero.sandbox.pool import SandboxPool

DATA = Path(__file__).resolve().parents[3] / "shared/data/triplets.jsonl"
BATCH = 2000
KNOWN = [
    (Call("def f(x):\n    return sorted(x)[::-1]\n", "[3, 1, 2]", True), Returned("[3, 2, 1]")),
    (
        Call("import math\ndef f(x):\n    return math.gcd(x, 18), repr(5), len('abc')\n", "12", True),
        Returned("(6, '5', 3)"),
    ),
    (Call("class A:\n    n = 0\ndef f(x):\n    A.n += x\n    return A.n\n", "7", True), Returned("7")),
]
OWN = [
    ("def f(x):\n    return x * 2\n", ["21", "'ab'"]),
    ("def f(xs):\n    s = set(xs)\n    return sorted(s)\n", ["[1, 2, 2]", "'hello'"]),
    (
        "class A:\n    def __init__(self, v):\n        self.v = v\ndef f(n):\n    return [A(i).v for i in range(n)]\n",
        ["3"],
    ),
]
WORDS = [
    "while True:", "for i in range(10**9):", "return f(x)", "import os", "import sys", "__import__('os')",
    "globals()", "lambda: 0", "yield x", "raise SystemExit", "raise KeyboardInterrupt", "x = [x] * 10**8",
    "10**10**6", "'a' * 10**9", "float('nan')", "object()", "set(x)", "print(x)", "del x", "x.__class__",
    "type('A', (), {})", "exec('x=1')", "().__class__.__base__.__subclasses__()", "open('/etc/passwd')", "try:",
    "except:", "finally:", "with open(x):", "async def g():", "@f", "nonlocal x", "*x, = x", "match x:", "{**x}",
    "b'\\xff'", "'\\ud800'", "0x1F", "1e999", "1_000", "-", "not", "(", ")", "[", "]", "{", "}", ",", ":", "'", "\"",
    "#", "\\", "\n", "    ", "\t", "\r", "\f", "\u0000", "\u200b", "\uff46",
]  # fmt: skip


def seeds() -> list[tuple[str, list[str]]]:
    """Programs with inputs to begin from."""
    lines = DATA.read_text().splitlines() if DATA.exists() else []
    return OWN + [(row["program"], row["inputs"]) for row in map(json.loads, lines)]


def mutated(text: str, other: str, rng: random.Random) -> str:
    """`text` with one to four edits: cut, doubled, spliced with `other`, a word put in, a character changed …"""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        i, j = sorted((rng.randint(0, len(text)), rng.randint(0, len(text))))
        match rng.randrange(7):
            case 0:
                text = text[:i] + text[min(j, i + rng.randint(1, 30)) :]
            case 1:
                text = text[:j] + text[i : min(j, i + 200)] * rng.choice((1, 1, 2, 50)) + text[j:]
            case 2:
                text = text[:i] + rng.choice(WORDS) + text[i:]
            case 3:
                k = rng.randint(0, len(other))
                text = text[:i] + other[k : k + rng.randint(1, 80)] + text[j:]
            case 4:
                text = text[:i] + chr(rng.choice((rng.randrange(128), rng.randrange(0x110000)))) + text[i + 1 :]
            case 5:
                lines = text.split("\n")
                lines.insert(rng.randint(0, len(lines)), "    " * rng.randint(0, 3) + rng.choice(WORDS))
                text = "\n".join(lines)
            case 6:
                text = text.replace(
                    rng.choice(("1", "0", "x", "(", "+", "==")), rng.choice(("", "-1", "2", "x", "((", "*"))
                )
    return text


def check_answer(text: str) -> str:
    """Read `text`; returns what happened, and raises `AssertionError` if the reader is wrong about it."""
    try:
        value = literals.parse(text)
    except Malformed:
        return "malformed"
    written = literals.canonical(value)
    again = literals.parse(written)
    assert again == value, text
    assert literals.canonical(again) == written, text
    try:
        expected = ast.literal_eval(text.strip(" \t"))
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return "only here"
    assert literals.canonical(expected) == written, text
    return "literal"


def check_outcome(call: Call, outcome: Outcome) -> None:
    assert isinstance(outcome, get_args(Outcome)), call
    if isinstance(outcome, Returned):
        assert literals.canonical(literals.parse(outcome.value)) == outcome.value, call


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def main() -> int:
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rng = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    sources, tally, started, early, done = seeds(), Counter[str](), time.monotonic(), 0, 0
    warnings.simplefilter("ignore", SyntaxWarning)
    warnings.simplefilter("error", RuntimeWarning)
    with SandboxPool(limits=Limits(cpu_seconds=0.2)) as sandbox:
        while done < total:
            for _ in range(4 * BATCH):
                program, inputs = rng.choice(sources)
                text = mutated(rng.choice(inputs), rng.choice(sources)[0], rng)
                tally["answer " + check_answer(text)] += 1
            calls = [call for call, _ in KNOWN]
            for _ in range(BATCH):
                program, inputs = rng.choice(sources)
                other = rng.choice(sources)[0]
                arguments = rng.choice(inputs)
                arguments = mutated(arguments, other, rng) if rng.random() < 0.3 else arguments
                program = mutated(program, other, rng) if rng.random() < 0.9 else program
                calls.append(Call(program, arguments, rng.random() < 0.3))
            order = sorted(range(len(calls)), key=lambda _: rng.random())
            outcomes = dict(zip(order, sandbox.run([calls[i] for i in order]), strict=True))
            for number, (call, expected) in enumerate(KNOWN):
                assert outcomes[number] == expected, (call, outcomes[number])
            for number, call in enumerate(calls):
                check_outcome(call, outcomes[number])
                tally[f"program {outcomes[number]}".split("(")[0]] += 1
            done += 5 * BATCH
            early = early or (resident() if done > 5 * BATCH else 0)
            print(f"{done:8} {time.monotonic() - started:6.0f} s  {resident() >> 20} MiB", flush=True)
        report, grown = sandbox.report(), resident() - early
    left = [pid for pid in report.zygotes if Path(f"/proc/{pid}").exists()]
    print(*(f"{count:9} {what}" for what, count in sorted(tally.items())), sep="\n")
    print(f"{done} texts in {time.monotonic() - started:.0f} s, {grown / 2**20:+.1f} MiB, {len(left)} processes left")
    return int(bool(left or grown > 64 << 20 or not report.sharing or report.respawned))


if __name__ == "__main__":
    sys.exit(main())
