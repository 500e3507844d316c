"""The sandbox's seam: calls in, outcomes out, in order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Call:
    """One evaluation of ``entry(arguments)`` in a fresh interpreter that has run `program`, as it is. All three are
    untrusted text.
    """

    program: str
    arguments: str
    """Source text between the parentheses of the call. The sandbox refuses what does not make one whole call."""
    verify: bool = False
    """Evaluate in several differently seeded processes, and return a value only if all agree (section 3.2, eq. 7)."""
    entry: str = "f"
    """The function of `program` that is called."""
    time_share: float = 1.0
    """Of the processor time that one program is given: who verifies with a part of it has room to spare at grading."""

    @property
    def expression(self) -> str:
        """Source text of the call."""
        return f"{self.entry}({self.arguments})"


@dataclass(frozen=True, slots=True)
class Returned:
    """``f`` returned a value of exact builtin types."""

    value: str
    """Canonical source of the literal, as `abzero.python.literals.canonical` writes it."""


@dataclass(frozen=True, slots=True)
class Raised:
    """The program, the arguments or ``f`` raised; ``SyntaxError`` included."""

    type: str


@dataclass(frozen=True, slots=True)
class NotLiteral:
    """``f`` returned something that no literal denotes; `type` is the innermost offending type's name."""

    type: str


@dataclass(frozen=True, slots=True)
class Nondeterministic:
    """Two runs of the same call disagreed."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The kernel or the sandbox ended the run, or the process went without an answer."""

    reason: Literal["timeout", "memory", "crashed", "exited"]


@dataclass(frozen=True, slots=True)
class Refused:
    """A limit or a policy of the sandbox forbids the call or its value."""

    reason: str


Outcome = Returned | Raised | NotLiteral | Nondeterministic | Stopped | Refused


class Sandbox(Protocol):
    """Runs untrusted programs. Outcomes come in the order of the calls; equal calls run once."""

    @property
    def isolation(self) -> str:
        """The level in force, for the run's metadata: ``strict``, ``reduced`` …"""

    def run(self, calls: Sequence[Call]) -> list[Outcome]:
        """Evaluate `calls`. Raises `SandboxError` if the sandbox itself fails, never because of a program."""

    def close(self) -> None:
        """End every process of the sandbox. Idempotent."""
