"""Files of benchmarks: where they lie, which bytes they are, and their rows. Nothing is ever downloaded."""

import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO, cast

from abzero.errors import ConfigError
from abzero.evals import schema
from abzero.evals.suites import LIVECODEBENCH, LIVECODEBENCH_ROWS, SUITES, Suite, named

SuiteRow = Mapping[str, object]

MAX_LINE = 128 << 20
"""Bytes of one row; the largest published one has less than half of it."""
MAX_BYTES = 16 << 30
"""Bytes of a file, uncompressed: what ends a file that unpacks for ever."""
_MAX_DIGITS = 1_000_000


@dataclass(frozen=True, slots=True)
class SuiteRows:
    """The rows of a suite as they were found, and what is known of them."""

    suite: Suite
    files: tuple[Path, ...]
    sha256: tuple[str, ...]
    """Of the uncompressed bytes of each file."""
    rows: tuple[SuiteRow, ...]
    expected: int

    @property
    def status(self) -> str:
        """``verified``, ``truncated`` or ``unknown revision``: it is printed beside every number."""
        label = self.suite.known.get(self.sha256[0]) if len(self.sha256) == 1 else None
        if label is not None:
            return f"verified ({label})"
        if len(self.rows) < self.expected:
            return f"truncated, {len(self.rows)} of {self.expected}"
        return f"unknown revision, {len(self.rows)} rows"


@dataclass(frozen=True, slots=True)
class Where:
    """Where to look, in order: files named for a suite, folders, and the hub's local cache."""

    named: Mapping[str, Path]
    folders: Sequence[Path]
    cache: Path | None = None


def where(given: Sequence[str], configured: Sequence[str] = (), cache: Path | None = None) -> Where:
    """What ``--data DIR`` and ``--data SUITE=FILE`` say. Raises `ConfigError` for what is not there."""
    files: dict[str, Path] = {}
    folders: list[Path] = []
    for one in (*given, *configured):
        name, equals, path = one.partition("=")
        if equals and not Path(one).exists():
            [suite] = named(name)
            if not Path(path).is_file():
                raise ConfigError(f"--data {one}: there is no file '{path}'")
            files.setdefault(suite.name, Path(path))
        elif Path(one).is_dir():
            folders.append(Path(one))
        else:
            raise ConfigError(f"--data {one}: neither a folder nor SUITE=FILE, such as --data mbpp+=MbppPlus.jsonl")
    return Where(files, folders, cache)


def hub_cache() -> Path:
    """The hub's local cache, by its own settings."""
    home = os.environ.get("HF_HOME") or str(Path.home() / ".cache" / "huggingface")
    return Path(os.environ.get("HF_HUB_CACHE") or f"{home}/hub")


def find(suite: Suite, places: Where) -> tuple[Path, ...]:
    """The files of `suite`; none where it is missing."""
    if suite.name in places.named:
        return (places.named[suite.name],)
    shared = [SUITES[name].files for name in places.named if SUITES[name].folders == suite.folders]
    if shared and suite.files in shared:  # CRUXEval's two suites are one file
        return next((path,) for name, path in places.named.items() if SUITES[name].files == suite.files)
    cached = sorted(places.cache.glob("datasets--*/snapshots/*")) if places.cache is not None else []
    for folder in (*places.folders, *cached):
        for at in _usual_places(suite, folder):
            for patterns in suite.files:
                if at == folder and patterns[0] == "test.jsonl" and folder.name not in suite.folders:
                    continue  # that name alone says nothing
                if found := _matching(at, patterns):
                    return found
    return ()


def _usual_places(suite: Suite, folder: Path) -> Iterator[Path]:
    yield folder
    for name in suite.folders:
        for parent in (folder, folder / "data"):
            yield parent / name


def _matching(folder: Path, patterns: Sequence[str]) -> tuple[Path, ...]:
    plain = [path for pattern in patterns for path in sorted(folder.glob(pattern)) if path.is_file()]
    packed = [path for pattern in patterns for path in sorted(folder.glob(f"{pattern}.gz")) if path.is_file()]
    found = {path.name.removesuffix(".gz"): path for path in (*packed, *plain)}
    paths = tuple(found[name] for name in sorted(found))
    return paths if len(patterns) > 1 else paths[:1]


def read(suite: Suite, paths: Sequence[Path], release: str = "v5") -> SuiteRows:
    """The rows of `suite`, checked against its schema. Raises `ConfigError` that names file, line, field, remedy."""
    expected = suite.rows
    if suite.name == "livecodebench":
        expected = sum(LIVECODEBENCH_ROWS[: LIVECODEBENCH[release]])
        paths = paths[: LIVECODEBENCH[release]]
    rows: list[SuiteRow] = []
    hashes: list[str] = []
    seen: dict[str, str] = {}
    for path in paths:
        digest = hashlib.sha256()
        for number, line in enumerate(lines(path, digest.update), 1):
            if not line.strip():
                continue
            place = f"{path}, line {number}"
            row = _object(line, place)
            schema.check(row, suite.fields, place)
            key = str(row[suite.key])
            if key in seen:
                raise ConfigError(f"{place}, field '{suite.key}': {key!r} is in {seen[key]}, too; leave one of them")
            seen[key] = place
            rows.append(row)
        hashes.append(digest.hexdigest())
    if not rows:
        raise ConfigError(f"{paths[0]}: no rows; get it again: {suite.published}")
    return SuiteRows(suite, tuple(paths), tuple(hashes), tuple(rows), expected)


def lines(path: Path, told: Callable[[bytes], None] = lambda _: None) -> Iterator[bytes]:
    """The lines of `path`, unpacked if it is a gzip file; `told` hears of all bytes. Raises `ConfigError`."""
    total = 0
    try:
        with _opened(path) as file:
            while line := file.readline(MAX_LINE + 1):
                total += len(line)
                if len(line) > MAX_LINE or total > MAX_BYTES:
                    most = f"{MAX_LINE >> 20} MB in a line or {MAX_BYTES >> 30} GB in all"
                    raise ConfigError(f"{path}: more than {most}; get it again")
                told(line)
                yield line
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(
            f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}); get it again"
        ) from error


def _opened(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(path, "rb")) if packed else path.open("rb")


def _integer(text: str) -> int:
    if len(text) <= 4_000:
        return int(text)
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"an integer of more than {_MAX_DIGITS:,} digits")
    return int(Decimal(text))


def _object(line: bytes, place: str) -> dict[str, object]:
    if schema.crowded(line.decode("latin-1")):
        raise ConfigError(f"{place}: more than {schema.MAX_PARTS:,} values in a row; get it again")
    try:
        row = json.loads(line, parse_int=_integer)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{place}: no JSON ({error}); each line must be one object") from error
    if not isinstance(row, dict):
        raise ConfigError(f"{place}: {schema.kind(row)}, not an object; each line must be one object")
    return row


def rows_of(path: Path) -> Iterator[tuple[str, dict[str, object]]]:
    """The objects of a JSONL file, each with its place in it. Raises `ConfigError`."""
    for number, line in enumerate(lines(path), 1):
        if line.strip():
            yield f"{path}, line {number}", _object(line, f"{path}, line {number}")


def drop_torn_line(path: Path) -> None:
    """Take a last line off the file that a kill cut short."""
    data = path.read_bytes()
    if not data.endswith(b"\n"):
        with os.fdopen(os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC), "r+b") as file:
            file.truncate(data.rfind(b"\n") + 1)
