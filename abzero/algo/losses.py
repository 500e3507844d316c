"""The policy loss: clipped surrogate (section 3.3.5, eq. 9), importance correction, optional KL and entropy.

Every response token carries a weight computed from the whole batch, and the loss is a plain weighted *sum* over tokens.
So the gradient of a batch is the sum of its parts' gradients: any split, padding or order gives the same update.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from abzero.types import Experience, Role

Weighting = Callable[[Sequence[Experience]], list[float]]
"""The weight that every token of each row carries, from the whole batch of one optimizer step."""


def sequence_weights(batch: Sequence[Experience]) -> list[float]:
    """Mean over each response's tokens, then over responses: 1 / (responses * own length), eq. 9."""
    return [1 / (len(batch) * max(len(row.rollout.tokens), 1)) for row in batch]


def token_weights(batch: Sequence[Experience]) -> list[float]:
    """Mean over all tokens of the batch: long responses weigh more."""
    return [1 / max(sum(len(row.rollout.tokens) for row in batch), 1)] * len(batch)


def role_token_weights(batch: Sequence[Experience]) -> list[float]:
    """Mean over the tokens of each role, the roles summed: neither role's length dilutes the other."""
    lengths: Counter[str] = Counter()
    for row in batch:
        lengths[row.role] += len(row.rollout.tokens)
    return [1 / max(lengths[row.role], 1) for row in batch]


def scaled(weighting: Weighting, truncated: float, roles: Mapping[Role, float]) -> Weighting:
    """`weighting`, times a factor of the row's role, and of its having been cut at the token limit.

    What a row loses no other gains: the divisors count it in full.
    """

    def scale(batch: Sequence[Experience]) -> list[float]:
        return [
            weight * roles[row.role] * (truncated if row.rollout.finish == "length" else 1.0)
            for row, weight in zip(batch, weighting(batch), strict=True)
        ]

    return scale


@dataclass(frozen=True, slots=True)
class Tokens:
    """Response tokens of any rows, end to end, each tensor ``[N]``. Only `logprobs` and `entropy` carry gradients."""

    logprobs: Tensor
    """Under the weights being trained, at the sampling temperature, as are all log-probabilities here."""
    entropy: Tensor
    """Of the learner's distribution at each token, in nats."""
    old: Tensor
    """`logprobs` under the weights before the update's first optimizer step."""
    sampled: Tensor
    """`logprobs` as the sampler computed them."""
    advantages: Tensor
    weights: Tensor
    reference: Tensor | None = None
    """`logprobs` under the frozen reference policy."""
    lengths: Sequence[int] = ()
    """Of the rows, in order; `sequence_ratio` alone asks for them."""


def token_ratio(tokens: Tokens) -> Tensor:
    """s of eq. 9: how much likelier each token has become."""
    return torch.exp(tokens.logprobs - tokens.old)


def sequence_ratio(tokens: Tokens) -> Tensor:
    """GSPO (arXiv 2507.18071, eq. 7): the geometric mean of `token_ratio` over the response, for all its tokens."""
    rows = (tokens.logprobs - tokens.old).split(list(tokens.lengths))
    return torch.exp(torch.cat([row.mean().expand(len(row)) for row in rows]))


def clipped(ratio: Tensor, tokens: Tokens, objective: "Objective") -> Tensor:
    """min(s A, clip(s) A), eq. 9; and where A < 0 no less than dual_clip * A (arXiv 1912.09729)."""
    bounded = ratio.clamp(1 - objective.clip_low, 1 + objective.clip_high)
    surrogate = torch.minimum(ratio * tokens.advantages, bounded * tokens.advantages)
    if objective.dual_clip:
        least = objective.dual_clip * tokens.advantages
        surrogate = torch.where(tokens.advantages < 0, torch.maximum(surrogate, least), surrogate)
    return surrogate


def cispo(ratio: Tensor, tokens: Tokens, objective: "Objective") -> Tensor:
    """clip(s) A log p, its ratio without gradient (arXiv 2506.13585): no token loses its gradient by the clip."""
    bounded = ratio.detach().clamp(1 - objective.clip_low, 1 + objective.clip_high)
    return bounded * tokens.advantages * tokens.logprobs


Ratio = Callable[[Tokens], Tensor]
Surrogate = Callable[[Tensor, Tokens, "Objective"], Tensor]
RATIOS: Mapping[str, Ratio] = {"token": token_ratio, "sequence": sequence_ratio}
SURROGATES: Mapping[str, Surrogate] = {"clip": clipped, "cispo": cispo}


@dataclass(frozen=True, slots=True)
class Objective:
    """The loss's coefficients; the defaults are the paper's."""

    clip_low: float = 0.2
    """The ratio to the old policy is clipped to [1 - clip_low, 1 + clip_high]."""
    clip_high: float = 0.2
    importance_cap: float = 2.0
    """Upper bound of the learner/sampler probability ratio that multiplies each token; 0 ignores the sampler."""
    kl: float = 0.0
    """Coefficient of the KL divergence from the reference policy, estimated per token (k3)."""
    entropy: float = 0.001
    """Coefficient of the entropy bonus."""
    dual_clip: float = 0.0
    """Largest ratio that a token of negative advantage counts with; 0 is no bound."""
    ratio: Ratio = token_ratio
    surrogate: Surrogate = clipped


def policy_loss(tokens: Tokens, objective: Objective) -> Tensor:
    """The weighted sum over tokens of -surrogate(s, A) * importance + kl * k3 - entropy * H, a scalar."""
    loss = -objective.surrogate(objective.ratio(tokens), tokens, objective) * importance(tokens, objective)
    if tokens.reference is not None:
        loss = loss + objective.kl * k3(tokens.reference - tokens.logprobs)
    if objective.entropy:
        loss = loss - objective.entropy * tokens.entropy
    return (loss * tokens.weights).sum()


def importance(tokens: Tokens, objective: Objective) -> Tensor:
    """Truncated importance ratio of the old learner to the sampler, without gradient."""
    if not objective.importance_cap:
        return torch.ones_like(tokens.old)
    return torch.exp(tokens.old - tokens.sampled).clamp(max=objective.importance_cap).detach()


def k3(log_ratio: Tensor) -> Tensor:
    """Schulman's unbiased, non-negative estimate of KL(p, q) at samples of p, from log q - log p."""
    return torch.expm1(log_ratio) - log_ratio


@torch.no_grad()
def figures(tokens: Tokens, objective: Objective) -> Mapping[str, float]:
    """Sums over the tokens, and the largest gap: what `update` averages into metrics over any split of the batch."""
    gap = (tokens.old - tokens.sampled).abs()
    log_ratio = tokens.logprobs - tokens.old
    ratio = objective.ratio(tokens)
    outside = (ratio < 1 - objective.clip_low) | (ratio > 1 + objective.clip_high)
    sums = {
        "tokens": torch.ones_like(gap),
        "entropy": tokens.entropy,
        "clip_fraction": outside.to(gap.dtype),
        "kl_old": k3(log_ratio),
        "kl_sampler": k3(tokens.old - tokens.sampled),
        "importance": importance(tokens, objective),
        "logprob_gap": gap,
    }
    if tokens.reference is not None:
        sums["kl_reference"] = k3(tokens.reference - tokens.logprobs)
    return {name: float(value.sum()) for name, value in sums.items()} | {"logprob_gap_max": float(gap.max())}
