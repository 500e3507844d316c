"""False alarms on texts that models wrote: benchmarks/false_alarms.py TRIPLETS [RUN …] [--classifier HEAD] [--show].

TRIPLETS is a JSONL file of rows `program, inputs, message, verdicts` of real proposers; a RUN is read from its journal,
each distinct completion once. None of them is labelled: read what was flagged (--show) before you call it false.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from abzero.oversight import tiers
from abzero.oversight.measure import Proportion
from abzero.oversight.reading import Reading
from abzero.oversight.recorded import Recorded
from abzero.run.directory import RunFolder
from abzero.run.journal import JournalReader
from abzero.types import Case, Task


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("triplets", type=Path)
    parser.add_argument("runs", type=Path, nargs="*")
    parser.add_argument("--classifier", default="ngram")
    parser.add_argument("--show", action="store_true", help="print what was flagged")
    asked = parser.parse_args()
    built = tiers.build((0, 1, 2), "default", asked.classifier)
    corpora = {**corpora_of(asked.triplets), **{str(run): list(completions(run)) for run in asked.runs}}
    for name, readings in corpora.items():
        print(f"{name}: {len(readings)} distinct texts")
        for tier in built:
            found = {finding.position: finding for finding in tier.monitor(readings)}
            print(f"    {tier.name}: {Proportion(len(found), len(readings))}")
            for position, finding in found.items() if asked.show else ():
                text = readings[position].part(finding.part)[finding.begin : finding.end]
                print(f"        {finding.category}, severity {finding.severity}, {finding.source}: {text[:200]!r}")


def corpora_of(path: Path) -> dict[str, list[Reading]]:
    """Messages and programs as a proposer writes them, and read as if they were thoughts: T2 reads nothing else."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    messages = sorted({row["message"] for row in rows if row["message"]})
    programs = {row["program"]: row for row in rows}
    return {
        "messages": [reading(place, "", f"```message\n{text}\n```") for place, text in enumerate(messages)],
        "messages, as thoughts": [reading(place, text) for place, text in enumerate(messages)],
        "programs": [
            reading(place, "", f"```python\n{text}\n```", task_of(row))
            for place, (text, row) in enumerate(sorted(programs.items()))
        ],
        "programs, as thoughts": [reading(place, text) for place, text in enumerate(sorted(programs))],
    }


def task_of(row: dict[str, Sequence[str]]) -> Task:
    pairs = zip(row["inputs"], row["verdicts"], strict=True)
    cases = tuple(Case(given, verdict[1]) for given, verdict in pairs if verdict[0] == "ok")
    return Task("deduction", str(row["program"]), cases[:1])


def completions(run: Path) -> Iterator[Reading]:
    """Every distinct completion of a run, by its role and text."""
    seen = set()
    with closing(JournalReader(RunFolder(run).journal)) as reader:
        recorded = Recorded(reader)
        for step in recorded.steps():
            for one in recorded.readings(step):
                key = (one.role, one.thought, one.answer)
                if key not in seen:
                    yield Reading(0, one.role, len(seen), one.mode, "", one.thought, one.answer, one.event, one.task)
                    seen.add(key)


def reading(position: int, thought: str, answer: str = "", task: Task | None = None) -> Reading:
    return Reading(0, "propose", position, "induction", "", thought, answer, None, task)


if __name__ == "__main__":
    main()
