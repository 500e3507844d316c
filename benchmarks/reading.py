"""What a run would have had if proposals were read otherwise: benchmarks/reading.py RUN [RUN ...].

Every proposal of a run's journal is constructed again, in a sandbox, from three texts: its answer (what training does);
the whole completion; and, of programs with one input, what the reference takes: the first fence of any language and the
first that is labelled input. Counted is which of two ways finds a valid task, and whether it is the same one.
"""

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from abzero.config import build
from abzero.config.load import from_json
from abzero.errors import ModelError
from abzero.run.journal.reader import JournalReader
from abzero.sandbox.base import Sandbox
from abzero.sandbox.run import Check, run_checks
from abzero.tasks import parsing
from abzero.tasks.base import TaskType
from abzero.types import Task

_CODE = re.compile(r"```[^\n`]*\n(.*?)\n?```", re.DOTALL)
_INPUT = re.compile(r"```input\s*\n(.*?)\n?```|# Input:[ \t]*([^\n]*)", re.DOTALL | re.IGNORECASE)

Proposal = tuple[TaskType, str, bool, Sequence[Task]]


def by_first_fences(completion: str) -> str:
    """A triplet as the reference finds it, written down as an answer; '' where it finds none."""
    code, given = _CODE.search(completion), _INPUT.search(completion)
    if code is None or given is None:
        return ""
    return f"```python\n{code[1]}\n```\n```input\n{given[1] or given[2] or ''}\n```"


def proposals(run: Path) -> Iterator[Proposal]:
    config = from_json((run / "config.json").read_text())
    types = {kind.mode: kind for kind in build.task_types(config.tasks)}
    with closing(JournalReader(run / "run.db")) as journal:
        for step in journal.steps():
            for one in journal.proposals(step):
                references = [journal.task(name) for name in one.references]
                if references or not types[one.mode].needs_reference:
                    yield types[one.mode], one.completion, one.well_formed, references


def constructed(found: Sequence[Proposal], read: Callable[[str], str], box: Sandbox) -> list[Task | ModelError]:
    checks: list[Check[Task] | ModelError] = []
    for kind, completion, _, references in found:
        try:
            checks.append(kind.construct(read(completion), references))
        except ModelError as error:
            checks.append(error)
    return run_checks(checks, box)


def compared(ours: Task | ModelError, theirs: Task | ModelError) -> str:
    match isinstance(ours, Task), isinstance(theirs, Task):
        case True, True:
            return "the same task" if ours == theirs else "two different tasks"
        case True, False:
            return "the answer's alone"
        case False, True:
            return "the other's alone"
        case _:
            return "no task"


def main() -> None:
    names = [Path(name) for name in sys.argv[1:]] or sys.exit(__doc__)
    with build.sandbox(from_json((names[0] / "config.json").read_text()).sandbox, 0) as box:
        found = [proposal for name in names for proposal in proposals(name)]
        triplets = [proposal for proposal in found if not proposal[0].needs_reference]
        ways = {
            "whole completion": (found, lambda completion: completion),
            "first fences, of triplets": (triplets, by_first_fences),
        }
        for way, (these, read) in ways.items():
            pairs = zip(constructed(these, parsing.answer, box), constructed(these, read, box), strict=True)
            shapes = ["well-formed" if well else "not well-formed" for _, _, well, _ in these]
            counted = Counter(zip(shapes, (compared(*pair) for pair in pairs), strict=True))
            print(f"{way}: {len(these)} proposals")
            for (shape, result), count in sorted(counted.items()):
                print(f"  {shape:16} {result:20} {count:6}")


if __name__ == "__main__":
    main()
