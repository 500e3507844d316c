"""Walk the record, the journal and the checkpoints, and say where they do not fit each other."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from abzero.errors import RunError
from abzero.oversight import chain, verdicts
from abzero.oversight.chain import Entry, Json
from abzero.oversight.gate import NOTE, open_findings, standing, text_hash
from abzero.oversight.reading import Reading
from abzero.types import Finding

HEAD = "oversight.json"
"""In every checkpoint: the head of the record when it was taken."""


class WalkedJournal(Protocol):
    """What the walk asks of a run's journal."""

    def steps(self) -> list[int]: ...

    def findings(self, step: int) -> Sequence[Finding]: ...

    def readings(self, step: int) -> Sequence[Reading]: ...

    def altered_texts(self) -> Iterator[tuple[int, int]]: ...


def faults(record: Path, source: WalkedJournal, checkpoints: Sequence[Path], folder: Path) -> Iterator[str]:
    """Everything that is not as it was written, in words; nothing if all is well."""
    try:
        entries = list(chain.read(record))
    except RunError as error:
        yield str(error)
        return
    yield from _grammar(entries)
    yield from _journal(entries, source)
    heads = {entry.hash: entry.n + 1 for entry in entries}
    notes = {chain.head_note(head, length) for head, length in heads.items()}
    for checkpoint in checkpoints:
        yield from _checkpoint(checkpoint, notes)
    yield from _note(folder / NOTE, entries)


def _grammar(entries: Sequence[Entry]) -> Iterator[str]:
    if entries and entries[0].kind != "opened":
        yield "the record does not begin with its opening: entries before it are missing"
    for entry in entries:
        if entry.kind not in chain.KINDS:
            yield f"entry {entry.n} is of no known kind: '{entry.kind}'"


def _journal(entries: Sequence[Entry], source: WalkedJournal) -> Iterator[str]:
    found, judged = standing(entries), verdicts.held(entries)
    steps = source.steps()
    for step in steps:
        rows = _rows(found[step]) if step in found else []
        recorded = [{name: value for name, value in row.items() if name not in ("text", "rings")} for row in rows]
        journalled: list[dict[str, Json]] = [asdict(finding) for finding in source.findings(step)]
        if recorded != journalled:
            yield f"step {step}: the journal's {len(journalled)} findings are not the {len(recorded)} of the record"
            rows = []
        if rows or any(of == step for of, _, _ in judged):
            texts = {(str(one.role), one.position): one for one in source.readings(step)}
            yield from _texts(step, rows, texts)
            yield from _judged(step, judged, texts)
    for number, step in source.altered_texts():
        yield f"step {step}: text {number} of the journal is not the one that was written"
    last = max(steps, default=-1)
    for step in sorted({*found, *(step for step, _, _ in judged)}):
        if step not in steps and step <= last:
            what = "findings" if step in found else "verdicts"
            yield f"step {step}: the record has {what}, the journal has no such step"


def _texts(step: int, rows: Sequence[Mapping[str, Json]], texts: Mapping[tuple[str, int], Reading]) -> Iterator[str]:
    for row in rows:
        reading = texts.get((str(row["role"]), int(str(row["position"]))))
        if reading is None or text_hash(reading.part(str(row["part"]))) != row["text"]:
            yield f"step {step}, {row['role']} {row['position']}: its text is not the one that was flagged"


def _judged(
    step: int,
    judged: Mapping[verdicts.CompletionPlace, Mapping[str, Json]],
    texts: Mapping[tuple[str, int], Reading],
) -> Iterator[str]:
    for (of, role, position), body in judged.items():
        if of != step:
            continue
        reading = texts.get((role, position))
        if reading is None or verdicts.text_of(reading) != body.get("text"):
            by = body.get("by")
            yield f"step {step}, {role} {position}: its text is not the one that {by} judged {body['state']}"


def _rows(entry: Entry) -> list[dict[str, Json]]:
    rows = entry.body["findings"]
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _checkpoint(folder: Path, known: set[str]) -> Iterator[str]:
    try:
        note = (folder / HEAD).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        yield f"checkpoint {folder.name}: its note of the record's head ({HEAD}) is missing or cannot be read"
        return
    if note not in known:
        yield f"checkpoint {folder.name}: the record has never had the head that it notes; was an entry cut off?"


def _paused(entries: Sequence[Entry]) -> set[int]:
    """The findings that the run was left with, if it has not gone on since."""
    numbers: Json = []
    for entry in entries:
        if entry.kind in ("paused", "resumed"):
            numbers = entry.body.get("findings")
    return {int(str(number)) for number in numbers} if isinstance(numbers, list) else set()


def _note(path: Path, entries: Sequence[Entry]) -> Iterator[str]:
    """The pause's note names what waited when it was written; a kill may leave it behind a review, never missing."""
    waiting = {one.number for one in open_findings(entries)}
    if not path.exists():
        if waiting & _paused(entries):
            yield f"{path.name} is missing, though findings wait for a review: it was removed by hand"
        return
    try:
        note: Mapping[str, Json] = json.loads(path.read_text(encoding="utf-8"))
        numbers = {row["number"] for row in note["findings"]}  # type: ignore[index, union-attr, call-overload]
        length = next(entry.n + 1 for entry in entries if entry.hash == note["head"])
        waited = {one.number for one in open_findings(entries[:length])}
        right = numbers == waited and waiting <= waited
    except (OSError, ValueError, KeyError, TypeError, StopIteration):
        right = False
    if not right:
        yield f"{path.name} is not what was written: it does not name the findings that wait"
