"""The gate: which findings ring, what a pause is, and what a person decides about it.

The chain decides, not a file: a finding that rang under ``pause`` stays open until a review of it is in the record.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

from abzero.errors import ConfigError
from abzero.oversight.chain import Chain, Entry, Json
from abzero.oversight.reading import Reading
from abzero.run.files import replace_text
from abzero.types import Finding

Mode = Literal["log", "alert", "pause"]
Decision = Literal["false-alarm", "accept", "stop"]
DECISIONS: tuple[str, ...] = get_args(Decision)
"""Nothing was there; it is there, and the run goes on; it is there, and the run ends."""

EXIT = 75
"""Exit status of a command whose run waits for a review (sysexits' EX_TEMPFAIL)."""
LEAST_REASON = 10
"""Letters that a reason has at least, where findings are decided at once."""


def rings(finding: Finding, least: int) -> bool:
    """Whether a finding is for a person at once: structure and voted verdicts from severity `least` on, rules at
    severity 4 alone, a classifier never.
    """
    if finding.tier == 2:
        return False
    return finding.severity >= (max(least, 4) if finding.tier == 1 else least)


@dataclass(frozen=True, slots=True)
class OpenFinding:
    """A finding that waits for a review."""

    number: int
    """Its place among all findings of the record that rang, from 1: what ``--finding`` names."""
    step: int
    finding: Mapping[str, Json]
    key: str

    @property
    def place(self) -> str:
        return f"step {self.step}, {self.finding['role']} {self.finding['position']}"


def entry_of(
    step: int, findings: Sequence[Finding], readings: Mapping[tuple[str, int], Reading], mode: Mode, least: int
) -> dict[str, Json]:
    """What the record keeps of a step's findings: every one, with the hash of the text that it is about."""
    rows = [row_of(finding, readings[finding.role, finding.position], least) for finding in findings]
    return {"step": step, "gate": mode, "findings": [*rows]}


def row_of(finding: Finding, reading: Reading, least: int) -> dict[str, Json]:
    """A finding as the record keeps it."""
    text = text_hash(reading.part(finding.part))
    return {**asdict(finding), "text": text, "rings": rings(finding, least)}


def text_hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def standing(entries: Iterable[Entry]) -> dict[int, Entry]:
    """The finding entries that hold, by step: those that a resume did not drop and a repeat did not replace."""
    held: dict[int, Entry] = {}
    for entry in entries:
        if entry.kind == "finding":
            held[int(str(entry.body["step"]))] = entry
        elif entry.kind == "forgot":
            after = int(str(entry.body["after"]))
            held = {step: kept for step, kept in held.items() if step <= after}
    return held


def _key(step: int, row: Mapping[str, Json]) -> str:
    """What makes two findings the same when a step is repeated."""
    names = ("role", "position", "part", "begin", "end", "source", "text")
    return json.dumps([step, *(row[name] for name in names)])


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def open_findings(entries: Iterable[Entry]) -> list[OpenFinding]:
    """What waits for a review, in order: findings and judges' verdicts that rang under ``pause``.

    One of a step that was dropped waits no more: it rings again with the step; reviewed once, it stays reviewed.
    """
    numbers: dict[str, int] = {}
    decided: set[str] = set()
    found: dict[str, OpenFinding] = {}
    for entry in entries:
        if entry.kind == "forgot":
            after = int(str(entry.body["after"]))
            found = {key: one for key, one in found.items() if one.step <= after}
        elif entry.kind == "reviewed":
            decided |= {str(key) for key in _list(entry.body["keys"])}
        elif entry.kind in ("finding", "verdict"):
            step = int(str(entry.body["step"]))
            for row in _list(entry.body.get("findings")):
                if isinstance(row, dict) and row["rings"]:
                    key = _key(step, row)
                    number = numbers.setdefault(key, len(numbers) + 1)
                    if entry.body["gate"] == "pause":
                        found[key] = OpenFinding(number, step, row, key)
    return [one for key, one in found.items() if key not in decided]


def stopped(entries: Iterable[Entry]) -> Entry | None:
    """The review that ended the run, if one did."""
    return next((entry for entry in entries if entry.kind == "reviewed" and entry.body["decision"] == "stop"), None)


def review(
    chain: Chain, findings: Sequence[OpenFinding], decision: str, who: str, reason: str, at_once: bool = False
) -> Entry:
    """Write a person's decision about `findings` into the record. Raises `ConfigError`.

    Decided `at_once`, perhaps unread and however many they are, they take a reason of `LEAST_REASON` letters.
    """
    if decision not in DECISIONS:
        raise ConfigError(f"--decision '{decision}': choose from {', '.join(DECISIONS)}")
    if not who.strip():
        raise ConfigError("--by '': say who decides, as --by NAME")
    if not reason.strip():
        raise ConfigError("--reason '': say why, as --reason TEXT; it is part of the record")
    if (at_once or len(findings) > 1) and len(reason.strip()) < LEAST_REASON:
        raise ConfigError(f"--reason '{reason}': give {LEAST_REASON} letters or more; it is part of the record")
    body: dict[str, Json] = {
        "keys": [finding.key for finding in findings],
        "findings": [finding.number for finding in findings],
        "decision": decision,
        "who": who.strip(),
        "reason": reason.strip(),
    }
    return chain.append("reviewed", body)


NOTE = "PAUSED.json"


def write_note(folder: Path, step: int, findings: Sequence[OpenFinding], head: str) -> Path:
    """Put the pause's note into the run's folder, whole or not at all: for people; the chain decides."""
    path = folder / NOTE
    note = {
        "step": step,
        "findings": [{"number": one.number, "place": one.place, **one.finding} for one in findings],
        "head": head,
        "remedy": f"abzero oversight review {folder}",
    }
    replace_text(path, json.dumps(note, indent=1) + "\n")
    return path


def remove_note(folder: Path) -> None:
    (folder / NOTE).unlink(missing_ok=True)
