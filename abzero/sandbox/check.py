"""One call on its way to an outcome: what is known from its runs so far, and whether it needs another."""

from dataclasses import dataclass

from abzero import literals
from abzero.sandbox.base import Call, Nondeterministic, Outcome, Refused, Returned, Stopped
from abzero.sandbox.verdict import Result, outcome_of


@dataclass(slots=True, eq=False)
class Check:
    """A distinct call of a batch. `outcome` is final once it is neither queued nor running."""

    call: Call
    seed: int
    """Index of the zygote that runs it next."""
    waiting: bool = False
    """Queued or running."""
    alone: bool = False
    """Runs in a child of its own: not fit for the shared lane, or doubted there."""
    hashing: bool = False
    """Needs all seeds, not two."""
    failures: int = 0
    """How often our side failed it before the program had a part in it."""
    shared: bool = False
    """Something that is known of it comes from the lane."""
    audit: Result | None = None
    """What the lane said, while the same run is repeated alone."""
    suspect: bool = False
    """The lane and the run alone disagreed: either the program is unsteady, or the lane is."""
    runs: int = 0
    first: Result | None = None
    outcome: Outcome | None = None

    def take(self, result: Result, seeds: int) -> bool:
        """Take in a run's result; True if it must run once more, under the next of `seeds` seeds."""
        self.runs += 1
        self.hashing = self.hashing or result.hashing
        if self.first is None:
            self.first, self.outcome = result, outcome_of(result, self.call.verify)
            return isinstance(self.outcome, Returned) and (self.call.verify or self.suspect)
        if (result.tag, result.body) != (self.first.tag, self.first.body):
            outcome = outcome_of(result, self.call.verify)
            if not self._agrees(outcome):
                self.suspect = False
                if self.call.verify:
                    self.outcome = outcome if isinstance(outcome, Stopped | Refused) else Nondeterministic()
                return False
        return self.runs < (seeds if self.hashing else 2)

    def _agrees(self, outcome: Outcome) -> bool:
        """Whether `outcome` is the first one's value, types included; the order of sets and dictionaries is free."""
        return (
            isinstance(outcome, Returned)
            and isinstance(self.outcome, Returned)
            and literals.same_types(self.outcome.value, outcome.value)
        )

    def forget(self) -> None:
        """Back to the beginning, outside the lane."""
        self.alone, self.shared, self.suspect = True, False, False
        self.audit = self.first = self.outcome = None
        self.runs = 0
