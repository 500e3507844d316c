"""From outcomes to experiences: who is rewarded for what, and which rollouts are learned from."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from abzero.algo.rewards import ProposerReward, SolverReward, Solving
from abzero.tasks.buffer import Buffer
from abzero.types import Attempt, Experience, Novelty, Proposal, Role


def novelty_of(proposal: Proposal, buffer: Buffer) -> Novelty:
    """How a proposal compares with all that was offered to `buffer` before it, in this step too."""
    if proposal.task is None:
        return Novelty()
    references = tuple(reference.program for reference in proposal.references)
    return Novelty(references, buffer.repeats(proposal.task), buffer.answer_share(proposal.task))


Crediting = Callable[[Sequence[Proposal], Sequence[Attempt], random.Random], list[Experience]]
"""One step's outcomes → its experiences, without advantages."""


@dataclass(frozen=True)
class Credit:
    """Rewards both roles; `trained` and `reuse_estimates` say which of the rewarded rollouts the learner sees."""

    proposer: ProposerReward = field(default_factory=ProposerReward)
    solver: Solving = field(default_factory=SolverReward)
    trained: Sequence[Role] = ("propose", "solve")
    reuse_estimates: bool = False
    """Whether the attempts that estimate solve rates train the solver, too: they are most of a step's rollouts."""

    def __call__(
        self, proposals: Sequence[Proposal], attempts: Sequence[Attempt], rng: random.Random
    ) -> list[Experience]:
        """One experience for each proposal and attempt that is learned from; chance has no part in it."""
        groups: dict[str, int] = {}
        rows = []
        if "propose" in self.trained:
            for position, proposal in enumerate(proposals):
                if proposal.excluded:
                    continue
                program = proposal.task.program if proposal.task else None
                terms = self.proposer(program, proposal.well_formed, proposal.solve_rate or 0.0, proposal.novelty)
                group = groups.setdefault(proposal.prompt, len(groups))
                rows.append(Experience(("propose", position), proposal.mode, group, proposal.rollout, terms))
        if "solve" in self.trained:
            for position, attempt in enumerate(attempts):
                if not attempt.fault and (self.reuse_estimates or attempt.proposal is None):
                    terms = self.solver(attempt.score, attempt.well_formed)
                    group = groups.setdefault(attempt.prompt, len(groups))
                    rows.append(Experience(("solve", position), attempt.task.mode, group, attempt.rollout, terms))
        return rows


@dataclass(frozen=True)
class RandomRewards:
    """A control, never a way to train: the same experiences, each rewarded with 1 or -1 by a fair coin."""

    credit: Credit

    def __call__(
        self, proposals: Sequence[Proposal], attempts: Sequence[Attempt], rng: random.Random
    ) -> list[Experience]:
        rows = self.credit(proposals, attempts, rng)
        return [replace(row, terms=(("coin", rng.choice((-1.0, 1.0))),)) for row in rows]
