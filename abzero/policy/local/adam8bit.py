"""AdamW whose moments take one byte each (after Dettmers et al., 2022: quantised by blocks, finer near zero)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

BLOCK = 256
"""Neighbouring weights of a row that share a scale, at most."""


class Adam8bit(torch.optim.Optimizer):
    """AdamW on fp32 weights. The first moment is kept as a signed square root, the second as a fourth root, of 8 bits.

    The second moment is rounded up, so that a weight beside a much larger one never divides by zero.
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
        state["mean"], state["mean_scale"] = pack_first(mean)
        state["square"], state["square_scale"] = pack_second(square)


def pack_first(values: Tensor) -> tuple[Tensor, Tensor]:
    """Signed values as int8 blocks and the fp32 scale of each block."""
    blocks, scale = _blocks(values)
    return (blocks.abs() / scale).sqrt_().mul_(127).round_().mul_(blocks.sign()).to(torch.int8), scale


def first_moment(codes: Tensor, scale: Tensor, like: Tensor) -> Tensor:
    roots = codes.float() / 127
    return _whole(roots * roots.abs() * scale, like)


def pack_second(values: Tensor) -> tuple[Tensor, Tensor]:
    """Values that are never negative as uint8 blocks, rounded up, and the fp32 scale of each block."""
    blocks, scale = _blocks(values)
    return (blocks / scale).sqrt_().sqrt_().mul_(255).ceil_().clamp_(max=255).to(torch.uint8), scale


def second_moment(codes: Tensor, scale: Tensor, like: Tensor) -> Tensor:
    return _whole((codes.float() / 255).square_().square_() * scale, like)


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
