"""How a long run of the model in the box went: the plots and the table of docs/learning.md's 500 steps.

    python benchmarks/course.py RUN [--page FILE] [--json FILE]

By task type: what was proposed (valid, new, unique, operations, solve rates) and how it was solved (attempts that show
work, and those whose work is the whole program). A fifth of the run is a row; the page has every step. Not timed.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean

from abzero.evals.tiny import traced
from abzero.run.journal import JournalReader
from abzero.tasks import parsing
from abzero.tiny.splits import signature
from abzero.views.charts import Point, Series, line_chart
from abzero.views.html import html, joined
from abzero.views.report.page import mode_colours, page

FIFTHS = 5
LOGGED = {
    "valid": "propose/valid/",
    "new, of the valid": "propose/new/",
    "unique within the step": "propose/unique/",
    "mean solve rate": "propose/solve_rate/",
}
OPERATIONS, WORKED, WHOLE = "mean operations of the valid", "attempts that show work", "work that is the whole program"
ENTROPY = "entropy, nats a token"
SHARES = (*LOGGED, WORKED, WHOLE)
Curves = Mapping[tuple[str, str], list[Point]]
"""Points over steps, by figure and task type."""


def curves(reader: JournalReader) -> Curves:
    found: dict[tuple[str, str], list[Point]] = defaultdict(list)
    for name in reader.names():
        for title, prefix in LOGGED.items():
            if name.startswith(prefix):
                found[title, name.removeprefix(prefix)] = [(x, y) for x, y in reader.series(name) if x]
    found[ENTROPY, "all"] = [(x, y) for x, y in reader.series("learner/entropy") if x]
    lengths: dict[tuple[str, int], list[int]] = defaultdict(list)
    for one in reader.summaries():
        if one.task and one.step:
            lengths[one.mode, one.step].append(len(signature(one.program or "") or ()))
    for (mode, step), counts in sorted(lengths.items()):
        found[OPERATIONS, mode].append((step, fmean(counts)))
    for step in filter(None, reader.steps()):
        rows: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
        for attempt in reader.attempts(step):
            worked = bool(parsing.thought(attempt.completion))
            rows[attempt.mode].append((worked, worked and traced(reader.task(attempt.task), attempt.completion)))
        for mode, flags in sorted(rows.items()):
            found[WORKED, mode].append((step, fmean(worked for worked, _ in flags)))
            found[WHOLE, mode].append((step, fmean(whole for _, whole in flags)))
    return found


def fifths(points: list[Point], last: int) -> list[float]:
    parts: dict[int, list[float]] = defaultdict(list)
    for step, value in points:
        parts[int(step - 1) * FIFTHS // last].append(value)
    return [fmean(parts[part]) if parts[part] else float("nan") for part in range(FIFTHS)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--page", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    reader = JournalReader(given.run / "run.db")
    last, found = reader.last_step() or 1, curves(reader)
    reader.close()
    rows = {f"{mode}: {title}": fifths(points, last) for (title, mode), points in sorted(found.items())}
    ends = [last * (part + 1) // FIFTHS for part in range(FIFTHS)]
    print(f"{'mean up to step':48}" + "".join(f"{end:8}" for end in ends))
    for name, values in rows.items():
        print(f"{name:48}" + "".join(f"{value:8.2f}" for value in values))
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    if given.page:
        titles = list(dict.fromkeys(title for title, _ in found))
        modes = sorted({mode for _, mode in found})
        colours = mode_colours(modes)
        charts = [
            line_chart(
                title,
                [Series(mode, found[title, mode], colours[mode]) for mode in modes if (title, mode) in found],
                (1.0, float(last)),
                share=title in SHARES,
            )
            for title in titles
        ]
        body = html('<section><div class="grid3">{charts}</div></section>', charts=joined(charts))
        given.page.write_text(str(page(f"{last} steps of the model in the box", body)), encoding="utf-8")


if __name__ == "__main__":
    main()
