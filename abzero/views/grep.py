"""`abzero grep`: a regular expression over texts that have an address, in bounded time; and over those of a run."""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import regex

from abzero.errors import ConfigError
from abzero.run.journal import Attempted, JournalReader, Proposed
from abzero.text.thought import parted
from abzero.types import ROLES, Role
from abzero.views.rows import verdict

MOST_TIMEOUTS = 10
"""Texts that may take longer before the search ends."""
LONGEST_PATTERN = 10_000
AROUND = 60
"""Characters shown before and after what was found."""
HitT = TypeVar("HitT")

PARTS = ("thought", "answer", "program", "reason")
"""What is searched unless parts are named. ``prompt`` is a part, too: it repeats programs that it shows."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rollouts, and which of their texts, are searched."""

    roles: Sequence[Role] = ROLES
    modes: frozenset[str] = frozenset()
    """Empty is every one, as in the next two."""
    verdicts: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    """Only rollouts in which a monitor found something of such a category."""
    parts: Sequence[str] = PARTS


@dataclass(frozen=True, slots=True)
class Hit:
    """A match: where it stands, and the words around it."""

    step: int
    role: Role
    position: int
    mode: str
    verdict: str
    part: str
    begin: int
    """Of the match within the part, in characters, like `end`."""
    end: int
    before: str
    found: str
    after: str


@dataclass(frozen=True, slots=True)
class Searched(Generic[HitT]):
    """A rollout to search: its texts by part, and what a match in one of them becomes."""

    place: str
    texts: Iterable[tuple[str, str]]
    hit: Callable[[str, int, int, str, str, str], HitT]


@dataclass
class Search:
    """A search under way: an iterator of hits that counts what it went through."""

    pattern: "regex.Pattern[str]"
    seconds: float = 1.0
    """What one text may take."""
    rollouts: int = 0
    matched: int = 0
    """Rollouts with at least one hit."""
    hits: int = 0
    timeouts: list[str] = field(default_factory=list)
    """The places of texts that took too long."""

    def run(self, found: Iterable[Searched[HitT]]) -> Iterator[HitT]:
        """The hits, in order. Raises `ConfigError` when the pattern takes too long again and again."""
        for one in found:
            self.rollouts += 1
            before = self.hits
            for part, text in one.texts:
                for begin, end in self._spans(text, one.place):
                    self.matched += self.hits == before
                    self.hits += 1
                    yield one.hit(part, begin, end, *around(text, begin, end))

    def _spans(self, text: str, place: str) -> list[tuple[int, int]]:
        try:
            return [match.span() for match in self.pattern.finditer(text, timeout=self.seconds) if match[0]]
        except TimeoutError as error:
            self.timeouts.append(place)
            if len(self.timeouts) >= MOST_TIMEOUTS:
                raise ConfigError(
                    f"pattern {self.pattern.pattern!r} took over {self.seconds:g} s on each of {MOST_TIMEOUTS} texts: "
                    "write it without nested repetition, such as (a+)+"
                ) from error
            return []


def in_rollouts(reader: JournalReader, steps: Iterable[int], wanted: Wanted) -> Iterator[Searched[Hit]]:
    """What is `wanted` of a run's rollouts, in order. Raises `ConfigError` at their end if a mode has none."""
    seen = set[str]()
    for step in steps:
        flagged = {(f.role, f.position) for f in reader.findings(step) if f.category in wanted.categories}
        for role in wanted.roles:
            for record in reader.proposals(step) if role == "propose" else reader.attempts(step):
                seen.add(record.mode)
                judged = verdict(record)
                if (
                    (not wanted.modes or record.mode in wanted.modes)
                    and (not wanted.verdicts or judged in wanted.verdicts)
                    and (not wanted.categories or (role, record.position) in flagged)
                ):
                    hit = functools.partial(Hit, step, role, record.position, record.mode, judged)
                    yield Searched(f"{role} {step}/{record.position}", _texts(reader, record, wanted.parts), hit)
    if seen and (unknown := sorted(wanted.modes - seen)):
        raise ConfigError(f"--mode '{unknown[0]}' has no rollouts here; others have: {', '.join(sorted(seen))}")


def _texts(reader: JournalReader, record: Proposed | Attempted, wanted: Sequence[str]) -> Iterator[tuple[str, str]]:
    thought, answer = parted(record.completion)
    texts = {"prompt": record.prompt, "thought": thought, "answer": answer or ""}
    yield from ((part, texts[part]) for part in texts if part in wanted)
    if isinstance(record, Proposed):
        if record.task and "program" in wanted:
            task = reader.task(record.task)
            yield "program", f"{task.program}\n{task.message}" if task.message else task.program
        if record.error is not None and "reason" in wanted:
            yield "reason", record.error


def around(text: str, begin: int, end: int) -> tuple[str, str, str]:
    """What stands before a match, the match, and what stands after it."""
    return text[max(begin - AROUND, 0) : begin], text[begin:end], text[end : end + AROUND]


def compiled(pattern: str, ignore_case: bool = False) -> "regex.Pattern[str]":
    """`pattern`, ready. Raises `ConfigError`, with the place where it is wrong."""
    if len(pattern) > LONGEST_PATTERN:
        raise ConfigError(f"a pattern of {len(pattern):,} characters: shorten it to {LONGEST_PATTERN:,}")
    try:
        return regex.compile(pattern, regex.MULTILINE | (regex.IGNORECASE if ignore_case else 0))
    except (regex.error, RecursionError, OverflowError) as error:
        raise ConfigError(f"pattern {pattern[:200]!r} is no regular expression: {error}") from error


def steps_of(words: str | None, held: Sequence[int]) -> list[int]:
    """Those of the steps `held` that ``12``, ``10..20``, ``10..`` or ``..20`` names. Raises `ConfigError`."""
    if words is None:
        return list(held)
    first, dots, last = words.partition("..")
    last = last if dots else first
    if not first + last or not all(not end or (end.isdecimal() and end.isascii()) for end in (first, last)):
        raise ConfigError(f"--step '{words[:80]}' is no range: give --step 12, --step 10..20, --step 10.. or ..20")
    low, high = float(first or 0), float(last or "inf")
    found = [step for step in held if low <= step <= high]
    if not found:
        there = f"{held[0]} to {held[-1]}" if held else "none yet"
        raise ConfigError(f"--step {words}: there is no such step here; there are {there}")
    return found
