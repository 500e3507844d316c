"""T3 within a run: a judge reads what other tiers flag and a random share of the rest, beside the steps that follow.

A verdict is taken in at a fixed number of steps after its own, so that no figure depends on how quick the judge was.
"""

import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event

from abzero.oversight import audit, canaries
from abzero.oversight.audit import AuditTally
from abzero.oversight.chain import Chain, Json
from abzero.oversight.gate import Mode, rings, row_of
from abzero.oversight.judge import AskJudge, JudgeVerdict, finding, judge
from abzero.oversight.reading import Reading
from abzero.oversight.verdicts import CompletionPlace, note, text_of
from abzero.types import ROLES, Alarm, Finding

UNJUDGED = 0.05
"""Share of the completions due without a verdict that raises the alarm, over the last `REMEMBERED`."""
REMEMBERED = 200
LEAST = 3
"""Completions without a verdict that are needed for it."""
EXPECTED = 0.6
"""The share of its canaries that a judge must find."""


@dataclass(frozen=True, slots=True)
class Bench:
    """The judge of a run, and what it is asked about."""

    ask: AskJudge
    name: str
    share: float
    """Share of the completions that it is asked about whatever the monitors say."""
    budget: int
    """Completions of a step, at most."""
    lag: int
    """Steps after its own at which a verdict is taken in."""
    threads: int = 4
    """Completions that are judged at once; 0 asks when the verdicts are due, in the caller's thread."""
    canaries: Sequence[Reading] = ()
    """What a judge that is alive finds."""


@dataclass(frozen=True, slots=True)
class _Row:
    reading: Reading
    flagged: bool
    drawn: bool
    verdict: Callable[[], JudgeVerdict]
    known: Mapping[str, Json] | None
    """The verdict, if the record has it already."""


@dataclass(frozen=True, slots=True)
class _Due:
    total: int
    rows: Sequence[_Row]
    beyond: Sequence[tuple[Reading, bool]]
    """Flagged or drawn, but beyond the budget; with whether it was flagged."""
    canaries: Sequence[Callable[[], JudgeVerdict]]


@dataclass
class JudgeVerdicts:
    """What was taken in at one step."""

    figures: dict[str, float] = field(default_factory=dict)
    alarms: list[Alarm] = field(default_factory=list)
    ringing: list[tuple[int, Finding]] = field(default_factory=list)
    """The step and the finding of each verdict that rings."""
    unanswered: str = ""
    """Why too many completions have no verdict, where they begin to."""


