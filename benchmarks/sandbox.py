#!/usr/bin/env python3
"""What the sandbox costs, on real programs, beside a plain process pool; all in one run, interleaved.

usage: sandbox.py [ROUNDS] [CHECKS]

A *check* is what a proposal needs: a program run in two differently seeded processes, both values compared. The
yardstick does what the reference implementation does: one long-lived worker, one call at a time through a process pool,
both runs in one process by ``exec``. Figures are medians over the rounds; processor time counts this process, zygotes,
children and pool worker. What bounds each figure:

fork limit      a run, not a check: os.fork in a prepared zygote, a trivial compile, one write, the end. Bounded by the
                2,300 page-table entries that each fork copies and each end releases, and by page faults
one run alone   the same for a real program, locked in, several at once, not analyzed: a cold compiler, a filter to
                install, two sockets, the parent (a twentieth); the kernel has 70 % of it
alone           whole checks that way: 2.8 runs each on average, since 13 % of real programs need all eight seeds
8 inputs        one compilation serves eight inputs in a shared child: the runs themselves
shared child    with 800 checks, and with five times as many, nearer to a training step (each program five times, told
                apart by a comment). Two fifths are compiling every program once, as much the runs (2.8 a check, each
                0.03 ms, and 4 to 5 ms for each of 12 children in 800 checks), a tenth the parent, a twentieth each the
                runs alone (less than 1 % doubted) and the zygotes' forks. A fifth of all that is the kernel's
1 %, 10 % hang  hangs x processor time that one is given; the yardstick waits its ten seconds of wall time for each
literals        one scanner in Python, no process
"""

import json
import os
import random
import resource
import signal
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from abzero.errors import Malformed
from abzero.python import literals
from abzero.sandbox.base import Call, Returned
from abzero.sandbox.child.limits import Limits
from abzero.sandbox.pool import SandboxPool

DATA = Path(__file__).resolve().parents[2] / "shared/data/triplets.jsonl"
FORKS = 400
YARDSTICK_TIMEOUT = 10.0
Rate = tuple[float, float]
"""Checks per second of wall time, and processor milliseconds per check."""


def real_calls() -> list[Call]:
    """Distinct real programs with one input each, that return a value here and in the yardstick."""
    if not DATA.exists():
        sys.exit(f"this benchmark runs real programs, expected at {DATA}")
    calls: dict[str, Call] = {}
    for row in map(json.loads, DATA.read_text().splitlines()):
        if row["verdicts"][0][0] == "ok" and "print(" not in row["program"] and len(row["inputs"][0]) < 8_000:
            calls.setdefault(row["program"], Call(row["program"], row["inputs"][0], verify=True))
    with SandboxPool() as sandbox:
        chosen = list(calls.values())
        return [c for c, o in zip(chosen, sandbox.run(chosen), strict=True) if isinstance(o, Returned)]


def hang(number: int) -> Call:
    return Call(f"def f(x):\n    while x != -{number}:\n        x = abs(x) + 1\n", "1", verify=True)


def reference(call: Call) -> str:
    """Both runs in this process, by exec, compared as values; given up after ten seconds, by an alarm."""
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, YARDSTICK_TIMEOUT)
    values = []
    try:
        for _ in range(2):
            names: dict[str, object] = {}
            exec(call.program, names)
            values.append(eval(f"f({call.arguments})", names))
    except KeyboardInterrupt:
        return ""
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return repr(values[0]) if values[0] == values[1] else ""


def spent() -> float:
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in usage)


def processor_time_of(pids: tuple[int, ...]) -> float:
    """Of live processes and the children that they have waited for."""
    ticks = 0
    for pid in pids:
        ticks += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def measured(work: Callable[[], int], pids: tuple[int, ...]) -> Rate:
    """Run `work`, which returns how many checks it did."""
    wall, cpu = time.perf_counter(), spent() + processor_time_of(pids)
    count = work()
    cpu = spent() + processor_time_of(pids) - cpu
    return count / (time.perf_counter() - wall), cpu / count * 1e3


def in_sandbox(sandbox: SandboxPool, calls: list[Call]) -> Rate:
    def work() -> int:
        sandbox.run(calls)
        return len(calls)

    return measured(work, sandbox.report().zygotes)


def in_process_pool(calls: list[Call]) -> Rate:
    with ProcessPoolExecutor(1, initializer=warnings.simplefilter, initargs=("ignore",)) as pool:
        pool.submit(reference, calls[0]).result()
        pids = tuple(pool._processes)

        def work() -> int:
            for call in calls:
                pool.submit(reference, call).result()
            return len(calls)

        return measured(work, pids)


def literal_judging(calls: list[Call]) -> Rate:
    texts = [call.arguments for call in calls] * 5

    def work() -> int:
        for text in texts:
            try:
                literals.parse_arguments(text)
            except Malformed:
                continue
        return len(texts)

    return measured(work, ())


