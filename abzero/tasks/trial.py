"""A trial of a prompt set: each role and mode asked once, by the code that the loop asks with."""

from collections.abc import Iterator, Sequence

from abzero.errors import ConfigError
from abzero.tasks.base import TaskType
from abzero.tasks.prompts import REQUIRED
from abzero.types import Case, Prompt, Task

TASK = Task("", "def f(w7):\n    return w7 + 'q3'", (Case("'k5'", "'k5q3'"), Case("'m8'", "'m8q3'")), "Adds a q3.")
"""A task in whose prompts each value can be found: no prompt says the like of itself."""


def check_prompts(types: Sequence[TaskType], name: str) -> None:
    """Raise `ConfigError`, with file and placeholder, if a prompt of the set `name` lacks what its role must know."""
    for task_type in types:
        for file, sent in _asked(task_type):
            shown = {
                "program": TASK.program,
                "references": TASK.program,
                "input": TASK.cases[0].input,
                "output": TASK.cases[0].output,
                "pairs": TASK.cases[0].output,
                "message": TASK.message,
            }
            inserted = sent[sent.begin : sent.end] if isinstance(sent, Prompt) else sent
            for placeholder in sorted(REQUIRED.get(file, ())):
                if shown[placeholder] not in inserted:
                    raise ConfigError(
                        f"tasks.prompts {name}/{file}.md does not show what ${placeholder} stands for: a trial with "
                        f"{shown[placeholder]!r} gave a prompt without it"
                    )


def _asked(task_type: TaskType) -> Iterator[tuple[str, str]]:
    yield f"propose_{task_type.mode}", task_type.propose([TASK])
    yield f"solve_{task_type.mode}", task_type.ask(TASK)
