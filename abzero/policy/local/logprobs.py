"""Log-probabilities and entropies from hidden states, in chunks: no batch's [tokens, vocabulary] tensor ever exists."""

from typing import cast

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import FunctionCtx

CHUNK_ELEMENTS = 1 << 25
"""Logits held at once: 128 MB in fp32, yet some hundred rows of the largest vocabularies per reading of the head."""


def token_logprobs(
    hidden_ND: Tensor, head_VD: Tensor, targets_N: Tensor, temperature: float, chunk_elements: int = CHUNK_ELEMENTS
) -> tuple[Tensor, Tensor]:
    """log softmax(hidden @ head / temperature)[target] and the entropy of that softmax, both ``[N]`` in fp32 or better.

    Logits are computed in the dtype of `hidden_ND`, normalised in fp32, and computed again chunk by chunk in backward.
    """
    rows = max(1, chunk_elements // head_VD.shape[0])
    return cast(tuple[Tensor, Tensor], _TokenLogprobs.apply(hidden_ND, head_VD, targets_N, temperature, rows))  # type: ignore[no-untyped-call]


class _Context(FunctionCtx):
    saved_tensors: tuple[Tensor, ...]
    needs_input_grad: tuple[bool, ...]
    temperature: float
    rows: int


class _TokenLogprobs(Function):
    @staticmethod
    def forward(
        ctx: _Context, hidden_ND: Tensor, head_VD: Tensor, targets_N: Tensor, temperature: float, rows: int
    ) -> tuple[Tensor, Tensor]:
        dtype = torch.promote_types(hidden_ND.dtype, torch.float32)
        logprobs_N = hidden_ND.new_empty(len(targets_N), dtype=dtype)
        entropy_N = torch.empty_like(logprobs_N)
        for part in _parts(len(targets_N), rows):
            logp_CV = _log_softmax(hidden_ND[part], head_VD, temperature)
            logprobs_N[part] = logp_CV.gather(1, targets_N[part, None])[:, 0]
            entropy_N[part] = -(logp_CV.exp() * logp_CV).sum(1)
        ctx.save_for_backward(hidden_ND, head_VD, targets_N, entropy_N)
        ctx.temperature, ctx.rows = temperature, rows
        return logprobs_N, entropy_N

    @staticmethod
    def backward(ctx: _Context, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """With p the softmax and H its entropy: d logp[t] = onehot(t) - p, d H = -p (log p + H), over temperature."""
        hidden_ND, head_VD, targets_N, entropy_N = ctx.saved_tensors
        gradient_logprobs_N, gradient_entropy_N = gradients
        gradient_hidden_ND = torch.empty_like(hidden_ND)
        gradient_head_VD = torch.zeros_like(head_VD) if ctx.needs_input_grad[1] else None
        for part in _parts(len(targets_N), ctx.rows):
            logp_CV = _log_softmax(hidden_ND[part], head_VD, ctx.temperature)
            p_CV = logp_CV.exp()
            per_logp_C1 = gradient_logprobs_N[part, None]
            per_entropy_C1 = gradient_entropy_N[part, None]
            slope_CV = logp_CV.add_(entropy_N[part, None]).mul_(per_entropy_C1).add_(per_logp_C1).mul_(p_CV).neg_()
            slope_CV.scatter_add_(1, targets_N[part, None], per_logp_C1)
            slope_CV = slope_CV.div_(ctx.temperature).to(hidden_ND.dtype)
            torch.mm(slope_CV, head_VD, out=gradient_hidden_ND[part])
            if gradient_head_VD is not None:
                gradient_head_VD.addmm_(slope_CV.T, hidden_ND[part])
        return gradient_hidden_ND, gradient_head_VD, None, None, None


def _parts(length: int, rows: int) -> list[slice]:
    return [slice(start, min(start + rows, length)) for start in range(0, length, rows)]


def _log_softmax(hidden_CD: Tensor, head_VD: Tensor, temperature: float) -> Tensor:
    logits_CV = hidden_CD @ head_VD.T
    return torch.log_softmax(logits_CV.to(torch.promote_types(logits_CV.dtype, torch.float32)).div_(temperature), 1)
