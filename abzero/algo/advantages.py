"""Advantages: ``A = (r - baseline) / scale``. The estimators differ only in which rows are compared, and how.

TRR++ (eq. 8 of the paper) compares rows of the same role and mode; see `ESTIMATORS` for all six.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

from abzero.types import Experience

EPSILON = 1e-8

Compared = Callable[[Experience], Hashable]
"""Rows with equal keys share a baseline and a scale."""

Weight = Callable[[Experience], int]
"""How much a row counts in baseline and scale."""


def per_response(_: Experience) -> int:
    """Every response counts once (the paper, eq. 8)."""
    return 1


def per_token(row: Experience) -> int:
    """Every response counts once a token, so long ones weigh more (the reference's masked whitening)."""
    return len(row.rollout.tokens)


def whole_batch(_: Experience) -> Hashable:
    return ()


def role_and_mode(row: Experience) -> Hashable:
    return row.role, row.mode


def prompt(row: Experience) -> Hashable:
    return row.group


def proposals_by_mode_attempts_by_prompt(row: Experience) -> Hashable:
    return (row.role, row.mode) if row.role == "propose" else (row.role, row.group)


@dataclass(frozen=True)
class Estimator:
    """One row of the table: which rows are compared, whether the scale is their σ or 1, whose mean is the baseline."""

    compared: Compared
    scaled: bool
    leave_one_out: bool = False

    def __call__(self, batch: Sequence[Experience], weight: Weight = per_response) -> list[Experience]:
        """`batch` with its advantages, in order; rows of equal reward get exactly 0."""
        groups: dict[Hashable, list[int]] = defaultdict(list)
        for index, row in enumerate(batch):
            groups[self.compared(row)].append(index)
        advantages = [0.0] * len(batch)
        for indices in groups.values():
            rows = [batch[index] for index in indices]
            values = self._advantages([row.reward for row in rows], [weight(row) for row in rows])
            for index, value in zip(indices, values, strict=True):
                advantages[index] = value
        return [replace(row, advantage=value) for row, value in zip(batch, advantages, strict=True)]

    def _advantages(self, rewards: list[float], weights: list[int]) -> list[float]:
        total = sum(weights)
        if total <= 1 or min(rewards) == max(rewards):
            return [0.0] * len(rewards)
        mean = sum(w * r for w, r in zip(weights, rewards, strict=True)) / total
        if self.leave_one_out:
            return [
                (r - mean) * total / (total - w) if total > w else 0.0 for w, r in zip(weights, rewards, strict=True)
            ]
        if not self.scaled:
            return [r - mean for r in rewards]
        variance = sum(w * (r - mean) ** 2 for w, r in zip(weights, rewards, strict=True)) / (total - 1)
        return [(r - mean) / math.sqrt(variance + EPSILON) for r in rewards]


trr_pp = Estimator(role_and_mode, scaled=True)
reinforce_pp = Estimator(whole_batch, scaled=True)
grpo = Estimator(prompt, scaled=True)
dr_grpo = Estimator(prompt, scaled=False)
rloo = Estimator(prompt, scaled=False, leave_one_out=True)
trr_grpo = Estimator(proposals_by_mode_attempts_by_prompt, scaled=True)
"""TRR++ for proposals, of which a prompt has one; GRPO for attempts: a task that all fail pushes nothing down."""

ESTIMATORS = {
    "trr_pp": trr_pp,
    "trr_grpo": trr_grpo,
    "reinforce_pp": reinforce_pp,
    "grpo": grpo,
    "dr_grpo": dr_grpo,
    "rloo": rloo,
}
WEIGHTS: dict[str, Weight] = {"response": per_response, "token": per_token}
