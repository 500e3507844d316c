"""AdamW whose moments take one byte each (after Dettmers et al., 2022: quantised by blocks, finer near zero).

Codes are rounded stochastically, so that a moment is right on average whatever a step changes of it. A step moves the
second moment by 0.1 % where neighbouring codes lie 1.6 % apart or more: rounded to the nearest it would stay for ever,
and rounded up it would only rise. See docs/decisions/051-eight-bit-moments-are-rounded-at-random.md.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

BLOCK = 256
"""Neighbouring weights of a row that share a scale, at most."""
FIRST, SECOND = 127, 255
"""The largest codes of the two moments."""


class Adam8bit(torch.optim.Optimizer):
    """AdamW on fp32 weights. The first moment is kept as a signed square root, the second as a fourth root, of 8 bits.

    A second moment that is not 0 keeps at least the smallest code above it, so that a weight beside a much larger one
    never divides by zero.
    """

    def __init__(self, weights: Sequence[Tensor], lr: float, betas: tuple[float, float], weight_decay: float) -> None:
        super().__init__(list(weights), {"lr": lr, "betas": betas, "weight_decay": weight_decay, "eps": 1e-8})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._update(weight, weight.grad, group["lr"], group["betas"], group["weight_decay"], group["eps"])

    def _update(
        self, weight: Tensor, gradient: Tensor, lr: float, betas: tuple[float, float], decay: float, eps: float
    ) -> None:
        state = self.state[weight]
        count = int(state["step"]) + 1 if state else 1
        mean = first_moment(state["mean"], state["mean_scale"], weight) if state else torch.zeros_like(weight)
        square = second_moment(state["square"], state["square_scale"], weight) if state else torch.zeros_like(weight)
        mean.lerp_(gradient, 1 - betas[0])
        square.mul_(betas[1]).addcmul_(gradient, gradient, value=1 - betas[1])
        weight.mul_(1 - lr * decay)
        denominator = square.sqrt().div_((1 - betas[1] ** count) ** 0.5).add_(eps)
        weight.addcdiv_(mean, denominator, value=-lr / (1 - betas[0] ** count))
        state["step"] = torch.tensor(float(count))
        state["mean"], state["mean_scale"] = pack_first(mean, count)
        state["square"], state["square_scale"] = pack_second(square, count)


def pack_first(values: Tensor, step: int) -> tuple[Tensor, Tensor]:
    """Signed values as int8 blocks, rounded at random as `step` has it, and the fp32 scale of each block."""
    blocks, scale = _blocks(values)
    codes = _rounded(blocks.abs().div_(scale), 2, FIRST, 2 * step)
    return codes.mul_(blocks.sign()).to(torch.int8), scale


def first_moment(codes: Tensor, scale: Tensor, like: Tensor) -> Tensor:
    roots = codes.float() / FIRST
    return _whole(roots * roots.abs() * scale, like)


def pack_second(values: Tensor, step: int) -> tuple[Tensor, Tensor]:
    """Values that are never negative as uint8 blocks, rounded as the first moment is, and the fp32 scale of each."""
    blocks, scale = _blocks(values)
    codes = _rounded(blocks / scale, 4, SECOND, 2 * step + 1)
    return torch.where(blocks > 0, codes.clamp(min=1), codes).to(torch.uint8), scale


def second_moment(codes: Tensor, scale: Tensor, like: Tensor) -> Tensor:
    return _whole((codes.float() / SECOND).square_().square_() * scale, like)


def _rounded(shares: Tensor, power: int, largest: int, seed: int) -> Tensor:
    """Codes in [0, `largest`] of `shares` in [0, 1]: (code / largest) ** power is the share on average.

    All rows of a tensor draw the same numbers, so that a row's codes do not depend on which process holds it.
    """
    below = shares.pow(1 / power).mul_(largest).floor_().clamp_(max=largest - 1)
    low, high = (((below + offset) / largest).pow_(power) for offset in (0, 1))
    draws = torch.rand(shares.shape[1:], generator=torch.Generator().manual_seed(seed)).to(shares.device)
    return below.add_((shares - low) > draws * (high - low))


def _blocks(values: Tensor) -> tuple[Tensor, Tensor]:
    """``[rows, blocks, at most BLOCK]`` and a scale for each block. No block leaves its row, so that rows can be dealt
    out to processes and collected again; a vector's numbers are rows of their own, and exact.
    """
    rows = values.flatten(1) if values.dim() > 1 else values[:, None]
    count = -(-rows.shape[1] // BLOCK)
    width = -(-rows.shape[1] // count)
    blocks = pad(rows, (0, count * width - rows.shape[1])).unflatten(1, (count, width))
    return blocks, blocks.abs().amax(2, keepdim=True).clamp_(min=torch.finfo(torch.float32).tiny)


def _whole(blocks: Tensor, like: Tensor) -> Tensor:
    rows = blocks.flatten(1)
    return rows[:, : like[:1].numel()].reshape(like.shape) if len(like) else torch.zeros_like(like)