FORK_LIMIT = """
import json, os, resource, sys, time
sys.path.append(sys.argv[1])
from abzero.sandbox.child import limits, zygote
bounds = limits.Limits()
settings = {"seed": 1, "place": 0, "without": [], "root": sys.argv[1], "imports": sorted(limits.IMPORTS),
            "value_nodes": bounds.value_nodes,
            "value_characters": bounds.value_characters, "value_depth": bounds.value_depth}
out, count = os.dup2(1, 20), int(sys.argv[2])
clocks = [time.perf_counter]
zygote._prepare(settings)  # which stops all clocks that it finds by name
null = os.open(os.devnull, os.O_WRONLY)
def spent():
    both = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(one.ru_utime + one.ru_stime for one in both)
cpu, wall = spent(), clocks[0]()
for _ in range(count):
    if (pid := os.fork()) == 0:
        compile("x = 1", "", "exec")
        os.write(null, b"done")
        os._exit(0)
    os.waitpid(pid, 0)
os.write(out, json.dumps([count / (clocks[0]() - wall), (spent() - cpu) / count * 1e3]).encode())
"""


def fork_limit() -> Rate:
    """Bare forks, in as many zygotes at once as there are processors."""
    root = str(Path(__file__).resolve().parents[1])
    command = [sys.executable, "-sSP", "-c", FORK_LIMIT, root, str(FORKS)]
    several = [subprocess.Popen(command, stdout=subprocess.PIPE, cwd="/") for _ in os.sched_getaffinity(0)]
    rates = [json.loads(process.communicate()[0]) for process in several]
    return sum(rate for rate, _ in rates), statistics.mean(cost for _, cost in rates)


def zygote_megabytes(sandbox: SandboxPool) -> float:
    """Mean proportional set size of a zygote; only root may look."""
    sizes = []
    for pid in sandbox.report().zygotes:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except PermissionError:
            return float("nan")
        sizes += [int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")]
    return statistics.mean(sizes)


def with_hangs(calls: list[Call], share: float, first: int) -> list[Call]:
    """`calls` with the last `share` of them hanging instead, no two alike, all mixed."""
    count = round(len(calls) * share)
    mixed = [*calls[: len(calls) - count], *map(hang, range(first, first + count))]
    random.Random(first).shuffle(mixed)
    return mixed


def print_table(rows: dict[str, list[Rate]], size: float) -> None:
    base = statistics.median(rate for rate, _ in rows["yardstick"])
    print(f"{'':32}{'checks/s':>10}{'range':>16}{'CPU ms/check':>14}{'x yardstick':>13}")
    for name, rates in rows.items():
        walls = [rate for rate, _ in rates]
        median, cost = statistics.median(walls), statistics.median(cost for _, cost in rates)
        span = f"{min(walls):.0f}-{max(walls):.0f}"
        print(f"{name:32}{median:10.0f}{span:>16}{cost:14.3f}{median / base:13.2f}")
    alone, limit = (statistics.median(rate for rate, _ in rows[name]) for name in ("one run alone", "fork limit"))
    alone_cost, limit_cost = (
        statistics.median(cost for _, cost in rows[name]) for name in ("one run alone", "fork limit")
    )
    print(f"\none run alone / fork limit: {alone / limit:.2f} by wall, {limit_cost / alone_cost:.2f} by processor time")
    print(f"zygote: {size:.1f} MB proportional set size; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 800
    calls = real_calls()
    random.Random(0).shuffle(calls)
    calls = calls[:count]
    few = calls[: count // 8]
    once = [Call(call.program, call.arguments) for call in calls]
    inputs = [Call(call.program, call.arguments + " " * n, verify=True) for call in few for n in range(8)]
    many = [Call(f"{call.program}\n# {n}", call.arguments, verify=True) for n in range(5) for call in calls]
    random.Random(1).shuffle(many)
    rows: dict[str, list[Rate]] = {}
    with SandboxPool() as sandbox, SandboxPool(limits=Limits(batch_calls=1)) as lonely:
        size = zygote_megabytes(sandbox)
        for number in range(rounds):
            figures: dict[str, Callable[[], Rate]] = {
                "fork limit": fork_limit,
                "yardstick": lambda: in_process_pool(calls),
                "one run alone": lambda: in_sandbox(lonely, once),
                "alone": lambda: in_sandbox(lonely, few),
                "one program, 8 inputs": lambda: in_sandbox(sandbox, inputs),
                "shared child": lambda: in_sandbox(sandbox, calls),
                "shared child, 5 times as many": lambda: in_sandbox(sandbox, many),
                "1 % hanging": partial(in_sandbox, sandbox, with_hangs(calls, 0.01, 1000 * number + 1)),
                "10 % hanging": partial(in_sandbox, sandbox, with_hangs(few, 0.1, 1000 * number + 501)),
                "literal judging": lambda: literal_judging(calls),
            }
            if number == 0:
                figures["yardstick, 1 % hanging"] = lambda: in_process_pool(with_hangs(calls[:200], 0.01, 1))
                figures["yardstick, 10 % hanging"] = lambda: in_process_pool(with_hangs(calls[:20], 0.1, 1))
            for name, figure in figures.items():
                rows.setdefault(name, []).append(figure())
    print_table(rows, size)


if __name__ == "__main__":
    main()
