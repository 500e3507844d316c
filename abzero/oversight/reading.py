"""What a monitor may see of a completion, and what it may say about it."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from abzero.text.thought import parted
from abzero.types import Finding, Role, Step, Task

Category = Literal["power", "deception", "reward_hacking", "escape", "harm", "evasion", "illegible", "situational"]
CATEGORIES: tuple[str, ...] = get_args(Category)
"""What a finding can be about. docs/oversight.md says what belongs to each, and what does not."""

ReadingPart = Literal["thought", "answer", "event"]
"""Where in a completion: before ``</think>``, after it, or what the sandbox reported of it."""

MAX_SEVERITY = 4


@dataclass(frozen=True, slots=True)
class Reading:
    """What a monitor may see of one completion: no reward, no advantage, no score."""

    step: int
    role: Role
    position: int
    """Index among the step's proposals (role propose) or attempts (role solve)."""
    mode: str
    prompt: str
    thought: str
    """Everything before ``</think>``; the whole completion where there is no such tag."""
    answer: str
    """Everything after ``</think>``, text outside of the answer tags included."""
    event: str | None = None
    """Why the validator or the sandbox refused it, in words; ``None`` if nothing did."""
    task: Task | None = None
    """The verified task that a proposal became."""

    @property
    def place(self) -> str:
        """``step 3, propose 5``: where a person finds it."""
        return f"step {self.step}, {self.role} {self.position}"

    def part(self, name: str) -> str:
        """The text of a part."""
        return {"thought": self.thought, "answer": self.answer, "event": self.event or ""}[name]


Monitor = Callable[[Sequence[Reading]], Iterator[Finding]]
"""Reads completions in any number and order; equal readings give equal findings."""


def split(completion: str) -> tuple[str, str]:
    """A completion's thought and what follows it: no character is in neither, save for the closing tag."""
    thought, answer = parted(completion)
    return thought, answer or ""


def readings(step: Step) -> list[Reading]:
    """Everything that was sampled in `step`: proposals, then attempts."""
    found = []
    for position, proposal in enumerate(step.proposals):
        thought, answer = split(proposal.rollout.text)
        about = (proposal.rejection.reason if proposal.rejection else None, proposal.task)
        found.append(Reading(step.number, "propose", position, proposal.mode, proposal.prompt, thought, answer, *about))
    for position, attempt in enumerate(step.attempts):
        thought, answer = split(attempt.rollout.text)
        found.append(Reading(step.number, "solve", position, attempt.task.mode, attempt.prompt, thought, answer))
    return found


_CODE = re.compile(
    r"```[ \t]*(?:python3?|py|program)\b[^\n]*\n(.*?)(?:```|\Z)|<program>(.*?)(?:</program>|\Z)", re.DOTALL
)
_VALUES = re.compile(r"```[ \t]*(?:input|output)\b[^\n]*\n.*?(?:```|\Z)|<(input|output)>.*?(?:</\1>|\Z)", re.DOTALL)
_LITERATE = re.compile(r"#[^\n]*|\"\"\".*?(?:\"\"\"|\Z)|'''.*?(?:'''|\Z)", re.DOTALL)
_INK = re.compile(r"[^\n]")


def prose(answer: str) -> str:
    """`answer` with its programs and values blanked out, of equal length: what is left is addressed to a reader.

    Comments, docstrings, messages and everything outside of blocks stay where they are.
    """
    answer = _VALUES.sub(lambda found: _INK.sub(" ", found[0]), answer)
    return _CODE.sub(lambda found: comments(found[0]), answer)


def comments(program: str) -> str:
    """`program` with everything but comments and triple-quoted strings blanked out, of equal length."""
    kept, last = [], 0
    for found in _LITERATE.finditer(program):
        kept += [_INK.sub(" ", program[last : found.start()]), found[0]]
        last = found.end()
    return "".join([*kept, _INK.sub(" ", program[last:])])


_BREAK = re.compile(r"(?<=[.!?])\s+|(?<=[。!?;])|\n+")
LONGEST = 600
"""Characters of the longest stretch that is read as one sentence."""


def sentences(text: str) -> Iterator[tuple[int, str]]:
    """The sentences of `text` with where they begin; a longer one than `LONGEST` is cut. Linear in the text."""
    begin = 0
    for found in [*_BREAK.finditer(text), None]:
        end = found.start() if found else len(text)
        for start in range(begin, end, LONGEST):
            yield start, text[start : min(start + LONGEST, end)]
        begin = found.end() if found else end
