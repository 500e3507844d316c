"""Single tasks worth telling: the hardest one solved with the family it descends from, and a sample of proposals."""

from collections.abc import Sequence
from dataclasses import dataclass

from abzero.python.language import PYTHON
from abzero.run.journal import Attempted, JournalReader, ProposalSummary, Proposed
from abzero.types import Task
from abzero.views.report.gather import statements

_GENERATIONS = 8


@dataclass(frozen=True)
class Card:
    """A proposal with its task and the attempts that estimated its solve rate."""

    proposed: Proposed
    task: Task | None
    attempts: Sequence[Attempted]


@dataclass(frozen=True)
class Ancestor:
    """A task on the way back from a task to a seed, which has no solve rate."""

    step: int
    task: Task
    solve_rate: float | None


def sample(reader: JournalReader, step: int, size: int = 10) -> list[Card]:
    """Proposals of `step`, evenly spaced over all of them."""
    proposals = reader.proposals(step)
    attempts = reader.attempts(step)
    count = min(size, len(proposals))
    chosen = [proposals[index * len(proposals) // count] for index in range(count)]
    return [
        Card(
            proposed,
            reader.task(proposed.task) if proposed.task else None,
            [attempt for attempt in attempts if attempt.proposal == proposed.position],
        )
        for proposed in chosen
    ]


def hardest(summaries: Sequence[ProposalSummary]) -> ProposalSummary | None:
    """The task with the lowest solve rate above 0; among equals the longest, then the first."""
    solved = [summary for summary in summaries if summary.solve_rate and summary.program is not None]
    return min(solved, key=lambda one: (one.solve_rate, -statements(one.program or ""), one.step), default=None)


def family(reader: JournalReader, task: str) -> list[Ancestor]:
    """From `task` (a whole id) back to a seed, each time by the reference whose program is the nearest."""
    line: list[Ancestor] = []
    known = {task}
    while len(line) < _GENERATIONS:
        made = reader.proposals_of(task)[:1]
        here = reader.task(task)
        line.append(Ancestor(reader.first_seen(task), here, made[0].solve_rate if made else None))
        references = [reader.task(reference) for reference in (made[0].references if made else ())]
        new = [reference for reference in references if reference.id not in known]
        if not new:
            break
        task = min(new, key=lambda reference: PYTHON.distance(here.program, reference.program)).id
        known.add(task)
    return line
