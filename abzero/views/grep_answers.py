"""`abzero grep RUN PATTERN --suite SUITE`: a regular expression over the answers to held-out problems."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import regex

from abzero.views.grep import around, spans
from abzero.views.judged import Judgement, Row
from abzero.views.rows import parts

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


@dataclass
class AnswerSearch:
    """A search under way: an iterator of hits that counts what it went through."""

    pattern: "regex.Pattern[str]"
    parts: Sequence[str]
    verdicts: frozenset[str]
    """Empty is every one."""
    seconds: float = 1.0
    """What one text may take."""
    rollouts: int = 0
    matched: int = 0
    hits: int = 0
    timeouts: list[str] = field(default_factory=list)

    def run(self, found: Sequence[Judgement]) -> Iterator[AnswerHit]:
        """The hits, in order. Raises `ConfigError` when the pattern takes too long again and again."""
        for one in found:
            for row in one.rows():
                if self.verdicts and row.verdict not in self.verdicts:
                    continue
                self.rollouts += 1
                before = self.hits
                for hit in self._hits(one, row):
                    self.matched += self.hits == before
                    self.hits += 1
                    yield hit

    def _hits(self, one: Judgement, row: Row) -> Iterator[AnswerHit]:
        texts = one.texts(row)
        thought, answer = parts(texts.completion) if "</think>" in texts.completion else ("", texts.completion)
        held = {"prompt": texts.problem, "thought": thought, "answer": answer, "reason": row.detail}
        for part in (part for part in held if part in self.parts):
            text = held[part]
            for begin, end in spans(self.pattern, text, self.seconds, self.timeouts, f"{one.suite} {row.id}"):
                yield AnswerHit(
                    one.suite, one.step, row.id, row.sample, row.verdict, part, begin, end, *around(text, begin, end)
                )
