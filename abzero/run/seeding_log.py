"""What a seeding has made so far, kept beside the journal: so a run that is killed in it goes on, with the same tasks.

``seeding.jsonl``: a line for each batch of proposals, whole or not there, with the state of chance after it. It is gone
once step 0 is in the journal and in a checkpoint.
"""

import json
import os
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from abzero.errors import RunError
from abzero.run.files import append_text, read_text
from abzero.types import Case, Proposal, Rejection, Rollout, Step, Task

_MOST = 1 << 32
"""Bytes that such a file has at most."""


@dataclass(frozen=True, slots=True)
class ProposalBatch:
    """Proposals of one mode, as they were made, and the random state after them."""

    mode: str
    proposals: Sequence[Proposal]
    state: tuple[Any, ...]


class SeedingLog:
    """Owns the file, under the run's lock."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> list[ProposalBatch]:
        """The batches so far; a last line without its end, which a kill leaves, is cut off. Raises `RunError`."""
        if not self._path.exists():
            return []
        try:
            text = read_text(self._path, _MOST)
            end = text.rfind("\n") + 1
            if end < len(text):
                os.truncate(self._path, len(text[:end].encode()))
            return [_batch(json.loads(line)) for line in text[:end].splitlines()]
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise RunError(
                f"'{self._path}' cannot be read ({error}): remove it, and the seeding begins anew"
            ) from error

    def append(self, batch: ProposalBatch) -> None:
        """Add a batch; it is on the disk when this returns. Raises `RunError`: then nothing of it is."""
        row = {"mode": batch.mode, "proposals": [_row(one) for one in batch.proposals], "state": batch.state}
        append_text(self._path, json.dumps(row) + "\n")

    def observe(self, step: Step) -> None:
        """A step is in the journal and, if it is the seeding, in a checkpoint: the file has done its work."""
        self._path.unlink(missing_ok=True)


def states(rng: random.Random, batches: Sequence[ProposalBatch]) -> Iterator[ProposalBatch]:
    """`batches`, one by one, with `rng` put to where it was after each."""
    for batch in batches:
        try:
            rng.setstate(batch.state)
        except (ValueError, TypeError, OverflowError) as error:
            raise RunError(
                f"seeding.jsonl has no random state ({error}): remove it, and the seeding begins anew"
            ) from error
        yield batch


def _row(proposal: Proposal) -> dict[str, object]:
    return {
        "prompt": proposal.prompt,
        "rollout": asdict(proposal.rollout),
        "references": [asdict(task) for task in proposal.references],
        "task": asdict(proposal.task) if proposal.task else None,
        "rejection": asdict(proposal.rejection) if proposal.rejection else None,
        "well_formed": proposal.well_formed,
    }


def _batch(row: Mapping[str, Any]) -> ProposalBatch:
    version, internal, gauss = row["state"]
    return ProposalBatch(
        row["mode"], [_proposal(row["mode"], one) for one in row["proposals"]], (version, tuple(internal), gauss)
    )


def _proposal(mode: str, row: Mapping[str, Any]) -> Proposal:
    rollout = row["rollout"]
    tokens = {name: tuple(map(int, rollout[name])) for name in ("prompt_tokens", "tokens")}
    return Proposal(
        _text(mode),
        _text(row["prompt"]),
        Rollout(
            **tokens,
            logprobs=tuple(map(float, rollout["logprobs"])),
            text=_text(rollout["text"]),
            finish="stop" if rollout["finish"] == "stop" else "length",
            version=int(rollout["version"]),
        ),
        tuple(map(_task, row["references"])),
        _task(row["task"]) if row["task"] else _rejection(row["rejection"]),
        bool(row["well_formed"]),
    )


def _rejection(row: Mapping[str, Any]) -> Rejection:
    return Rejection(_text(row["reason"]), bool(row["ours"]), _text(row["fault"]))


def _task(row: Mapping[str, Any]) -> Task:
    cases = tuple(Case(_text(case["input"]), _text(case["output"])) for case in row["cases"])
    return Task(_text(row["mode"]), _text(row["program"]), cases, _text(row["message"]))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
