#!/usr/bin/env python3
"""Run many programs, one in a hundred refused and one in a hundred hanging, while zygotes are killed.

usage: soak.py [PROGRAMS]

Fails if a result is lost, swapped or wrong, if this process grows, or if a process is left behind.
"""

import os
import random
import resource
import signal
import sys
import time
from pathlib import Path

from abzero.sandbox.base import Call, Outcome, Refused, Returned, Stopped
from abzero.sandbox.pool import SandboxPool

BATCH = 2000
GROWTH_BYTES = 16 << 20
"""What the parent may grow by between the second batch and the last."""


def program(number: int, rng: random.Random) -> tuple[Call, Outcome]:
    """The call with this number and the outcome that it must have."""
    call = Call(f"def f(x):\n    return [x, x * {number}, 'p{number}']\n", str(number % 97), rng.random() < 0.5)
    kind = rng.random()
    if kind < 0.01:
        lock = f"import queue\ndef f(x):\n    return queue.Queue({number + 1}).get()\n"
        return Call(lock, call.arguments, call.verify), Refused("something that only the operating system could do")
    if kind < 0.02:
        hang = f"def f(x):\n    while x != -{number + 1}:\n        x = abs(x) + 1\n"
        return Call(hang, call.arguments, call.verify), Stopped("timeout")
    x = number % 97
    return call, Returned(f"[{x}, {x * number}, 'p{number}']")


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def main() -> int:
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    rng = random.Random(2)
    started, wrong, early = time.monotonic(), 0, 0
    with SandboxPool() as sandbox:
        for first in range(0, total, BATCH):
            calls, expected = zip(*(program(n, rng) for n in range(first, min(first + BATCH, total))), strict=True)
            if first and first % (10 * BATCH) == 0:
                os.kill(sandbox.report().zygotes[rng.randrange(8)], signal.SIGKILL)
            outcomes = sandbox.run(calls)
            for call, want, got in zip(calls, expected, outcomes, strict=True):
                if want != got:
                    wrong += 1
                    print("WRONG", call, want, got)
            early = early or (resident() if first >= BATCH else 0)
            print(f"{first + len(calls):7} {time.monotonic() - started:6.0f} s  {resident() >> 20} MiB", flush=True)
        report = sandbox.report()
        grown = resident() - early
    left = [pid for pid in report.zygotes if Path(f"/proc/{pid}").exists()]
    seconds = time.monotonic() - started
    print(f"{total} programs in {seconds:.0f} s ({total / seconds:.0f}/s), {report.respawned} zygotes respawned,")
    print(f"{wrong} wrong, {grown / 2**20:+.1f} MiB, {len(left)} processes left, sharing: {report.sharing}")
    return int(bool(wrong or left or grown > GROWTH_BYTES or not report.sharing))


if __name__ == "__main__":
    sys.exit(main())
