"""The figures of one step: what `docs/metrics.md` explains. Pure, but for the stopwatch."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from abzero.python.source import states
from abzero.tasks import parsing
from abzero.types import Attempt, Experience, Proposal, Rollout, Task

T = TypeVar("T")


def measure(
    proposals: Sequence[Proposal],
    attempts: Sequence[Attempt],
    experiences: Sequence[Experience],
    sizes: Mapping[str, int],
    learned: Mapping[str, float],
    answer: Callable[[Task], str],
) -> dict[str, float]:
    """Everything about a step that does not depend on the clock; `answer` is what a task asks for."""
    figures = {f"buffer/size/{mode}": float(size) for mode, size in sizes.items()}
    figures |= {name if "/" in name else f"learner/{name}": value for name, value in learned.items()}
    for mode, rows in _by_mode((p for p in proposals if not p.excluded), lambda proposal: proposal.mode):
        valid = [proposal for proposal in rows if proposal.task]
        rates = [proposal.solve_rate for proposal in valid if proposal.solve_rate is not None]
        figures[f"propose/valid/{mode}"] = len(valid) / len(rows)
        figures[f"propose/well_formed/{mode}"] = _mean(proposal.well_formed for proposal in rows)
        if valid:
            hinted = [states(proposal.task.program, answer(proposal.task)) for proposal in valid if proposal.task]
            figures[f"propose/answer_in_comments/{mode}"] = _mean(hinted)
            figures[f"propose/new/{mode}"] = _mean(proposal.new for proposal in valid)
            figures[f"propose/unique/{mode}"] = len({proposal.task for proposal in valid}) / len(valid)
        if rates:
            figures[f"propose/solve_rate/{mode}"] = _mean(rates)
            figures[f"propose/learnable/{mode}"] = _mean(0.0 < rate < 1.0 for rate in rates)
    faults = Counter(r.fault for p in proposals if (r := p.rejection) and r.fault)
    faults.update(attempt.fault for attempt in attempts if attempt.fault)
    figures |= {f"fault/{name}": float(count) for name, count in sorted(faults.items())}
    attempts = [attempt for attempt in attempts if not attempt.fault]
    for mode, drawn in _by_mode((a for a in attempts if a.proposal is None), lambda attempt: attempt.task.mode):
        figures[f"solve/score/{mode}"] = _mean(attempt.score or 0.0 for attempt in drawn)
        figures[f"solve/malformed/{mode}"] = _mean(a.score is None or not a.well_formed for a in drawn)
    for mode, tried in _by_mode(attempts, lambda attempt: attempt.task.mode):
        figures[f"solve/has_cot/{mode}"] = _mean(bool(parsing.thought(attempt.rollout.text)) for attempt in tried)
    for name, earned in _by_mode(experiences, lambda row: f"{row.role}/reward/{row.mode}"):
        figures[name] = _mean(row.reward for row in earned)
    figures |= _lengths("propose", [proposal.rollout for proposal in proposals])
    figures |= _lengths("solve", [attempt.rollout for attempt in attempts])
    return figures | _groups(experiences) | _repeats(proposals, experiences)


def speed(seconds: Mapping[str, float], proposals: Sequence[Proposal], attempts: Sequence[Attempt]) -> dict[str, float]:
    """`seconds` and the rate of sampled tokens over the time spent sampling."""
    sampling = sum(seconds.get(f"seconds/{name}", 0.0) for name in ("propose", "estimate", "solve"))
    rollouts = [*(proposal.rollout for proposal in proposals), *(attempt.rollout for attempt in attempts)]
    tokens = sum(len(rollout.tokens) for rollout in rollouts)
    return {**seconds, "tokens_per_second": tokens / sampling} if sampling else dict(seconds)


def _lengths(role: str, rollouts: Sequence[Rollout]) -> dict[str, float]:
    if not rollouts:
        return {}
    return {
        f"{role}/tokens": _mean(len(rollout.tokens) for rollout in rollouts),
        f"{role}/truncated": _mean(rollout.finish == "length" for rollout in rollouts),
    }


def _groups(experiences: Sequence[Experience]) -> dict[str, float]:
    """Share of the normalisation's (role, mode) groups in which all rewards are equal: they teach nothing."""
    groups = [rows for _, rows in _by_mode(experiences, lambda row: f"{row.role} {row.mode}")]
    if not groups:
        return {}
    return {"advantage/zero_groups": _mean(len({row.reward for row in rows}) == 1 for rows in groups)}


def _repeats(proposals: Sequence[Proposal], experiences: Sequence[Experience]) -> dict[str, float]:
    """Share of the proposals' positive advantage that programs offered before have: these are made likelier again."""
    praised = [row for row in experiences if row.role == "propose" and row.advantage > 0]
    total = sum(row.advantage for row in praised)
    if not total:
        return {}
    repeated = sum(row.advantage for row in praised if proposals[row.source[1]].novelty.repeats)
    return {"advantage/repeats": repeated / total}


def _by_mode(rows: Iterable[T], key: Callable[[T], str]) -> Iterator[tuple[str, list[T]]]:
    groups: dict[str, list[T]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    yield from sorted(groups.items())


def _mean(values: Iterable[float]) -> float:
    values = list(values)
    return sum(values) / len(values)


def unheard(phase: str, count: int) -> None:
    """Tells nobody that a phase began."""


class Stopwatch:
    """Seconds spent under each name since the last `read`; `begun` is told of each phase, and of how many it is."""

    def __init__(
        self, clock: Callable[[], float] = time.perf_counter, begun: Callable[[str, int], None] = unheard
    ) -> None:
        self._clock = clock
        self._begun = begun
        self._since = clock()
        self._spent: dict[str, float] = defaultdict(float)

    @contextmanager
    def __call__(self, name: str, count: int = 0) -> Iterator[None]:
        self._begun(name, count)
        begun = self._clock()
        try:
            yield
        finally:
            self._spent[name] += self._clock() - begun

    def read(self) -> dict[str, float]:
        """``seconds/NAME`` for every name, and ``seconds/step`` for all the time since the last reading."""
        now = self._clock()
        figures = {f"seconds/{name}": spent for name, spent in self._spent.items()} | {
            "seconds/step": now - self._since
        }
        self._since = now
        self._spent.clear()
        return figures
