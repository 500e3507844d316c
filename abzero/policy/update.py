"""One policy-gradient update, whatever computes it: optimizer steps on parts of a batch, and means of their figures.

A learner says how log-probabilities are computed and how one optimizer step is taken; which rows count, with what
weight, against which old policy, and what is reported, is the same for all.
"""

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

import torch
from torch import Tensor

from abzero.algo.losses import Objective, Tokens, Weighting
from abzero.errors import BackendError
from abzero.policy.optimisation import Optimisation
from abzero.text.thought import parted
from abzero.types import ROLES, Experience

WeightedPart = Sequence[tuple[Experience, float]]
"""Rows of one optimizer step, each with the weight of its tokens among all rows of the step."""
Logprobs = TypeVar("Logprobs")
"""What a learner holds the log-probabilities of a part's response tokens in."""


class UpdatingLearner(ABC, Generic[Logprobs]):
    """One update is `minibatches` optimizer steps on disjoint parts of the batch."""

    def __init__(
        self, objective: Objective, weighting: Weighting, optimisation: Optimisation, gap_limit: float
    ) -> None:
        """`gap_limit` bounds the mean absolute difference between sampler's and learner's log-probabilities."""
        self._objective = objective
        self._weighting = weighting
        self._settings = optimisation
        self._gap_limit = gap_limit
        self._version = 0

    @property
    def version(self) -> int:
        return self._version

    def update(self, batch: Sequence[Experience]) -> Mapping[str, float]:
        """Means over the tokens of rows that have a gradient, and the largest sampler-learner gap in log-probability.

        A row of advantage 0 has none, unless there is an entropy bonus or a KL penalty. Optimizer steps whose gradient
        is not finite are counted as ``skipped``, and in nothing else. Raises `BackendError`, with the weights of the
        last good step, where there were too many, or sampler and learner disagree beyond the limit.
        """
        rows = [row for row in batch if row.rollout.tokens]
        count = self._settings.minibatches
        parts = [part for start in range(count) if (part := self._moving(rows[start::count]))]
        if not parts:
            return {}
        self._begin()
        before = [None, *map(self._logprobs, parts[1:])]
        sums: Counter[str] = Counter()
        largest, skipped = 0.0, 0
        for part, old in zip(parts, before, strict=True):
            measured = self._step(part, old)
            if measured is None:
                skipped += 1
                continue
            largest = max(largest, measured.pop("logprob_gap_max"))
            sums.update(measured)
        self._version += 1
        counted = {"skipped": float(skipped)} if self._settings.skips else {}
        if not sums:
            return counted
        tokens, thoughts = sums.pop("tokens"), {name: sums.pop(name) for name in [*sums] if name.startswith("thought/")}
        means = {name: value / tokens for name, value in sums.items()} | surprise_means(thoughts)
        return means | counted | {"tokens": tokens, "logprob_gap_max": largest, "learning_rate": self._learning_rate}

    def _moving(self, rows: Sequence[Experience]) -> WeightedPart:
        """The rows of one optimizer step that have a gradient."""
        weighted = zip(rows, self._weighting(rows), strict=True)
        everyone = bool(self._objective.entropy or self._objective.kl)
        return [(row, weight) for row, weight in weighted if weight and (everyone or row.advantage)]

    def _begin(self) -> None:
        """Make ready for an update that has rows."""

    @abstractmethod
    def _logprobs(self, part: WeightedPart) -> Logprobs:
        """Of the response tokens under the current weights."""

    @abstractmethod
    def _step(self, part: WeightedPart, old: Logprobs | None) -> dict[str, float] | None:
        """Take one optimizer step: sums over its tokens and ``logprob_gap_max``, or ``None`` if it was skipped.

        `old` are the log-probabilities before the update; ``None`` for its first step, whose own they are.
        """

    @property
    @abstractmethod
    def _learning_rate(self) -> float:
        """Of the last optimizer step."""

    def _check_gap(self, gap: float, cause: str) -> None:
        if not math.isfinite(gap):
            raise BackendError(
                "log-probabilities are not finite, the sampler's or the learner's: lower --optimizer.lr, and go on "
                "from a checkpoint before that: abzero fork RUN --step N --run NEW"
            )
        if gap > self._gap_limit:
            raise BackendError(
                f"sampler and learner disagree by {gap:.3f} nats per token on average, above the limit of "
                f"{self._gap_limit}: {cause}"
            )


_NLL, _COUNT = "thought/surprise/{}", "thought/counted/{}"


def surprise(part: WeightedPart, reference: Tensor) -> dict[str, float]:
    """How unlikely the thoughts are to the initial model: sums over their tokens, in nats, and their number, by role.

    `reference` are the response tokens' log-probabilities under it. A thought is what stands before its closing tag;
    how many of the tokens that is is told by its share of the characters.
    """
    rows = [row for row, _ in part]
    texts = [row.rollout.text for row in rows]
    shares = [len(parted(text)[0]) / max(len(text), 1) for text in texts]
    counts = [round(len(row.rollout.tokens) * share) for row, share in zip(rows, shares, strict=True)]
    split = reference.split([len(row.rollout.tokens) for row in rows])
    totals = torch.stack([logprobs[:count].sum() for logprobs, count in zip(split, counts, strict=True)]).tolist()
    sums: Counter[str] = Counter()
    for row, total, count in zip(rows, totals, counts, strict=True):
        sums.update({_NLL.format(row.role): -total, _COUNT.format(row.role): float(count)})
    return dict(sums)


def surprise_means(sums: Mapping[str, float]) -> dict[str, float]:
    """Mean negative log-likelihood of a thought's token, by role, from the sums of `surprise`."""
    counts = {role: sums.get(_COUNT.format(role), 0.0) for role in ROLES}
    return {_NLL.format(role): sums[_NLL.format(role)] / count for role, count in counts.items() if count}


def tokens_of(
    part: WeightedPart, logprobs: Tensor, entropy: Tensor, old: Tensor | None = None, reference: Tensor | None = None
) -> Tokens:
    """What the loss sees of a part's response tokens; without `old`, `logprobs` are the old ones."""
    lengths = [len(row.rollout.tokens) for row, _ in part]

    def flat(values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=logprobs.dtype, device=logprobs.device)

    def spread(values: Sequence[float]) -> Tensor:
        return flat([value for value, length in zip(values, lengths, strict=True) for _ in range(length)])

    return Tokens(
        logprobs=logprobs,
        entropy=entropy,
        old=logprobs.detach() if old is None else old,
        sampled=flat([value for row, _ in part for value in row.rollout.logprobs]),
        advantages=spread([row.advantage for row, _ in part]),
        weights=spread([weight for _, weight in part]),
        reference=reference,
        lengths=lengths,
    )
