"""What watching costs: benchmarks/viewer.py [FOLDER_OF_RUNS]; needs Chromium and `pip install playwright`.

Starts `abzero watch` and says how long until it answers, when Chromium first paints each page, how much memory the
server holds after all of them, and, over a run of the model in the box, how long after its commit a step is on the
screen, what a watched journal costs its writer, and what Chromium beside it costs the process that trains.
"""

import os
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from playwright.sync_api import Page, sync_playwright

from abzero.cli.recipes import settings
from abzero.config import build
from abzero.config.config import Config
from abzero.config.load import to_json
from abzero.run.directory import RunFolder
from abzero.run.journal import JournalWriter

PAGES = ("live", "steps", "step/{step}", "proposal/{step}/3", "curriculum", "rejections", "lineage", "search?q=return")
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1"
STEPS, WARM = 40, 4


def main() -> None:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        if len(sys.argv) > 1:
            pages(browser.new_page(), Path(sys.argv[1]))
        writing(browser.new_page())
        writing(browser.new_page())
        live(browser.new_page())
        browser.close()


def pages(page: Page, root: Path) -> None:
    """First paint of every page of every run in `root`, and the server's memory."""
    with watching(root) as (server, address):
        for folder in sorted(path.parent for path in root.glob("*/run.db")):
            with sqlite3.connect(f"file:{folder / 'run.db'}?mode=ro", uri=True) as journal:
                [step] = journal.execute("SELECT max(number) FROM step").fetchone()
            for name in PAGES:
                painted = []
                for _ in range(3):
                    page.goto(f"{address}/r/{folder.name}/{name.format(step=step)}")
                    page.wait_for_function(f"() => {PAINT} > 0")
                    painted.append(page.evaluate(PAINT))
                print(f"{folder.name}  {name:18} first paint {statistics.median(painted):6.0f} ms")
        print(f"server: {memory(server.pid, 'VmRSS')} MB now, {memory(server.pid, 'VmHWM')} MB at most")


