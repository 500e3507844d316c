"""How long the viewer's pages take on journals of any size: benchmarks/journals.py ROLLOUTS [FOLDER].

Writes a synthetic journal (200 proposals and 1,800 attempts a step; texts are shared, rows are not) unless FOLDER holds
one, then times every page: CPU time, the journal in the cache.
"""

import random
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from abzero.run.journal.schema import connect, pack
from abzero.types import Case, Task
from abzero.views.journal import Journal, SqlRow
from abzero.views.run_folders import ServedRun
from abzero.views.web import site
from abzero.views.web.app import address

PROPOSALS, ATTEMPTS, SAMPLES = 200, 1_800, 8
MODES = ("abduction", "deduction", "induction")
TEXTS = 2_000


def main() -> None:
    rollouts = int(sys.argv[1])
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp()) / f"synthetic-{rollouts}"
    folder.mkdir(parents=True, exist_ok=True)
    run = ServedRun(folder.name, folder)
    if not run.journal.exists():
        write(run.journal, rollouts // (PROPOSALS + ATTEMPTS))
    with closing(Journal(run.journal, 60.0)) as journal:
        last = journal.last_step() or 0
        task = str(
            journal.rows("SELECT task FROM proposal WHERE step = ? AND task IS NOT NULL LIMIT 1", last // 2)[0][0]
        )
    print(f"{rollouts:,} rollouts, {last:,} steps, {run.journal.stat().st_size / 1e6:,.0f} MB")
    pages = ["live", "steps", f"step/{last}", f"proposal/{last}/3", f"task/{task}", f"attempt/{last}/3", "curriculum"]
    for page in [*pages, "rejections", "lineage", "search?q=nothing", "search?q=return", "oversight", "config"]:
        times = [timed(run, page) for _ in range(6)]
        asked, whole = (statistics.median(column) for column in zip(*times[1:], strict=True))
        print(f"{page.split('/')[0]:16} questions {asked:7.1f} ms, page {whole:7.1f} ms")


class Timed(Journal):
    """A journal that adds up the CPU time of its questions, the unpacking of texts included."""

    spent = 0.0

    def rows(self, query: str, *values: str | int) -> list[SqlRow]:
        begun = time.thread_time()
        try:
            return super().rows(query, *values)
        finally:
            self.spent += time.thread_time() - begun


def timed(run: ServedRun, page: str) -> tuple[float, float]:
    """Milliseconds of CPU for the journal's answers, and from opening it to the page's HTML."""
    path, _, query = page.partition("?")
    name, *about = path.split("/")
    asked = dict([query.split("=")]) if query else {}
    begun = time.thread_time()
    with closing(Timed(run.journal, 60.0)) as journal:
        site.PAGES[name](site.ask(run, journal, lambda *rest, **more: address(run, *rest, **more), tuple(about), asked))
    return journal.spent * 1e3, (time.thread_time() - begun) * 1e3


def write(path: Path, steps: int) -> None:
    """A journal of `steps` steps."""
    rng = random.Random(0)
    with closing(connect(path, read_only=False)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        bodies = (f"def f(x):\n    y = x + {i}\n    return y * {rng.randrange(99)}\n" * 3 for i in range(TEXTS))
        rows = [(i + 1, 1, i.to_bytes(16, "big"), pack(body)) for i, body in enumerate(bodies)]
        rows.append((TEXTS + 1, 1, b"cases", pack('[["1", "2"]]')))
        rows += [(TEXTS + 2 + i, 1, b"reason", pack(f"raised {name}: 'x'")) for i, name in enumerate(REASONS)]
        connection.executemany("INSERT INTO text VALUES (?, ?, ?, ?)", rows)
        recent: list[str] = []
        for number in range(1, steps + 1):
            recent = step(connection, number, rng, recent)
        connection.execute("COMMIT")


REASONS = ("TypeError", "NameError", "ValueError", "IndexError")
_KINDS = (
    *("propose/valid", "propose/new", "propose/learnable", "propose/solve_rate", "propose/reward", "propose/unique"),
    *("solve/score", "solve/reward", "buffer/size"),
)
_NAMES = [f"{kind}/{mode}" for kind in _KINDS for mode in MODES]


def step(connection: sqlite3.Connection, number: int, rng: random.Random, recent: list[str]) -> list[str]:
    """Write one step; returns the tasks that the next may refer to."""
    connection.execute("INSERT INTO step VALUES (?)", (number,))
    tasks: dict[int, str] = {}
    proposals, lineage, attempts, rewards, terms = [], [], [], [], []

    def text() -> int:
        return rng.randrange(TEXTS) + 1

    for position in range(PROPOSALS):
        mode = MODES[position % 3]
        valid = rng.random() < 0.6
        if valid:
            tasks[position] = Task(mode, f"{number} {position}", (Case("1", "2"),)).id
            row = (tasks[position], number, mode, text(), TEXTS + 1, text())
            connection.execute("INSERT INTO task VALUES (?, ?, ?, ?, ?, ?)", row)
        error = None if valid else TEXTS + 2 + rng.randrange(len(REASONS))
        rate = rng.randrange(SAMPLES + 1) / SAMPLES if valid else None
        head = (number, position, mode, text(), text(), 100, "stop", number, tasks.get(position), error)
        proposals.append((*head, 1, rate, 0, int(valid), 0, 0.1))
        lineage += [(number, position, place, one) for place, one in enumerate(rng.sample(recent, min(6, len(recent))))]
        rewards.append((number, "propose", position, position, rng.gauss(0, 1)))
        terms += [
            (number, "propose", position, place, name, 0.5) for place, name in enumerate(("learnability", "format"))
        ]
    owners = [position for position in tasks for _ in range(SAMPLES)]
    known = [*tasks.values()]
    for position in range(ATTEMPTS):
        owner = owners[position] if position < len(owners) else None
        task = tasks[owner] if owner is not None else rng.choice(known)
        head = (number, position, task, text(), text(), 100, "stop", number, text())
        attempts.append((*head, float(rng.random() < 0.5), 1, owner))
        rewards.append((number, "solve", position, PROPOSALS + position, rng.gauss(0, 1)))
        terms.append((number, "solve", position, 0, "correct", 1.0))
    for table, rows in (("proposal", proposals), ("lineage", lineage), ("attempt", attempts), ("reward", rewards)):
        if rows:
            connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
    connection.executemany("INSERT INTO term VALUES (?, ?, ?, ?, ?, ?)", terms)
    connection.executemany("INSERT INTO metric VALUES (?, ?, ?)", [(number, name, rng.random()) for name in _NAMES])
    return (recent + known)[-4_000:]


if __name__ == "__main__":
    main()
