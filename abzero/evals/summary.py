"""``summary.json``: what a folder of results adds up to, and how its samples came about."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from abzero.errors import ConfigError
from abzero.evals import averages, repeated
from abzero.evals.data import SuiteRows
from abzero.evals.livecodebench import DEFECTIVE, public_only
from abzero.evals.provenance import JudgedBy
from abzero.evals.rows import SampleRow, figures
from abzero.run.files import replace_text

NAME = "summary.json"


@dataclass(frozen=True, slots=True)
class Asked:
    """How a model was asked a suite's problems."""

    model: str
    weights: Mapping[str, str]
    """SHA-256 of each file of them, by its name."""
    preset: str
    words: str
    """SHA-256 of what was put into the conversation, of all problems of the file."""
    conversation: str
    """SHA-256 of what stood around it, which differs between models of different chat templates."""
    opens_think: bool
    """Whether the completion began within a thought."""
    tokens: int
    """Of a completion, at most."""
    stop: tuple[str, ...]
    temperature: float
    """0 is greedy."""
    repeats: int
    seeds: tuple[int, ...]
    engine: str
    engine_version: str
    """Of the libraries that computed the answers."""
    dtype: str

    def samples(self) -> list[tuple[int, int]]:
        """The number and the seed of each sample of a problem."""
        return [(at * self.repeats + one, seed) for at, seed in enumerate(self.seeds) for one in range(self.repeats)]


@dataclass(frozen=True, slots=True)
class Part:
    """The figure of some of a suite's problems."""

    n: int
    score: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class SuiteEntry:
    """What a suite's rows add up to."""

    status: str
    sha256: tuple[str, ...]
    published: int
    """Problems in the release."""
    problems: int
    """In the file."""
    limit: int
    """Only so many of them were asked for; 0 is all."""
    n: int
    """Problems that were scored."""
    public_only: int
    """Of these, LiveCodeBench's that have no private tests in the file: judged by their public ones."""
    samples: int
    score: float | None
    """``None`` where an error is left: `low` and `high` are then the bounds that it could have."""
    low: float
    high: float
    base: float | None
    counts: Mapping[str, int]
    cut: int
    sound: Part | None
    """Without LiveCodeBench's problems that are known to be defective."""
    pass_at: Mapping[int, float]
    by_seed: Mapping[int, float]
    judged_by: JudgedBy
    asked: Asked | None
    """``None`` for samples that were given in a file."""


def entry(
    source: SuiteRows,
    rows: Sequence[SampleRow],
    limit: int,
    ks: Sequence[int],
    judged_by: JudgedBy,
    asked: Asked | None,
) -> SuiteEntry:
    """The figures of `rows`. Raises `ConfigError` for a pass@k that they are too few for."""
    found = figures(rows)
    sound = None
    if source.suite.name == "livecodebench" and not found.errors and any(row.id in DEFECTIVE for row in rows):
        part = figures([row for row in rows if row.id not in DEFECTIVE])
        sound = Part(part.n, part.correct, part.low, part.high) if part.n else None
    score = None if found.errors else found.correct
    pass_at = {} if found.errors else repeated.pass_at_k(rows, ks)
    by_seed = {} if found.errors else repeated.by_seed(rows)
    return SuiteEntry(
        status=source.status,
        sha256=source.sha256,
        published=source.expected,
        problems=len(source.rows),
        limit=limit,
        n=found.n,
        public_only=len(public_only(source) & found.values.keys()),
        samples=found.samples,
        score=score,
        low=found.low,
        high=found.high,
        base=found.base,
        counts=dict(found.counts),
        cut=found.cut,
        sound=sound,
        pass_at=pass_at,
        by_seed=by_seed,
        judged_by=judged_by,
        asked=asked,
    )


def add(folder: Path, name: str, made: SuiteEntry) -> None:
    """Put a suite's figures into the folder's summary, which is replaced in one piece."""
    entries = {**(_read(folder / NAME) if (folder / NAME).exists() else {}), name: asdict(made)}
    scores = {suite: _number(one, "score") for suite, one in entries.items()}
    counts = {
        suite: (int(_number(one, "n") or 0), int(_number(one, "published") or 0)) for suite, one in entries.items()
    }
    means = averages.averages(scores, counts)
    body = {"version": made.judged_by.version, "suites": entries, "averages": asdict(means)}
    replace_text(folder / NAME, json.dumps(body, indent=1) + "\n")


def _number(made: Mapping[str, object], name: str) -> float | None:
    found = made.get(name)
    return float(found) if isinstance(found, int | float) else None


def suites(folder: Path) -> Mapping[str, Mapping[str, object]]:
    """The entries of a folder of results, by suite, as they are in its file. Raises `ConfigError`."""
    if not (folder / NAME).exists():
        raise ConfigError(f"'{folder}' holds no {NAME}: name a folder of results, as abzero eval --out makes")
    return _read(folder / NAME)


def _read(path: Path) -> Mapping[str, Mapping[str, object]]:
    try:
        found: Mapping[str, Mapping[str, object]] = json.loads(path.read_text(encoding="utf-8"))["suites"]
        return {name: dict(one) for name, one in found.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"'{path}' is no summary of results: evaluate again, into another folder") from error