def writing(page: Page) -> None:
    """What readers cost the writer: each step is written to two journals, one of them watched, the other one in turn.

    All else is the same for both, so what is dearer about the watched one is what watching costs.
    """
    config = settings(Config, ["tiny-cpu"], "viewer.py").config
    with tempfile.TemporaryDirectory() as name, build.sandbox(config.sandbox, config.seed) as box:
        folders = [RunFolder(Path(name) / run) for run in ("one", "other")]
        for folder in folders:
            folder.path.mkdir()
            folder.write_config(to_json(config))
        journals = [JournalWriter(folder.journal) for folder in folders]
        play = build.self_play(config, box)
        seeded = build.first_step(config, play, journals[0], folders[0], lambda text: None)(lambda: None)
        for journal in journals:
            journal.describe(build.about(to_json(config), box))
            if seeded:
                journal.write(seeded)
        whole: list[float] = []
        dearer: list[float] = []
        with watching(Path(name)) as (_, address):
            for number in range(1, STEPS + 1):
                watched = 2 * number // (STEPS + 1)
                if number in (1, STEPS // 2 + 1):
                    page.goto(f"{address}/r/{folders[watched].path.name}/live")
                began = time.perf_counter()
                step = play.step(number)
                whole.append(time.perf_counter() - began)
                cost = {}
                for place in (0, 1) if number % 2 else (1, 0):
                    began = time.perf_counter()
                    journals[place].write(step)
                    cost[place] = time.perf_counter() - began
                dearer.append(cost[watched] - cost[1 - watched])
        for journal in journals:
            journal.close()
    dearer, whole = dearer[WARM:], whole[WARM:]
    error, step_s = 1.96 * statistics.stdev(dearer) / len(dearer) ** 0.5, statistics.fmean(whole)
    print(
        f"a watched journal costs its writer {statistics.fmean(dearer) * 1e3:+.2f} ± {error * 1e3:.2f} ms a step, "
        f"{statistics.fmean(dearer) / step_s:+.2%} ± {error / step_s:.2%} of a step"
    )


def live(page: Page) -> None:
    """A step's way from its commit to the screen; and CPU time of training, alone and watched, step by step."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        seconds = {name: trained(root / name, page if name.startswith("watched") else None) for name in RUNS}
    pairs = [
        (watched - alone) / alone
        for one, other in (("alone-1", "watched-1"), ("alone-2", "watched-2"))
        for alone, watched in zip(seconds[one], seconds[other], strict=True)
    ]
    error = statistics.stdev(pairs) / len(pairs) ** 0.5
    print(
        f"CPU time of a step, beside the page against alone: {statistics.fmean(pairs):+.1%} ± {1.96 * error:.1%} (95 %)"
    )


RUNS = ("alone-1", "watched-1", "watched-2", "alone-2")
"""In this order, so that what changes with time cancels; equal settings, so that equal steps do equal work."""


def trained(run: Path, page: Page | None) -> list[float]:
    """CPU seconds of each step of a new run, but for the first few; open on `page`, if there is one."""
    command = [sys.executable, "-m", "abzero", "train", "tiny-cpu", "--run", str(run)]
    process = subprocess.Popen([*command, "--steps", str(STEPS), "--model.threads", "1"], stdout=subprocess.DEVNULL)
    try:
        if page is None:
            return [seconds for _, seconds in commits(run, process.pid)][WARM:]
        while not (run / "run.db").exists():
            if process.poll() is not None:
                sys.exit(f"training ended before its first step, with {process.returncode}")
            time.sleep(0.05)
        with watching(run) as (_, address):
            return shown(page, f"{address}/r/{run.name}/live", commits(run, process.pid))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def shown(page: Page, address: str, committed: Iterator[tuple[float, float]]) -> list[float]:
    """CPU seconds of each step; says how long after its commit each was on the page."""
    while page.goto(address).status != 200:  # type: ignore[union-attr]
        page.wait_for_timeout(100)
    page.evaluate(
        """() => {
            window.seen = {};
            new MutationObserver(() => {
                const place = document.querySelector("main li .num")?.textContent.split("·")[0];
                if (place !== undefined) window.seen[place] ??= Date.now();
            }).observe(document.getElementById("main"), { childList: true });
        }"""
    )
    rows = []
    for row in committed:
        rows.append(row)
        page.wait_for_timeout(1)
    page.wait_for_timeout(2_000)
    seen = {int(step): at / 1e3 for step, at in page.evaluate("window.seen").items()}
    late = sorted(seen[step] - at for step, (at, _) in enumerate(rows, 1) if step in seen and step > WARM)
    print(f"{len(late)} steps on the screen {late[len(late) // 2]:.2f} s after their commit, {late[-1]:.2f} s at most")
    return [seconds for _, seconds in rows][WARM:]


def commits(run: Path, pid: int) -> Iterator[tuple[float, float]]:
    """When each step was committed, and the CPU seconds that the process spent on it."""
    known, spent = 0, 0.0
    while known < STEPS:
        time.sleep(0.005)
        if not (run / "run.db").exists():
            continue
        try:
            with sqlite3.connect(f"file:{run / 'run.db'}?mode=ro", uri=True) as journal:
                newest = journal.execute("SELECT max(number) FROM step").fetchone()[0] or 0
        except sqlite3.Error:
            continue
        if newest > known:
            now = cpu(pid)
            yield time.time(), now - spent
            known, spent = newest, now


def cpu(pid: int) -> float:
    """Seconds of processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int, name: str) -> int:
    """Megabytes of a process."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) // 1000 for line in lines if line.startswith(name))


@contextmanager
def watching(root: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """`abzero watch` on `root`; says how long it took to answer."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    begun, address = time.perf_counter(), f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "abzero", "watch", str(root), "--port", str(port), "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        while True:
            try:
                urlopen(f"{address}/static/viewer.css").read()
                break
            except OSError:
                time.sleep(0.01)
        print(f"server answers after {time.perf_counter() - begun:.2f} s, {cpu(process.pid):.2f} s of them its own CPU")
        yield process, address
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
