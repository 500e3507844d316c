#!/usr/bin/env python3
"""Judge one entry of an attack corpus as the product would, by itself and among neighbours, then a canary twice, in the
same sandbox.

usage: attack_driver.py CORPUS FILE

``ATTACK_POLICY=off`` lets programs import everything and load it beforehand, so that only the kernel stands in the way;
``ATTACK_WITHOUT=landlock,namespaces`` leaves those layers off. What is printed, and what the harness makes of it, is
described beside the corpus.
"""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from abzero.errors import Malformed
from abzero.python import literals
from abzero.sandbox.base import Call, Nondeterministic, Outcome, Returned, Sandbox, Stopped
from abzero.sandbox.child.limits import IMPORTS
from abzero.sandbox.pool import SandboxPool
from abzero.tasks import parsing

CANARY_PROGRAM = """import math
def f(x):
    print("c")
    return [x*2, len("abc"), math.sqrt(16), sum([1,2,5]), sorted([3,1,2]), repr("a"), str(5+5), math.gcd(12, 18)]
"""
CANARY_OUTPUT = "[42, 3, 4.0, 8, [1, 2, 3], \"'a'\", '10', 6]"


class AmongNeighbours:
    """A sandbox that runs every call several times, each between other programs, which show it if they are touched."""

    isolation = "strict"

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.hurt: list[Outcome] = []
        """What canaries gave that sang wrong, and calls whose equals gave something else."""

    def run(self, calls: Sequence[Call]) -> list[Outcome]:
        alike = [[replace(call, arguments=call.arguments + " " * n) for n in range(4)] for call in calls]
        flat = [call for several in zip(*alike, strict=True) for call in several]  # inputs take turns
        canaries = [Call(f"{CANARY_PROGRAM}# {number}", "21") for number in range(len(flat) + 1)]
        mixed = [call for pair in zip(canaries, flat, strict=False) for call in pair] + canaries[-1:]
        found = dict(zip(mixed, self._sandbox.run(mixed), strict=True))
        self.hurt += [found[canary] for canary in canaries if not matches(found[canary], CANARY_OUTPUT)]
        for several in alike:
            outcomes = [found[call] for call in several]
            settled = {outcome for outcome in outcomes if not isinstance(outcome, Stopped)}
            if len(settled) > 1 and Nondeterministic() not in settled:  # which eight seeds may once in a while not see
                self.hurt += settled
        return [found[call] for call in calls]

    def close(self) -> None:
        pass


def judge_both_ways(sandbox: Sandbox, entry: dict[str, object], text: str) -> dict[str, str]:
    """The verdict on `text` by itself, unless that is right and the one among neighbours is not."""
    alone, street = judge(sandbox, entry, text), AmongNeighbours(sandbox)
    among = judge(street, entry, text)
    if street.hurt:
        return {"verdict": "neighbours hurt", "output": str(street.hurt[0])}
    return among if right(entry, alone) else alone


def judge(sandbox: Sandbox, entry: dict[str, object], text: str) -> dict[str, str]:
    """The verdict on `text`, by the path that its kind takes in the product."""
    try:
        match entry["kind"]:
            case "program":
                return propose(sandbox, text, str(entry["input"]))
            case "answer_output":
                right = literals.same(parsing.literal(text), str(entry["gold_output"]))
            case "answer_input":
                call = Call(str(entry["program"]), parsing.arguments(text), verify=True)
                right = matches(sandbox.run([call])[0], str(entry["gold_output"]))
            case "answer_program":
                pairs: list[list[str]] = entry["pairs"]  # type: ignore[assignment]
                outcomes = sandbox.run([Call(text, arguments, verify=True) for arguments, _ in pairs])
                right = all(matches(outcome, gold) for outcome, (_, gold) in zip(outcomes, pairs, strict=True))
            case kind:
                raise SystemExit(f"unknown kind of entry: {kind}")
    except Malformed:
        right = False
    return {"verdict": "correct" if right else "wrong", "output": ""}


def propose(sandbox: Sandbox, program: str, arguments: str) -> dict[str, str]:
    try:
        [outcome] = sandbox.run([Call(program, parsing.arguments(arguments), verify=True)])
    except Malformed:
        return {"verdict": "invalid", "output": ""}
    if isinstance(outcome, Returned):
        return {"verdict": "valid", "output": outcome.value}
    return {"verdict": "invalid", "output": ""}


def matches(outcome: Outcome, gold: str) -> bool:
    return isinstance(outcome, Returned) and literals.same(outcome.value, gold)


def right(entry: dict[str, object], result: dict[str, str]) -> bool:
    """Whether `result` is what the corpus expects of `entry`."""
    expected = entry["expected"]
    if expected != "any" and result["verdict"] not in (expected, entry.get("accept_also")):
        return False
    return (
        result["verdict"] != "valid" or "output" not in entry or literals.same(result["output"], str(entry["output"]))
    )


def steady(sandbox: Sandbox) -> bool:
    """Whether the canary still sings."""
    result = propose(sandbox, CANARY_PROGRAM, "21")
    return result["verdict"] == "valid" and literals.same(result["output"], CANARY_OUTPUT)


def main() -> None:
    corpus, file = Path(sys.argv[1]), sys.argv[2]
    [entry] = [entry for entry in json.loads((corpus / "index.json").read_text()) if entry["file"] == file]
    text = text_of(corpus / file)
    imports = None if os.environ.get("ATTACK_POLICY") == "off" else IMPORTS
    without = [name for name in os.environ.get("ATTACK_WITHOUT", "").split(",") if name]
    with SandboxPool(workers=2, imports=imports, without=without) as sandbox:
        tell(judge_both_ways(sandbox, entry, text))
        for _ in range(2):
            tell({"canary": "ok" if steady(sandbox) else "hurt"})
    tell({"done": True})


def text_of(path: Path) -> str:
    """The file's characters as a model would write them: line ends untouched, bad bytes as lone surrogates."""
    with open(path, encoding="utf-8", errors="surrogateescape", newline="") as source:
        return source.read()


def tell(result: dict[str, object] | dict[str, str]) -> None:
    print("@@RESULT " + json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
