#!/usr/bin/env python3
"""Run a corpus of attacks against a driver, each entry in a process of its own, and look for harm after every one.

usage: harness.py [--corpus DIR] [--only TEXT,TEXT] [--json FILE] [--driver COMMAND]

`COMMAND DIR FILE` judges one entry and prints its verdict (`attack_driver.py`). An entry may use 30 seconds of
processor time, everything that it starts included: on a machine that others use too, that takes as long as it takes.
Five minutes on the clock are the end of one that waits. Harm is: a file, a changed victim, a connection, a process
left, a canary that is hurt, a driver that died, hung or prints without end. Ends with status 0 if every verdict is
right and nothing was harmed. Standard library only: other interpreters run it, too.
"""

import argparse
import collections
import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.sandbox.attack_driver import right

MARKERS, PORT = Path("/tmp/azr-attack-markers"), 45871
"""Where entries write to and connect to."""
PROCESSOR_SECONDS, WALL_SECONDS = 30.0, 300.0
TICKS = os.sysconf("SC_CLK_TCK")
MOST_OUTPUT = 200_000
OWN = Path(__file__).parent

Entry = dict[str, str]


class Process:
    """A line of /proc, as it was when it was read."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        _, _, rest = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")
        fields = rest.split()
        self.alive, self.parent, self.session = fields[0] not in "ZX", int(fields[1]), int(fields[3])
        self.seconds = sum(map(int, fields[11:15])) / TICKS
        """Its own processor time and that of children it waited for."""


def processes() -> Iterator[Process]:
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            yield Process(int(name))


def family(root: int) -> list[Process]:
    """The live descendants of `root`, and itself."""
    below = collections.defaultdict(list)
    known = {process.pid: process for process in processes()}
    for process in known.values():
        below[process.parent].append(process)
    found = [known[root]] if root in known else []
    for process in found:
        found += below[process.pid]
    return found


def left_over(session: int, tag: bytes) -> list[int]:
    """Live processes of `session`, or with `tag` in their environment."""
    found = []
    for process in processes():
        with contextlib.suppress(OSError):
            tagged = tag in Path(f"/proc/{process.pid}/environ").read_bytes()
            if process.alive and (tagged or process.session == session):
                found.append(process.pid)
    return found


def listen() -> list[str]:
    """Take connections and datagrams on the port that entries try; what has come is found in the list."""
    heard: list[str] = []

    def hear(server: socket.socket) -> None:
        while True:
            if server.type == socket.SOCK_STREAM:
                server.accept()[0].close()
            else:
                server.recvfrom(100)
            heard.append("network")

    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        server = socket.socket(socket.AF_INET, kind)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", PORT))
        if kind == socket.SOCK_STREAM:
            server.listen()
        threading.Thread(target=hear, args=(server,), daemon=True).start()
    return heard


def lay_out(markers: Path) -> Path:
    """An empty folder that anybody may write to, with a victim in it."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(markers)
    markers.mkdir()
    markers.chmod(0o777)
    victim = markers / "victim.txt"
    victim.write_text("victim")
    victim.chmod(0o666)
    return victim


def untouched(victim: Path) -> bool:
    try:
        return victim.read_text() == "victim" and victim.stat().st_mode & 0o777 == 0o666
    except OSError:
        return False


def finished(process: subprocess.Popen[bytes], tag: bytes, seconds: float = PROCESSOR_SECONDS) -> bool:
    """Wait for `process`; False if it was ended for the time that it took."""
    deadline = time.monotonic() + WALL_SECONDS
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.5)
            return True
        used = family(process.pid)
        if time.monotonic() > deadline or sum(one.seconds for one in used) > seconds:
            for pid in {one.pid for one in used} | {*left_over(process.pid, tag)}:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()
            return False


def told(output: bytes) -> dict[str, str]:
    """What the driver said, one JSON object after each mark."""
    found: dict[str, str] = {}
    for line in output.split(b"\n"):
        _, marked, text = line.partition(b"@@RESULT ")
        if marked:
            with contextlib.suppress(ValueError):
                found |= json.loads(text)
    return found


def survivors(session: int, tag: bytes, patience: float) -> list[int]:
    """Who still lives after `patience` seconds; they are ended."""
    deadline = time.monotonic() + patience
    while (found := left_over(session, tag)) and time.monotonic() < deadline:
        time.sleep(0.1)
    for pid in found:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    return found


def judge(
    entry: Entry, command: list[str], corpus: Path, heard: list[str], markers: Path = MARKERS
) -> dict[str, object]:
    """The verdict on one entry, and the harm that it did."""
    victim, tag, began = lay_out(markers), f"{os.getpid()}.{entry['file']}", time.monotonic()
    heard.clear()
    marks = {"ATTACK_RUN": tag, "AZR_ATTACK_DIR": str(markers), "AZR_ATTACK_PORT": str(PORT)}
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [*command, str(corpus), entry["file"]],
            env={**os.environ, **marks},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        mark = f"ATTACK_RUN={tag}".encode()
        in_time = finished(process, mark)
        size = output.seek(0, os.SEEK_END)
        output.seek(max(0, size - MOST_OUTPUT))
        result = told(output.read())
    if "daemon" in entry["file"]:
        time.sleep(3.2)  # as long as these wait before they strike
    signs = {
        "processes": bool(survivors(process.pid, mark, patience=1.0)),
        "files": [*markers.glob("*")] != [victim],
        "victim": not untouched(victim),
        "network": bool(heard),
        "driver hung": not in_time,
        "driver died": in_time and (process.returncode != 0 or "done" not in result),
        "flood": size > MOST_OUTPUT,
        "canary": result.get("canary") != "ok",
        "leak": bool(entry.get("must_not_contain")) and entry["must_not_contain"] in result.get("output", ""),
    }
    shutil.rmtree(markers, ignore_errors=True)
    harm = [name for name, seen in signs.items() if seen]
    kept = {key: entry[key] for key in ("file", "category", "expected")}
    got = {"got": result.get("verdict"), "output": result.get("output", "")[:80]}
    correct = "verdict" in result and right(entry, result)
    return {**kept, **got, "harm": harm, "right": correct, "seconds": round(time.monotonic() - began, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=OWN / "escapes")
    parser.add_argument("--only", default="", help="entries whose file holds one of these, or of these categories")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--driver", default=f"{sys.executable} {OWN / 'attack_driver.py'}")
    options = parser.parse_args()
    corpus, only = options.corpus.resolve(), options.only.split(",")
    entries = json.loads((corpus / "index.json").read_text(encoding="utf-8"))
    chosen = [one for one in entries if any(text in one["file"] or text == one["category"] for text in only)]
    if MARKERS.exists() and not os.access(MARKERS, os.W_OK | os.X_OK):
        sys.exit(f"{MARKERS} is another user's: remove it first")
    heard, results = listen(), []
    for entry in chosen:
        results.append(judge(entry, shlex.split(options.driver), corpus, heard))
        if results[-1]["harm"] or not results[-1]["right"]:
            print("FAIL", results[-1], flush=True)
    print(f"{'category':16}{'entries':>8}{'right':>8}{'unharmed':>9}")
    for category in [*sorted({one["category"] for one in chosen}), "total"]:
        these = [one for one in results if category in (one["category"], "total")]
        print(
            f"{category:16}{len(these):8}{sum(bool(r['right']) for r in these):8}{sum(not r['harm'] for r in these):9}"
        )
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    sys.exit(any(one["harm"] or not one["right"] for one in results))


if __name__ == "__main__":
    main()
