"""The parity probe: does a sampler with weights of its own compute what the learner computes?

Weights that are handed over can go astray without an error: a tensor that is skipped, a packed copy that is not packed
again, a cache that outlives them. A run would then train on rollouts of another policy. So both sides are asked for the
log-probabilities of the same fixed rows of tokens, and their mean distance must be within what rounding explains.

That mean cannot see a tensor that is stale by less than rounding. What can is a sampler that starts on random weights
and gets all it has by hand-overs: whatever they miss is then random, however small the learning rate.
"""

import random
from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel

from abzero.errors import BackendError
from abzero.policy.local.logprobs import token_logprobs

LENGTHS = (2, 11, 23, 48, 300, 2000)
"""Of the probe's rows: what goes wrong with positions shows in the long ones alone."""
SHORT = 100
"""Tokens from which a row is judged by itself."""
LIMITS = {torch.float64: 1e-3, torch.float32: 1e-3, torch.float16: 0.05, torch.bfloat16: 0.2}
"""Mean distance in nats per token that is put down to rounding in each type."""


def rows(vocabulary: int, longest: int) -> list[list[int]]:
    """Rows of tokens from all over the vocabulary, always the same: of each length up to `longest`, and of that one."""
    rng = random.Random(0)
    lengths = sorted({min(length, longest) for length in LENGTHS})
    return [[rng.randrange(vocabulary) for _ in range(length)] for length in lengths]


@torch.no_grad()
def logprobs(model: PreTrainedModel, rows: Sequence[Sequence[int]]) -> list[Tensor]:
    """Of every token but the first in each row under `model`, at temperature 1: what a sampler should find."""
    head = model.get_output_embeddings().weight
    found = []
    for row in rows:
        tokens_1T = torch.tensor([list(row)], device=model.device)
        hidden_TD = model.get_decoder()(input_ids=tokens_1T, use_cache=False).last_hidden_state[0]
        found.append(token_logprobs(hidden_TD[:-1], head, tokens_1T[0, 1:], 1.0)[0].float().cpu())
    return found


def check(found: Sequence[Sequence[float]], expected: Sequence[Tensor], limit: float, sampler: str) -> None:
    """Raise `BackendError` unless the mean distance of `found` to `expected` is at most `limit`.

    That is the mean over all short rows, and over the second half of each long one.
    """
    distances = [(torch.tensor(row) - like).abs() for row, like in zip(found, expected, strict=True)]
    short = [row for row in distances if len(row) < SHORT]
    long = [row[len(row) // 2 :] for row in distances if len(row) >= SHORT]
    distance = max([torch.cat(short), *long] if short else long, key=lambda row: float(row.mean().nan_to_num(nan=1e9)))
    gap = float(distance.mean())
    if not gap <= limit:
        raise BackendError(
            f"{sampler} does not hold the learner's weights: on fixed tokens their log-probabilities differ by "
            f"{gap:.2g} nats on average, {float(distance.max()):.2g} at most, where {limit} is rounding"
        )
