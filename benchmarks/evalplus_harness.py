"""Judging a file of samples, against EvalPlus's own harness: same samples, data, processor and number of workers.

    python -m venv ep && ep/bin/pip install --no-deps evalplus==0.3.1
    ep/bin/pip install numpy tqdm termcolor appdirs psutil multipledispatch wget
    python benchmarks/evalplus_harness.py --theirs ep/bin/python --data DIR --suite mbpp+ --samples samples.jsonl

Each command is pinned to one processor, on which both begin one worker. Theirs is `evalplus.evaluate` with an empty
cache, so that it computes the expected outputs, as ours does: as it is, stopping inputs after a second of wall time;
and with the limits that the paper sets and ours has, 10 s and eight times the reference, of processor time. Ours runs
twice: with its self-test (answers to other problems, judged like samples), and where that was passed before. Seconds
are of wall and, in brackets, of the processor, of a command and all that it starts: where other work shares the machine
the second is what counts. Nothing is isolated in theirs but by a process and limits of resources; ours is the
sandbox's.
"""

import argparse
import gzip
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from abzero.evals import data
from abzero.evals.suites import SUITES

THEIRS = """
import sys, types
for name in ("datasets", "evalplus.codegen"):  # what generates or downloads, and needs much else
    sys.modules[name] = types.ModuleType(name)
sys.modules["datasets"].load_dataset = sys.modules["evalplus.codegen"].run_codegen = None
from evalplus.evaluate import evaluate
{limits}
evaluate({dataset!r}, samples={samples!r}, parallel=1, **given)
"""
OURS = """
import contextlib, signal
from evalplus import eval as judge
from evalplus.eval.utils import TimeoutException
def late(number, frame):
    raise TimeoutException("Timed out!")
@contextlib.contextmanager
def time_limit(seconds):
    signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
judge.time_limit = time_limit
# 60 s of wall time for a list are not to decide
judge.min = lambda one, other: 1000.0 if one == 60 else sorted([one, other])[0]
given = dict(min_time_limit=10.0, gt_time_limit_factor=8.0)
"""
LIMITS = {"theirs": "given = {}", "theirs, with our limits": OURS}
SETTINGS = {"humaneval+": ("humaneval", "HUMANEVAL_OVERRIDE_PATH"), "mbpp+": ("mbpp", "MBPP_OVERRIDE_PATH")}


def measured(command: list[str], core: int, environment: dict[str, str]) -> tuple[float, float]:
    """Seconds of wall and of processor of `command` on processor `core`."""

    def spent() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    before, begun = spent(), time.monotonic()
    given = {**os.environ, **environment}
    pinned = ["taskset", "-c", str(core), *command]
    ran = subprocess.run(pinned, env=given, capture_output=True, text=True, check=False)
    if ran.returncode:
        sys.exit(f"{' '.join(command[:3])} failed: {ran.stderr[-2000:]}")
    return time.monotonic() - begun, spent() - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--theirs", required=True, help="a Python that has evalplus")
    parser.add_argument("--data", required=True)
    parser.add_argument("--suite", choices=SETTINGS, required=True)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--core", type=int, default=min(os.sched_getaffinity(0)))
    asked = parser.parse_args()
    [file] = data.find(SUITES[asked.suite], data.where([asked.data]))
    count = sum(1 for line in asked.samples.open() if line.strip())
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        plain = place / "data.jsonl"
        with (gzip.open if file.suffix == ".gz" else open)(file, "rb") as packed, plain.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)
        samples = Path(shutil.copy(asked.samples, place / "samples.jsonl"))
        dataset, override = SETTINGS[asked.suite]
        found, right = {}, {}
        for name, limits in LIMITS.items():
            home, results = place / name, place / "samples_eval_results.json"
            home.mkdir()
            program = THEIRS.format(dataset=dataset, samples=str(samples), limits=limits)
            found[name] = measured([asked.theirs, "-c", program], asked.core, {override: str(plain), "HOME": str(home)})
            rows = [row for some in json.loads(results.read_text())["eval"].values() for row in some]
            right[name] = sum(row["base_status"] == row["plus_status"] == "pass" for row in rows)
            results.unlink()
        out = place / "out"
        ours = [sys.executable, "-m", "abzero", "eval", "--samples", str(samples), "--suite", asked.suite]
        ours += ["--data", asked.data, "--out", str(out), "--resume"]
        for name in ("ours", "ours, self-test passed before"):
            found[name] = measured(ours, asked.core, {})
            judged = [json.loads(line) for line in (out / f"{asked.suite}.jsonl").open()]
            (out / f"{asked.suite}.jsonl").unlink()
            right[name] = sum(row["verdict"] == "correct" for row in judged)
    print(f"{asked.suite}, {count} samples, one worker each: seconds of wall, and of the processor")
    for name, (wall, processor) in found.items():
        each = f"{1000 * wall / count:,.0f} ({1000 * processor / count:,.0f}) s per 1,000 samples"
        print(f"  {name:32} {wall:7.1f} ({processor:6.1f}) s, {each}, right: {right[name]}")


if __name__ == "__main__":
    main()
