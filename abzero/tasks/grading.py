"""What becomes of scores, and of tasks that turn out to be none while answers to them are graded."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from abzero.errors import ModelError, Unsteady
from abzero.tasks.buffer import Buffer
from abzero.types import Attempt, Proposal, Rejection, Task


def settled(tasks: Sequence[Task], scores: Sequence[float | ModelError], buffer: Buffer) -> list[float | None]:
    """The scores of answers to `tasks`: ``None`` where an answer is malformed, 0 where its task is unsteady, which is
    then withdrawn from `buffer`.
    """
    for task, score in zip(tasks, scores, strict=True):
        if isinstance(score, Unsteady):
            buffer.withdraw(task)
    known = [0.0 if isinstance(score, Unsteady) else score for score in scores]
    return [None if isinstance(score, ModelError) else score for score in known]


def rated(proposals: Sequence[Proposal], attempts: Sequence[Attempt], buffer: Buffer) -> list[Proposal]:
    """The proposals with their solve rates: mean scores of the attempts that estimate them.

    Rejected are those whose tasks were withdrawn from `buffer` meanwhile, and those of which no answer could be graded.
    """
    scores: dict[int, list[float]] = defaultdict(list)
    faults: dict[int, str] = {}
    for attempt in attempts:
        if attempt.proposal is not None and attempt.fault:
            faults[attempt.proposal] = attempt.fault
        elif attempt.proposal is not None:
            scores[attempt.proposal].append(attempt.score or 0.0)
    return [
        _rated(proposal, scores.get(position, []), faults.get(position, ""), buffer)
        for position, proposal in enumerate(proposals)
    ]


def _rated(proposal: Proposal, scores: Sequence[float], fault: str, buffer: Buffer) -> Proposal:
    if proposal.task in buffer.withdrawn:
        return replace(proposal, outcome=Rejection("nondeterministic: two runs disagreed while answers were graded"))
    if fault and not scores:
        return replace(proposal, outcome=Rejection("no answer could be graded", ours=True, fault=fault))
    return replace(proposal, solve_rate=sum(scores) / len(scores)) if scores else proposal


def withdrawals(buffer: Buffer) -> dict[str, float]:
    """How many tasks the step withdrew; forgets them."""
    count = len(buffer.withdrawn)
    buffer.withdrawn.clear()
    return {"buffer/withdrawn": float(count)}
