"""One call on its way to an outcome: what is known from its runs so far, and under which seeds it must run next."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from abzero.python import literals
from abzero.sandbox.base import Call, Nondeterministic, Outcome, Refused, Returned, Stopped
from abzero.sandbox.outcomes import Result, outcome_of


@dataclass(slots=True, eq=False)
class CallState:
    """A distinct call of a batch. `outcome` is final once no run of it is `pending`."""

    call: Call
    first_seed: int
    """Index, 0 or 1, of the seed (and so of the zygote) that it first runs under."""
    second_seed: int = field(init=False)
    """Of the seed that it runs under next: the other one, or whichever the audit ran it under."""
    pending: int = 0
    """How many runs of it are queued or running; compiling it for a shared child counts as one."""
    program_frame: bytes = b""
    call_frame: bytes = b""
    """What a compiling child made of it, unread; empty until then."""
    isolated: bool = False
    """Runs in a child of its own: not fit for a shared one, or doubted there."""
    hashing: bool = False
    """Needs all seeds, not two."""
    failures: int = 0
    """How often our side failed it before the program had a part in it."""
    killed: bool = False
    """Somebody killed a run of it; the next time it is its own doing."""
    shared: bool = False
    """Something that is known of it comes from a shared child."""
    audit: Result | None = None
    """What a shared child said, until it has run once more with nothing before it."""
    before: "Sequence[CallState]" = ()
    """What ran before it in the shared child of its first run; itself is the last."""
    suspect: bool = False
    """The shared and the isolated run disagreed: either the program is unsteady, or sharing is unsafe."""
    first: Result | None = None
    """What the first run sent."""
    runs: dict[int, Outcome | None] = field(default_factory=dict)
    """Outcomes by seed; None where a run sent the very text that the first one did."""
    outcome: Outcome | None = None

    def __post_init__(self) -> None:
        self.second_seed = 1 - self.first_seed

    def take(self, seed: int, result: Result | Outcome, seeds: int) -> list[int]:
        """Take in what a run sent, or how it broke; the seeds, out of `seeds`, that it must run under next.

        Nothing runs twice unless it returned a literal first. Runs are compared in the order of the seeds, once all are
        in, so that the outcome does not depend on which came first.
        """
        self.pending -= 1
        outcome: Outcome | None
        if isinstance(result, Result):
            self.hashing = self.hashing or result.hashing
            same = self.first is not None and (self.first.tag, self.first.body) == (result.tag, result.body)
            outcome = None if same else outcome_of(result, self.call.verify)
            self.first = self.first or result
        else:
            outcome = result
        if self.outcome is None:
            self.outcome, outcome = outcome, None
        self.runs[seed] = outcome
        if self.pending or not isinstance(self.outcome, Returned):
            return []
        order = [self.first_seed, self.second_seed]
        order += [other for other in range(seeds) if other not in order] if self.hashing else []
        for other in order:
            outcome = self.runs.get(other)
            if outcome is not None and not self._agrees(outcome):
                self.suspect = False
                if isinstance(outcome, Stopped | Refused):
                    self.outcome = outcome
                elif self.call.verify:
                    self.outcome = Nondeterministic()
                return []
        return [other for other in order if other not in self.runs] if self.call.verify or self.suspect else []

    def _agrees(self, outcome: Outcome) -> bool:
        """Whether `outcome` is the first one's value, types included; the order of sets and dictionaries is free."""
        return (
            isinstance(outcome, Returned)
            and isinstance(self.outcome, Returned)
            and literals.same_types(self.outcome.value, outcome.value)
        )

    def forget(self) -> None:
        """Back to the beginning, isolated."""
        self.isolated, self.shared, self.suspect = True, False, False
        self.audit = self.first = self.outcome = None
        self.runs = {}
