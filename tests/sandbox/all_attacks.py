#!/usr/bin/env python3
"""Every attack of some corpora, many to one sandbox, where a sandbox for each would take too long: under emulation.

usage: all_attacks.py SLOWNESS CORPUS [CORPUS ...]

Three sandboxes: as it is; with every Python-level policy off; and without Landlock and namespaces as well. Limits on
time are SLOWNESS times the usual. Ends with status 0 if every verdict is right and no canary was hurt.
"""

import json
import sys
from collections.abc import Collection
from pathlib import Path

from abzero.sandbox.child.limits import IMPORTS, Limits
from abzero.sandbox.pool import SandboxPool
from tests.sandbox.attack_driver import judge_both_ways, right, steady, text_of


def slowed(factor: float) -> Limits:
    usual = Limits()
    return Limits(
        cpu_seconds=factor * usual.cpu_seconds,
        batch_seconds=factor * usual.batch_seconds,
        batch_seconds_each=factor * usual.batch_seconds_each,
        compile_seconds_each=factor * usual.compile_seconds_each,
    )


def failures(sandbox: SandboxPool, corpus: Path, policy: bool) -> list[str]:
    found = []
    for entry in json.loads((corpus / "index.json").read_text()):
        if not policy and entry["category"] == "surroundings":
            continue  # what an allowed module shows is a matter of the policy
        result = judge_both_ways(sandbox, entry, text_of(corpus / entry["file"]))
        if not right(entry, result):
            found.append(f"{entry['file']}: {entry['expected']} was expected, not {result}")
        if not steady(sandbox):
            found.append(f"{entry['file']}: the canary was hurt")
    return found


def main() -> None:
    limits, corpora, failed = slowed(float(sys.argv[1])), [Path(name) for name in sys.argv[2:]], False
    kinds: list[tuple[str, Collection[str] | None, tuple[str, ...]]] = [
        ("as it is", IMPORTS, ()),
        ("policy off", None, ()),
        ("policy off, without Landlock and namespaces", None, ("landlock", "namespaces")),
    ]
    for name, imports, without in kinds:
        with SandboxPool(workers=2, imports=imports, without=without, limits=limits) as sandbox:
            report = sandbox.report()
            print(f"{name}: {report.isolation}, Python {report.python}, {report.layers}", flush=True)
            for corpus in corpora:
                found = failures(sandbox, corpus, policy=imports is not None)
                failed = failed or bool(found)
                print(f"{corpus.name}: {len(found)} wrong", *found, sep="\n  ", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
