"""`abzero grep RUN PATTERN --suite SUITE`: a regular expression over the answers to held-out problems."""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from abzero.text.thought import parted
from abzero.views.grep import Searched
from abzero.views.judged import Judgement, Row

PARTS = ("thought", "answer", "reason")
"""What is searched unless parts are named; ``prompt`` is the problem's text."""

VERDICTS = {"right": ("correct",), "wrong": ("wrong", "timeout"), "malformed": ("no_answer",)}
"""Verdicts by what attempts' are called."""


@dataclass(frozen=True, slots=True)
class AnswerHit:
    """A match: which sample it is in, and the words around it."""

    suite: str
    step: int | None
    id: str
    sample: int
    verdict: str
    part: str
    begin: int
    """Of the match within the part, in characters, like `end`."""
    end: int
    before: str
    found: str
    after: str


def in_samples(
    found: Sequence[Judgement], wanted: Sequence[str], verdicts: frozenset[str]
) -> Iterator[Searched[AnswerHit]]:
    """The parts that are `wanted` of every sample with one of the `verdicts`; none is every one."""
    for one in found:
        for row in one.rows():
            if not verdicts or row.verdict in verdicts:
                hit = functools.partial(AnswerHit, one.suite, one.step, row.id, row.sample, row.verdict)
                yield Searched(f"{one.suite} {row.id}", _texts(one, row, wanted), hit)


def _texts(one: Judgement, row: Row, wanted: Sequence[str]) -> Iterator[tuple[str, str]]:
    texts = one.texts(row)
    thought, behind = parted(texts.completion)
    thought, answer = ("", thought) if behind is None else (thought, behind)
    held = {"prompt": texts.problem, "thought": thought, "answer": answer, "reason": row.detail}
    yield from ((part, held[part]) for part in held if part in wanted)
