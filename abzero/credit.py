"""From outcomes to experiences: who is rewarded for what, and which rollouts are learned from."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from abzero.buffer import Buffer
from abzero.rewards import ProposerReward, Setting, SolverReward
from abzero.types import Attempt, Experience, Proposal, Role


def standing(proposal: Proposal, buffer: Buffer) -> Setting:
    """Where a proposal stands among all that was offered to `buffer` before it, in this step too."""
    if proposal.task is None:
        return Setting()
    references = tuple(reference.program for reference in proposal.references)
    return Setting(references, buffer.repeats(proposal.task), buffer.answer_share(proposal.task))


Crediting = Callable[[Sequence[Proposal], Sequence[Setting], Sequence[Attempt], random.Random], list[Experience]]
"""One step's outcomes → its experiences, without advantages."""


@dataclass(frozen=True)
class Credit:
    """Rewards both roles; `trained` and `reuse_estimates` say which of the rewarded rollouts the learner sees."""

    proposer: ProposerReward = field(default_factory=ProposerReward)
    solver: SolverReward = field(default_factory=SolverReward)
    trained: Sequence[Role] = ("propose", "solve")
    reuse_estimates: bool = False
    """Whether the attempts that estimate solve rates train the solver, too: they are most of a step's rollouts."""

    def __call__(
        self,
        proposals: Sequence[Proposal],
        settings: Sequence[Setting],
        attempts: Sequence[Attempt],
        rng: random.Random,
    ) -> list[Experience]:
        """One experience for each proposal and attempt that is learned from; chance has no part in it."""
        groups: dict[str, int] = {}
        rows = []
        if "propose" in self.trained:
            for proposal, setting in zip(proposals, settings, strict=True):
                if proposal.excluded:
                    continue
                program = proposal.task.program if proposal.task else None
                terms = self.proposer(program, proposal.well_formed, proposal.solve_rate or 0.0, setting)
                group = groups.setdefault(proposal.prompt, len(groups))
                rows.append(Experience("propose", proposal.mode, group, proposal.rollout, terms))
        if "solve" in self.trained:
            for attempt in attempts:
                if self.reuse_estimates or not attempt.estimate:
                    terms = self.solver(attempt.score, attempt.well_formed)
                    group = groups.setdefault(attempt.prompt, len(groups))
                    rows.append(Experience("solve", attempt.task.mode, group, attempt.rollout, terms))
        return rows


@dataclass(frozen=True)
class CoinCredit:
    """A control, never a way to train: the same experiences, each rewarded with 1 or -1 by a fair coin."""

    credit: Credit

    def __call__(
        self,
        proposals: Sequence[Proposal],
        settings: Sequence[Setting],
        attempts: Sequence[Attempt],
        rng: random.Random,
    ) -> list[Experience]:
        rows = self.credit(proposals, settings, attempts, rng)
        return [replace(row, terms=(("coin", rng.choice((-1.0, 1.0))),)) for row in rows]
