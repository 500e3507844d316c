"""What becomes of scores, and of tasks that turn out to be none while answers to them are graded."""

from collections.abc import Sequence
from dataclasses import replace

from abzero.errors import ModelError, Unsteady
from abzero.tasks.buffer import Buffer
from abzero.types import Proposal, Rejection, Task


def settled(tasks: Sequence[Task], scores: Sequence[float | ModelError], buffer: Buffer) -> list[float | None]:
    """The scores of answers to `tasks`: ``None`` where an answer is malformed, 0 where its task is unsteady, which is
    then withdrawn from `buffer`.
    """
    for task, score in zip(tasks, scores, strict=True):
        if isinstance(score, Unsteady):
            buffer.withdraw(task)
    known = [0.0 if isinstance(score, Unsteady) else score for score in scores]
    return [None if isinstance(score, ModelError) else score for score in known]


def rated(proposal: Proposal, rate: float | None, buffer: Buffer) -> Proposal:
    """`proposal` with its solve rate, or rejected if the estimate showed that its task is none."""
    if proposal.task in buffer.withdrawn:
        return replace(proposal, outcome=Rejection("nondeterministic: two runs disagreed while answers were graded"))
    return replace(proposal, solve_rate=rate)


def withdrawals(buffer: Buffer) -> dict[str, float]:
    """How many tasks the step withdrew; forgets them."""
    count = len(buffer.withdrawn)
    buffer.withdrawn.clear()
    return {"buffer/withdrawn": float(count)}