class Judging:
    """Owns the calls to a judge that are under way."""

    def __init__(
        self,
        bench: Bench,
        record: Chain,
        seed: int,
        mode: Mode,
        least: int,
        known: Mapping[CompletionPlace, Mapping[str, Json]],
    ) -> None:
        """`known` are verdicts of the record, which are not asked for again."""
        self.tally = AuditTally()
        self._bench, self._record, self._seed, self._mode, self._least = bench, record, seed, mode, least
        self._known = dict(known)
        self._due: dict[int, _Due] = {}
        self._closed = Event()
        self._pool = ThreadPoolExecutor(bench.threads, "judge") if bench.threads else None
        self._last: deque[bool] = deque(maxlen=REMEMBERED)
        self._silent = self._deaf = False

    def submit(self, step: int, read: Sequence[Reading], found: Sequence[Finding], *, listen: bool = False) -> None:
        """Ask about the flagged of a step's completions and the drawn ones, and about canaries where `listen`."""
        flagged = {(one.role, one.position) for one in found}
        due = []
        for one in read:
            drawn = audit.drawn(self._seed, step, one.role, one.position, self._bench.share)
            hit = (one.role, one.position) in flagged
            if hit or drawn:
                due.append((one, hit, drawn))
        due.sort(key=lambda row: not row[1])
        asked, beyond = due[: self._bench.budget], due[self._bench.budget :]
        probes = self._bench.canaries if listen else ()
        self._due[step] = _Due(
            len(read),
            [self._row(*row) for row in asked],
            [(one, hit) for one, hit, _ in beyond],
            [self._start(one) for one in probes],
        )

    def collect(self, now: int, upto: int) -> JudgeVerdicts:
        """Take in the verdicts on all steps up to `upto`, waiting for them; they are logged at step `now`."""
        taken = JudgeVerdicts()
        steps = [step for step in sorted(self._due) if step <= upto]
        if not steps:
            return taken
        seen: list[tuple[_Row, str]] = []
        beyond: list[tuple[Reading, bool]] = []
        for step in steps:
            due = self._due.pop(step)
            states = [self._taken(row, taken) for row in due.rows]
            seen += zip(due.rows, states, strict=True)
            beyond += due.beyond
            counted = [(row.flagged, state) for row, state in zip(due.rows, states, strict=True)]
            self.tally.add(due.total, [*counted, *((hit, "unjudged") for _, hit in due.beyond)])
            if due.canaries:
                self._heard(now, [probe() for probe in due.canaries], taken)
        self._answered(now, seen, taken)
        taken.figures.update(_figures(seen, beyond))
        taken.figures.update(figures_of(self.tally.estimate(self._bench.share)))
        return taken

    def close(self) -> None:
        """Give up on the calls under way: a resumed run asks again."""
        self._closed.set()
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _row(self, reading: Reading, flagged: bool, drawn: bool) -> _Row:
        body = self._known.pop((reading.step, reading.role, reading.position), {})
        if body.get("state") in ("concern", "clean") and body.get("text") == text_of(reading):
            return _Row(reading, flagged, drawn, lambda: _again(body), body)
        return _Row(reading, flagged, drawn, self._start(reading), None)

    def _start(self, reading: Reading) -> Callable[[], JudgeVerdict]:
        rng = random.Random(f"{self._seed}/{reading.step}/{reading.role}/{reading.position}")

        def verdict() -> JudgeVerdict:
            return judge(reading, self._ask, rng)

        return self._pool.submit(verdict).result if self._pool else verdict

    def _ask(self, system: str, user: str) -> str:
        if self._closed.is_set():
            raise OSError("the run has ended")
        return self._bench.ask(system, user)

    def _taken(self, row: _Row, taken: JudgeVerdicts) -> str:
        """Write a verdict into the record, and say whether it rings; its state."""
        verdict, reading = row.verdict(), row.reading
        if row.known is not None:
            taken.ringing += [(reading.step, one) for one in _findings(row.known) if rings(one, self._least)]
            return verdict.state
        extra: dict[str, Json] = {}
        if verdict.state == "concern":
            one = finding(reading, verdict, self._bench.name)
            extra = {"gate": self._mode, "findings": [row_of(one, reading, self._least)]}
            if rings(one, self._least):
                taken.ringing.append((reading.step, one))
        note(self._record, reading, verdict.state, self._bench.name, verdict.why, flagged=row.flagged, found=extra)
        return verdict.state

    def _answered(self, now: int, seen: Sequence[tuple[_Row, str]], taken: JudgeVerdicts) -> None:
        self._last.extend(state == "unjudged" for _, state in seen)
        count, total = sum(self._last), len(self._last)
        silent = count >= LEAST and count > UNJUDGED * total
        if silent and not self._silent:
            taken.unanswered = (
                f"the judge {self._bench.name} gave no verdict on {count} of its last {total} completions: they are "
                "unjudged, not clean. See that it answers (`abzero oversight scan RUN --tiers 0,1,3 --judge …` asks "
                "again), or choose another with --oversight.judge"
            )
            taken.alarms.append(Alarm(now, "judge unanswered", taken.unanswered))
        self._silent = silent

    def _heard(self, now: int, verdicts: Sequence[JudgeVerdict], taken: JudgeVerdicts) -> None:
        share = sum(verdict.state == "concern" for verdict in verdicts) / len(verdicts)
        taken.figures["oversight/canary/t3"] = share
        found = canaries.deaf({"t3": share}, {"t3": EXPECTED})
        if found and not self._deaf:
            taken.alarms += [Alarm(now, name, words) for name, words in found.items()]
        self._deaf = bool(found)


def _again(body: Mapping[str, Json]) -> JudgeVerdict:
    """A verdict that the record has: its state is all that is counted."""
    return JudgeVerdict("concern" if body["state"] == "concern" else "clean", None, 0, "", str(body["why"]))


def _findings(body: Mapping[str, Json]) -> list[Finding]:
    rows = body.get("findings")
    found = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return [Finding(**{name: value for name, value in row.items() if name not in ("text", "rings")}) for row in found]  # type: ignore[arg-type]


def _figures(seen: Sequence[tuple[_Row, str]], beyond: Sequence[tuple[Reading, bool]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for role in ROLES:
        rows = [(row.drawn, state) for row, state in seen if row.reading.role == role]
        over = sum(reading.role == role for reading, _ in beyond)
        audited = [state for drawn, state in rows if drawn and state != "unjudged"]
        found[f"oversight/unjudged/{role}"] = float(sum(state == "unjudged" for _, state in rows) + over)
        found[f"oversight/judged/{role}"] = float(sum(state != "unjudged" for _, state in rows))
        found[f"oversight/audits/{role}"] = float(len(audited))
        if audited:
            found[f"oversight/audited/{role}"] = sum(state == "concern" for state in audited) / len(audited)
    return found


def figures_of(guess: audit.RecallEstimate) -> dict[str, float]:
    """An estimate as figures; without a recall where nothing was found or missed."""
    low, high = guess.recall_bounds
    found = {
        "oversight/recall_low": low,
        "oversight/recall_high": high,
        "oversight/concern": guess.prevalence,
        "oversight/concern_low": guess.prevalence_bounds[0],
        "oversight/concern_high": guess.prevalence_bounds[1],
    }
    return found if guess.recall is None else {"oversight/recall": guess.recall, **found}
