"""What the journal's reader hands over: rollouts as they were recorded, frozen."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rewarded:
    """What a rollout earned: named summands, and the advantage that the learner was given."""

    terms: tuple[tuple[str, float], ...]
    advantage: float
    group: int

    @property
    def total(self) -> float:
        return sum(value for _, value in self.terms)


@dataclass(frozen=True, slots=True)
class Proposed:
    """A proposal as recorded; `task` and `references` are ids."""

    step: int
    position: int
    mode: str
    prompt: str
    completion: str
    tokens: int
    finish: str
    version: int
    task: str | None
    error: str | None
    well_formed: bool
    solve_rate: float | None
    samples: int
    """Attempts that estimated `solve_rate`; 0 where there is no task."""
    ours: bool | None
    """Rejected for a reason of ours: not learned from. ``None``, like the next three, in a journal of version 1."""
    new: bool | None
    """Whether the buffer kept its task."""
    repeats: int | None
    """How often the buffer had been offered a program of this normal form before."""
    answer_share: float | None
    """Share of the buffer's tasks of this mode that had the same answer."""
    references: tuple[str, ...]
    reward: Rewarded | None
    """``None`` where the proposal did not reach the learner."""
    fault: str = ""
    """What checking it raised that it must not, by name: a fault of abzero's. Empty as a rule, and before version 3."""


@dataclass(frozen=True, slots=True)
class Attempted:
    """An attempt as recorded; `task` is an id, `mode` the task's."""

    step: int
    position: int
    task: str
    mode: str
    prompt: str
    completion: str
    tokens: int
    finish: str
    version: int
    answer: str
    score: float | None
    well_formed: bool
    proposal: int | None
    """Position of the proposal whose solve rate it estimates; ``None`` if drawn for the solver."""
    reward: Rewarded | None
    """``None`` where the attempt did not reach the learner."""
    fault: str = ""
    """What grading it raised that it must not, by name; its score, which is ``None``, then says nothing."""


@dataclass(frozen=True, slots=True)
class ProposalSummary:
    """A proposal in few words: what curves over a whole run are drawn from."""

    step: int
    mode: str
    task: str | None
    program: str | None
    solve_rate: float | None
