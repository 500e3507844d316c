"""Verdicts of judges and people on single completions: in the record, keyed by place, so that none counts twice."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from abzero.oversight import audit
from abzero.oversight.chain import Chain, Entry, Json, read
from abzero.oversight.gate import text_hash
from abzero.oversight.judge import AskJudge, JudgeVerdict, chosen, finding, judge
from abzero.oversight.reading import Reading
from abzero.oversight.recorded import Recorded, scan
from abzero.oversight.tier import Tier
from abzero.types import ROLES, Finding, Role

NOTHING: Mapping[str, Json] = {}
CompletionPlace = tuple[int, str, int]
"""Step, role, position."""


def monitor(
    ask: AskJudge, rng: random.Random, name: str, least: int = 3
) -> tuple[Callable[[Sequence[Reading]], Iterator[Finding]], list[int]]:
    """A judge as a monitor, and the positions that it gives no verdict on, filled while it reads."""
    unjudged: list[int] = []

    def reads(readings: Sequence[Reading]) -> Iterator[Finding]:
        for reading in readings:
            verdict = judge(reading, ask, rng, least=least)
            if verdict.state == "unjudged":
                unjudged.append(reading.position)
            elif verdict.state == "concern":
                yield finding(reading, verdict, name)

    return reads, unjudged


def note(
    record: Chain,
    reading: Reading,
    state: str,
    who: str,
    why: str,
    *,
    flagged: bool,
    found: Mapping[str, Json] = NOTHING,
) -> Entry:
    """Write one verdict into the record; `found` is what it adds to it, a judge's finding and the gate's mode."""
    body: dict[str, Json] = {
        "step": reading.step,
        "role": reading.role,
        "position": reading.position,
        "text": text_of(reading),
        "state": state,
        "by": who,
        "why": why,
        "flagged": flagged,
    }
    return record.append("verdict", {**body, **found})


def text_of(reading: Reading) -> str:
    """The hash of the whole completion that a verdict is about."""
    return text_hash(f"{reading.thought}\0{reading.answer}")


def held(entries: Sequence[Entry]) -> dict[CompletionPlace, Mapping[str, Json]]:
    """The last verdict on each completion that a resume did not drop; one that is unjudged gives way to any other."""
    found: dict[CompletionPlace, Mapping[str, Json]] = {}
    for entry in entries:
        if entry.kind == "forgot":
            after = int(str(entry.body["after"]))
            found = {key: body for key, body in found.items() if key[0] <= after}
        if entry.kind == "verdict":
            key = (int(str(entry.body["step"])), str(entry.body["role"]), int(str(entry.body["position"])))
            if key not in found or entry.body["state"] != "unjudged":
                found[key] = entry.body
    return found


def judge_run(
    recorded: Recorded,
    tiers: Sequence[Tier],
    record: Chain,
    ask: AskJudge,
    name: str,
    share: float,
    seed: int,
    budget: int,
) -> dict[str, int]:
    """Ask a judge about what `tiers` flag and a random share of the rest; what has a verdict is not asked again."""
    known = held(list(read_entries(record)))
    rng = random.Random(seed)
    tally: Counter[str] = Counter()
    for step, _, found in scan(recorded, tiers, recorded.steps()):
        readings = recorded.readings(step)
        open_ = [r for r in readings if known.get(_key(r), {}).get("state", "unjudged") == "unjudged"]
        flagged = {(one.role, one.position) for one in found}
        places = {i for i, r in enumerate(open_) if (r.role, r.position) in flagged}
        drawn = {i for i, r in enumerate(open_) if audit.drawn(seed, step, r.role, r.position, share)}
        for place in chosen(open_, places, drawn, budget - sum(tally.values())):
            verdict: JudgeVerdict = judge(open_[place], ask, rng)
            note(record, open_[place], verdict.state, name, verdict.why, flagged=place in places)
            tally[verdict.state] += 1
    return {state: tally[state] for state in ("concern", "clean", "unjudged")}


def _key(reading: Reading) -> CompletionPlace:
    return reading.step, reading.role, reading.position


def read_entries(record: Chain) -> Iterator[Entry]:
    return read(record.path)


def audit_rows(recorded: Recorded, record: Chain, share: float, seed: int) -> list[Reading]:
    """The audited completions that still want a verdict, in order."""
    known = held(list(read_entries(record)))
    rows = []
    for step in recorded.steps():
        for reading in recorded.readings(step):
            wanted = known.get(_key(reading), {}).get("state", "unjudged") == "unjudged"
            if wanted and audit.drawn(seed, step, reading.role, reading.position, share):
                rows.append(reading)
    return rows


@dataclass(frozen=True, slots=True)
class AuditedRow:
    """A completion that was flagged or drawn, and what became of it."""

    role: Role
    flagged: bool
    drawn: bool
    state: str


@dataclass(frozen=True, slots=True)
class AuditedStep:
    """A step with how many completions it has, and those that want a verdict."""

    step: int
    total: int
    rows: Sequence[AuditedRow]


def audited(recorded: Recorded, entries: Sequence[Entry], share: float, seed: int) -> Iterator[AuditedStep]:
    """Every step, with the verdicts of the record: a person's count as a judge's do."""
    known = held(entries)
    for step in recorded.steps():
        flagged = {(one.role, one.position) for one in recorded.findings(step)}
        readings = recorded.readings(step)
        rows = []
        for one in readings:
            hit = (one.role, one.position) in flagged
            drawn = audit.drawn(seed, step, one.role, one.position, share)
            if hit or drawn:
                rows.append(AuditedRow(one.role, hit, drawn, str(known.get(_key(one), {}).get("state", "unjudged"))))
        yield AuditedStep(step, len(readings), rows)


def estimated(steps: Iterable[AuditedStep], share: float) -> audit.RecallEstimate:
    """What was found and what was missed in these steps."""
    tally = audit.AuditTally()
    for one in steps:
        tally.add(one.total, [(row.flagged, row.state) for row in one.rows])
    return tally.estimate(share)


def figures(recorded: Recorded, steps: Iterable[AuditedStep]) -> list[dict[str, float]]:
    """The figures that each step logged, its audit by these verdicts: what drift is told from afterwards."""
    history = []
    for one in steps:
        logged = recorded.metrics(one.step)
        found = {name: value for name, value in logged.items() if not name.startswith("oversight/audit")}
        for role in ROLES:
            states = [row.state for row in one.rows if row.role == role and row.drawn and row.state != "unjudged"]
            if states:
                found[f"oversight/audits/{role}"] = float(len(states))
                found[f"oversight/audited/{role}"] = states.count("concern") / len(states)
        history.append(found)
    return history
