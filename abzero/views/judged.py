"""Judged answers as they lie on disk: ``SUITE.jsonl``, a row a sample, in a run's folder or in one of results.

docs/formats.md explains every field. Somebody else may have made the folder: no link is followed, and what is held of a
row is short; its texts are read when they are asked for.
"""

import json
import os
import re
import stat
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import BinaryIO

from abzero.algo.intervals import wilson
from abzero.errors import RunError

LONGEST_ROW = 64 << 20
_STEP = re.compile(r"step-(\d{1,15})")
_BESIDE = (".problems.jsonl", ".samples.jsonl")
_MOST_FILES = 10_000


@dataclass(frozen=True, slots=True)
class Row:
    """One judged sample, without its texts."""

    id: str
    sample: int
    verdict: str
    base: str | None
    by: str
    detail: str
    finish: str | None
    place: int
    """Where its line begins in the file."""


@dataclass(frozen=True, slots=True)
class Texts:
    """What was written, and what of it was judged."""

    problem: str
    completion: str
    answer: str | None


@dataclass(frozen=True, slots=True)
class Tally:
    """What rows add up to. With errors among them there is no score."""

    n: int
    """Problems."""
    samples: int
    correct: float
    low: float
    high: float
    base: float | None
    counts: Mapping[str, int]
    """Samples of each verdict."""
    cut: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """The answers to one suite: of a run at one step, or in a folder of results."""

    path: Path
    suite: str
    step: int | None
    preset: str
    """How the model was asked: the folder's name in a run; empty in a folder of results."""

    def rows(self) -> list[Row]:
        """A row for each sample, its newest. Raises `RunError`."""
        found: dict[tuple[str, int], Row] = {}
        with _opened(self.path) as file:
            place, number = 0, 0
            while line := file.readline(LONGEST_ROW):
                number += 1
                if line.endswith(b"\n"):  # a row that a kill cut short is none
                    row = _row(_object(line, self.path, number), place, f"{self.path}, line {number}")
                    found[row.id, row.sample] = row
                place += len(line)
        return list(found.values())

    def texts(self, row: Row) -> Texts:
        """The texts of one of the `rows`. Raises `RunError`."""
        with _opened(self.path) as file:
            file.seek(row.place)
            held = _object(file.readline(LONGEST_ROW), self.path, 0)
        completion, answer = held.get("completion"), held.get("answer")
        return Texts(
            self._problem(row.id), completion if isinstance(completion, str) else "",
            answer if isinstance(answer, str) else None,
        )  # fmt: skip

    def _problem(self, key: str) -> str:
        name = f"{self.suite}.problems.jsonl"
        places = [self.path.with_name(name), *([self.path.parents[2] / name] if self.step is not None else [])]
        for path in places:
            if not path.is_file():
                continue
            with _opened(path) as file:
                for number, line in enumerate(iter(lambda: file.readline(LONGEST_ROW), b""), 1):
                    held = _object(line, path, number)
                    if held.get("id") == key:
                        return str(held.get("problem", ""))
        return ""


def judgements(folder: Path) -> list[Judgement]:
    """All of a run, by step, or all in a folder of results."""
    within = folder / "evals"
    found = [Judgement(path, path.name.removesuffix(".jsonl"), None, "") for path in _files(folder)]
    if within.is_dir() and not within.is_symlink():
        for step in sorted(_folders(within)):
            match = _STEP.fullmatch(step.name)
            for preset in sorted(_folders(step)) if match else ():
                number = int(match[1]) if match else None
                found += [
                    Judgement(path, path.name.removesuffix(".jsonl"), number, preset.name) for path in _files(preset)
                ]
    return found[-_MOST_FILES:]


def newest(found: Sequence[Judgement]) -> list[Judgement]:
    """The last of each suite and preset."""
    return list({(one.suite, one.preset): one for one in found}.values())


def tally(rows: Sequence[Row]) -> Tally:
    by_problem: dict[str, list[Row]] = {}
    for row in rows:
        by_problem.setdefault(row.id, []).append(row)
    share = fmean(_share(some) for some in by_problem.values()) if by_problem else 0.0
    counts = Counter(row.verdict for row in rows)
    low, high = wilson(share, len(by_problem))
    if counts["error"]:
        low, high = share, fmean(_share(some, "correct", "error") for some in by_problem.values())
    base = None
    if any(row.base for row in rows):
        base = fmean(fmean(row.base == "correct" for row in some) for some in by_problem.values())
    cut = sum(row.finish == "length" for row in rows)
    return Tally(len(by_problem), len(rows), share, low, high, base, dict(counts), cut)


def _share(rows: Sequence[Row], *verdicts: str) -> float:
    return fmean(row.verdict in (verdicts or ("correct",)) for row in rows)


def _files(folder: Path) -> list[Path]:
    """The files of rows in `folder`: those whose first line is one."""
    if not folder.is_dir():
        return []
    names = [path for path in folder.iterdir() if path.name.endswith(".jsonl") and not path.name.endswith(_BESIDE)]
    return sorted(path for path in names if not path.is_symlink() and path.is_file() and _holds_rows(path))


def _holds_rows(path: Path) -> bool:
    try:
        with _opened(path) as file:
            return {"suite", "id", "verdict"} <= _object(file.readline(LONGEST_ROW), path, 1).keys()
    except RunError:
        return False


def _folders(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())


def read_object(path: Path) -> dict[str, object]:
    """The JSON object that is all of a file. Raises `RunError`."""
    with _opened(path) as file:
        return _object(file.read(LONGEST_ROW), path, 1)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise RunError(f"'{path}' cannot be read: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise RunError(f"'{path}' cannot be read: it is no file")
        yield file


def _object(line: bytes, path: Path, number: int) -> dict[str, object]:
    try:
        held = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RunError(f"'{path}', line {number}: no JSON; evaluate again") from error
    if not isinstance(held, dict):
        raise RunError(f"'{path}', line {number}: no object; evaluate again")
    return held


def _row(held: Mapping[str, object], place: int, where: str) -> Row:
    key, sample, verdict = held.get("id"), held.get("sample"), held.get("verdict")
    if not (isinstance(key, str) and isinstance(sample, int) and isinstance(verdict, str)):
        raise RunError(f"{where}: no row of a judged sample: id, sample and verdict are wanted; evaluate again")

    def text(name: str) -> str | None:
        value = held.get(name)
        return value[:1_000] if isinstance(value, str) else None

    return Row(
        key[:1_000], sample, verdict[:40], text("base"), text("by") or "", text("detail") or "", text("finish"), place
    )
