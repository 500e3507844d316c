"""What a run's proposer offered, by number of operations, over the quarters of the run: the ladder of docs/learning.md.

    python benchmarks/ladder.py RUN [--json FILE]

Counts valid proposals of deduction (their programs are the nursery's own) and their mean solve rates; not timed.
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path
from statistics import fmean

from abzero.run.journal import JournalReader
from abzero.tiny.splits import signature

QUARTERS = 4


def ladder(run: Path) -> list[dict[str, float]]:
    reader = JournalReader(run / "run.db")
    last = reader.last_step() or 0
    rates: dict[tuple[int, int], list[float]] = defaultdict(list)
    for proposed in reader.summaries():
        if proposed.mode == "deduction" and proposed.program and proposed.solve_rate is not None and proposed.step:
            k = len(signature(proposed.program) or ())
            rates[(proposed.step - 1) * QUARTERS // last + 1, k].append(proposed.solve_rate)
    reader.close()
    return [
        {"quarter": quarter, "k": k, "n": len(found), "solve_rate": round(fmean(found), 3)}
        for (quarter, k), found in sorted(rates.items())
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows = ladder(given.run)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print(
        "quarter  " + "".join(f"k={k:<11}" for k in range(8)) + "(proposals, mean solve rate; k=0: not of the grammar)"
    )
    cells = {(row["quarter"], row["k"]): f"{row['n']} {row['solve_rate']:.2f}" for row in rows}
    for quarter in range(1, QUARTERS + 1):
        print(f"{quarter:<9}" + "".join(f"{cells.get((quarter, k), '-'):<13}" for k in range(8)))


if __name__ == "__main__":
    main()
