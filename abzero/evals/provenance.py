"""What judged a suite's answers: figures of two folders can be told apart only by what they do not share."""

import hashlib
import platform
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from abzero.evals.evalplus import EvalPlus
from abzero.evals.execution import Inputs
from abzero.evals.livecodebench import LiveCodeBench
from abzero.evals.mathematics import Mathematics
from abzero.evals.scoring import Judges, Suited


@dataclass(frozen=True, slots=True)
class JudgedBy:
    """The code that judged, and where it ran what it judged."""

    version: str
    code: str
    """SHA-256 of our sources: a version that is worked on changes under its number."""
    python: str
    isolation: str | None
    """Of the sandbox that ran answers; ``None`` for suites of which none is run."""
    math_verify: str | None
    """Its version, where it is asked."""


def judged_by(suite: Suited, judges: Judges) -> JudgedBy:
    """What judges the answers to `suite`."""
    isolation = None
    match suite:
        case EvalPlus() | LiveCodeBench():
            isolation = judges.runner().isolation
        case Inputs():
            isolation = judges.sandbox().isolation
    return by_us(isolation, version("math-verify") if isinstance(suite, Mathematics) else None)


def by_us(isolation: str | None, math_verify: str | None = None) -> JudgedBy:
    """The code that runs here as a judge."""
    return JudgedBy(version("abzero"), _sources(), platform.python_version(), isolation, math_verify)


@cache
def _sources() -> str:
    digest = hashlib.sha256()
    folder = Path(__file__).parents[1]
    for path in sorted(folder.rglob("*.py")):
        digest.update(f"{path.relative_to(folder).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()
