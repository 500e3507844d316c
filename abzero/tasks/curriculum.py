"""What a step draws from the buffer: references for the proposer, tasks for the solver."""

import random
from collections.abc import Callable, Sequence

from abzero.tasks import TaskType
from abzero.tasks.buffer import Buffer
from abzero.types import Task


def draw_references(
    task_type: TaskType, buffer: Buffer, most: int, fits: Callable[[str], bool], rng: random.Random
) -> tuple[tuple[Task, ...], str] | None:
    """At most `most` references, without replacement, and the prompt that shows them; ``None`` if no prompt fits.

    A prompt that is too long is drawn again, then with fewer and fewer references: every path ends.
    """
    most = 1 if task_type.needs_reference else most
    for count in (most, most, *range(most - 1, -1, -1)):
        references = tuple(buffer.sample(task_type.sources, count, rng))
        if (references or not task_type.needs_reference) and fits(prompt := task_type.propose(references)):
            return references, prompt
    return None


def draw_tasks(mode: str, buffer: Buffer, fresh: Sequence[Task], count: int, rng: random.Random) -> list[Task]:
    """`count` tasks of `mode`: those of `fresh` first, then old ones from `buffer`, without replacement."""
    new = [task for task in fresh if task.mode == mode]
    new = rng.sample(new, min(count, len(new)))
    return new + buffer.sample([mode], count - len(new), rng, without=frozenset(task.id for task in new))
