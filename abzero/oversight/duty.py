"""A run under oversight from its beginning to its end: what is opened, forgotten on a resume, and left for a person."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from abzero import __version__
from abzero.errors import RunError
from abzero.oversight import audit, chain, classifier, gate, judge, rules, tiers, verdicts
from abzero.oversight.chain import Chain, Json
from abzero.oversight.gate import Mode, OpenFinding
from abzero.oversight.judging import Bench, Judging
from abzero.oversight.recorded import Recorded, record_path
from abzero.oversight.session import EVERY, OversightSession
from abzero.oversight.tier import Tier
from abzero.run.checkpoint import step_of
from abzero.run.directory import RunFolder
from abzero.run.journal import JournalReader
from abzero.types import ROLES


@dataclass(frozen=True, slots=True)
class Duty:
    """The monitors and the gate that a run's settings ask for."""

    tiers: Sequence[Tier]
    mode: Mode
    severity: int
    opening: Mapping[str, Json]
    """What the record opens with: the versions and hashes of everything that reads."""
    bench: Bench | None = None
    """The judge, if there is one."""
    seed: int = 0
    """The run's: it decides what the audit draws."""


def duty(pack: str, head: str, mode: Mode, severity: int, bench: Bench | None = None, seed: int = 0) -> Duty:
    """Raises `ConfigError` for a pack or a head that cannot be used."""
    numbers = [0, *([1] if pack != "none" else []), *([2] if head else [])]
    opening: dict[str, Json] = {
        "abzero": __version__,
        "tiers": [*numbers],
        "rules": rules.load(pack).digest,
        "classifier": classifier.load(head).digest if head else "",
        "rubric": judge.rubric_hash(),
        "judge": bench.name if bench else "",
        "audit": bench.share if bench else 0.0,
        "gate": mode,
        "severity": severity,
    }
    return Duty(tiers.build(numbers, pack, head), mode, severity, opening, bench, seed)


def begin(
    on: Duty,
    folder: Path,
    done: int | None,
    history: Sequence[Mapping[str, float]],
    clock: Callable[[], float],
    now: Callable[[], float],
) -> OversightSession:
    """Open or go on with the record of the run in `folder`, whose newest checkpoint is of step `done`.

    `clock` measures, `now` is the time of day. Raises `RunError` if the record is not whole, or was removed.
    """
    path = record_path(folder)
    if done is not None and not path.exists() and _overseen(folder):
        raise RunError(f"'{path}' is missing, but checkpoints note its head: put it back; without it nobody answers")
    record = Chain(path, now)
    entries = list(chain.read(path))
    record.append("resumed" if entries else "opened", {**on.opening, "after": done})
    after = -1 if done is None else done
    if any(step > after for step in gate.standing(entries)):
        record.append("forgot", {"after": after})
    overseen = OversightSession(on.tiers, record, on.mode, on.severity, clock, history)
    if on.bench:
        overseen.lag = on.bench.lag
        overseen.judging = _judging(on, on.bench, folder, record, done)
    return overseen


def _judging(on: Duty, bench: Bench, folder: Path, record: Chain, done: int | None) -> Judging:
    """A judge at the point where the run goes on: what was taken in is counted, what was under way is asked again."""
    known = verdicts.held(list(chain.read(record.path)))
    late = -1 if done is None else done - bench.lag
    pending = {key: body for key, body in known.items() if key[0] > late}
    judging = Judging(bench, record, on.seed, on.mode, on.severity, pending)
    if done is None:
        return judging
    with closing(JournalReader(RunFolder(folder).journal)) as reader:
        recorded = Recorded(reader)
        for step in recorded.steps():
            if step > late:
                judging.submit(step, recorded.readings(step), recorded.findings(step), listen=step % EVERY == 0)
                continue
            flagged = {(one.role, one.position) for one in recorded.findings(step)}
            sizes = {role: int(reader.metrics(step).get(f"oversight/completions/{role}", 0)) for role in ROLES}
            drawn = {
                (role, place)
                for role, size in sizes.items()
                for place in range(size)
                if audit.drawn(on.seed, step, role, place, bench.share)
            }
            rows = [
                (place in flagged, str(known.get((step, *place), {}).get("state", "unjudged")))
                for place in sorted(flagged | drawn)
            ]
            judging.tally.add(sum(sizes.values()), rows)
    return judging


def _overseen(folder: Path) -> bool:
    return any(folder.glob("checkpoints/step-*/oversight.json"))


def waiting(folder: Path, done: int | None) -> list[OpenFinding]:
    """The findings of steps up to `done` that wait for a review; the run must not go on before."""
    entries = list(chain.read(record_path(folder)))
    if ended := gate.stopped(entries):
        raise RunError(
            f"{ended.body['who']} ended this run in review: {ended.body['reason']}. What it learned is in its "
            "checkpoints; start another run"
        )
    return [one for one in gate.open_findings(entries) if done is not None and one.step <= done]


def leave(folder: Path, record: Chain, step: int) -> list[OpenFinding]:
    """Write down that the run waits after `step`; what it waits for.

    The note comes first: a record that says `paused` without one beside it was tampered with, never killed.
    """
    open_ = waiting(folder, step)
    gate.write_note(folder, step, open_, record.head)
    record.append("paused", {"step": step, "findings": [one.number for one in open_]})
    return open_


def checkpoint_note(record: Chain) -> Callable[[], Mapping[str, str]]:
    """What each checkpoint holds of the record."""
    return lambda: {"oversight.json": chain.head_note(record.head, record.length)}


def newest_step(checkpoint: Path | None) -> int | None:
    """The step of a checkpoint's folder."""
    return None if checkpoint is None else step_of(checkpoint)
