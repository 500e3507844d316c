"""A lean forward pass for small dense models: Llama, Mistral, Qwen2 and Qwen3 shapes, packed, with a cache of its own.

Decoding a small model on CPU is bound by the overhead of each operation and by reading the cache. So: few operations
per layer, query, key and value in one product, and no more rows at a time than keep the cache near the core.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, linear, pad, rms_norm, scaled_dot_product_attention, silu
from transformers import PreTrainedModel

from abzero.policy.local.hf_engine import PREFILL_TOKENS
from abzero.policy.models import lora

SHAPES = {"llama", "mistral", "qwen2", "qwen3"}
PACKED_PARAMETERS = 1 << 28
"""Above this size the overhead that packing saves is small, and a second copy of the weights is not."""
CACHE_BYTES = 32 << 20
"""Keys and values held at once by a small model: about what the last-level cache holds; more only wait for memory."""
MIN_ROWS = 32
SHORT = 160
"""Prompt tokens up to which attention over them is done in plain products, which hold all their scores at once."""
BLOCK = 32
"""Columns by which the cache grows."""


def cache_bytes(weights: int) -> int:
    """Keys and values that are best held at once beside so many bytes of weights.

    Each step reads all weights, too, however few the rows: twice their size keeps that the smaller share of a step.
    """
    return max(CACHE_BYTES, 2 * weights)


def fits(model: PreTrainedModel) -> bool:
    """Whether `PackedEngine` computes exactly what `model` does."""
    config = model.config
    rope = getattr(config, "rope_parameters", None) or {}
    return (
        config.model_type in SHAPES
        and config.hidden_act == "silu"
        and rope.get("rope_type", "default") in ("default", "linear", "llama3")
        and rope.get("partial_rotary_factor", 1.0) == 1.0
        and all(kind == "full_attention" for kind in getattr(config, "layer_types", None) or [])
        and (getattr(config, "sliding_window", None) is None or hasattr(config, "layer_types"))
    )


@dataclass(frozen=True, slots=True)
class _Linear:
    weight: Tensor
    bias: Tensor | None
    adapter: tuple[Tensor, Tensor] | None = None
    """What is added, up @ down @ x, as (down, up)."""

    def __call__(self, x: Tensor) -> Tensor:
        y = linear(x, self.weight, self.bias)
        return y if self.adapter is None else y + linear(linear(x, self.adapter[0]), self.adapter[1])


@dataclass(frozen=True, slots=True)
class _Layer:
    """The weights of one block; the gains of its two norms are folded into the products that follow them."""

    qkv: _Linear
    query_norm: Tensor | None
    key_norm: Tensor | None
    out: _Linear
    gate_up: _Linear
    down: _Linear


class PackedEngine:
    """A copy of a model's weights, packed for decoding in `dtype`. Take a new one when the weights change."""

    def __init__(self, model: PreTrainedModel, dtype: torch.dtype, wide_head: bool = False) -> None:
        config, trunk = model.config, model.model
        self.dtype = dtype
        self.parameters = model.num_parameters()
        self.queries: int = config.num_attention_heads
        self.keys: int = config.num_key_value_heads
        self.head: int = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        self.eps: float = config.rms_norm_eps
        self.frequencies = trunk.rotary_emb.inv_freq.float()
        self.rope_scale: float = trunk.rotary_emb.attention_scaling
        self.embedding = trunk.embed_tokens.weight.detach().to(dtype, copy=True)
        self.wide = torch.float32 if wide_head and dtype.itemsize < 4 else dtype
        """What logits are computed in."""
        self.unembedding = self._packed([model.lm_head], trunk.norm, self.wide)
        self.layers = [
            _Layer(
                qkv=self._packed(
                    [layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj], layer.input_layernorm
                ),
                query_norm=self._gain(layer.self_attn, "q_norm"),
                key_norm=self._gain(layer.self_attn, "k_norm"),
                out=self._packed([layer.self_attn.o_proj]),
                gate_up=self._packed([layer.mlp.gate_proj, layer.mlp.up_proj], layer.post_attention_layernorm),
                down=self._packed([layer.mlp.down_proj]),
            )
            for layer in trunk.layers
        ]

    def _packed(
        self, modules: Sequence[nn.Linear], norm: nn.Module | None = None, dtype: torch.dtype | None = None
    ) -> _Linear:
        """The `modules` as one product, which also applies the gain of the `norm` before them.

        Adapters are folded in where numbers are fp32; narrower ones would round them away, so there they stay apart.
        """
        factors = [lora.factors(module) for module in modules]
        apart = self.dtype.itemsize < 4 and any(factors)
        bases = [getattr(module, "base_layer", module) if apart else module for module in modules]
        weight = torch.cat([lora.merged_weight(base) for base in bases])
        down, up = _side_by_side(factors, [len(base.weight) for base in bases]) if apart else (None, None)
        if norm is not None:
            weight = weight.to(dtype or weight.dtype)
            gain = cast(Tensor, norm.weight).detach()
            weight, down = weight * gain, None if down is None else down * gain
        biases = [module.bias.detach() for module in modules if module.bias is not None]
        return _Linear(
            weight.to(dtype or self.dtype),
            torch.cat(biases).to(self.dtype) if biases else None,
            None if down is None or up is None else (down.to(self.dtype), up.to(self.dtype)),
        )

    def _gain(self, attention: nn.Module, name: str) -> Tensor | None:
        module = getattr(attention, name, None)
        return None if module is None else module.weight.detach().to(self.dtype, copy=True)

    def rows(self, tokens: int) -> int:
        per_row = 2 * len(self.layers) * self.keys * self.head * tokens * self.dtype.itemsize
        return max(MIN_ROWS, cache_bytes(self.parameters * self.dtype.itemsize) // per_row)

    def start(
        self, prompts: Sequence[Sequence[int]], copies: Sequence[int], new: int
    ) -> tuple["PackedSession", Tensor]:
        width = max(map(len, prompts))
        device = self.embedding.device
        pads_B = torch.tensor(
            [width - len(prompt) for prompt, n in zip(prompts, copies, strict=True) for _ in range(n)]
        )
        session = PackedSession(self, pads_B.to(device), width)
        size = max(1, PREFILL_TOKENS // width)
        parts = [slice(start, start + size) for start in range(0, len(prompts), size)]
        firsts = [sum(copies[: part.start]) for part in parts]
        logits = [
            self._prefill(session, prompts[part], torch.tensor(copies[part], device=device), first)
            for part, first in zip(parts, firsts, strict=True)
        ]
        return session, torch.cat(logits)

    def _prefill(
        self, session: "PackedSession", prompts: Sequence[Sequence[int]], repeats: Tensor, first: int
    ) -> Tensor:
        """Fill rows from `first` on, each of `prompts` as often as `repeats` says; return the logits ``[B, V]``."""
        width, device = session.width, self.embedding.device
        tokens_PT = torch.tensor([[0] * (width - len(prompt)) + list(prompt) for prompt in prompts], device=device)
        pads_P = torch.tensor([width - len(prompt) for prompt in prompts], device=device)
        rows = slice(first, first + int(repeats.sum()))
        columns = torch.arange(width, device=device)
        causal = (columns[:, None] >= columns) & (columns >= pads_P[:, None, None])
        bias_P1TT = torch.zeros(causal.shape, dtype=self.dtype, device=device)
        bias_P1TT = bias_P1TT.masked_fill_(~causal, torch.finfo(self.dtype).min)[:, None]
        rope = self.rope(columns - pads_P[:, None])
        x_PTD = embedding(tokens_PT, self.embedding)
        for number, layer in enumerate(self.layers):
            q, k, v = self.project(layer, x_PTD, rope)
            session.keys_BKDT[number][rows, :, :, :width] = k.permute(0, 2, 3, 1).repeat_interleave(repeats, 0)
            session.values_BKTD[number][rows, :, :width] = v.transpose(1, 2).repeat_interleave(repeats, 0)
            if number == len(self.layers) - 1:
                q, x_PTD, bias_P1TT = q[:, -1:], x_PTD[:, -1:], bias_P1TT[:, :, -1:]
            mixed = attend(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), bias_P1TT)
            x_PTD = self.finish(layer, x_PTD, mixed.transpose(1, 2).flatten(2))
        return self.logits(x_PTD[:, -1]).repeat_interleave(repeats, 0)

    def rope(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines and signed sines at `positions`, each ``[*positions, 1, head]``: x cos + halves-swapped x sin."""
        angles = positions[..., None, None].float() * self.frequencies
        cos, sin = angles.cos() * self.rope_scale, angles.sin() * self.rope_scale
        return torch.cat((cos, cos), -1).to(self.dtype), torch.cat((-sin, sin), -1).to(self.dtype)

    def project(self, layer: _Layer, x: Tensor, rope: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Rotated and scaled queries, rotated keys, and values: ``[..., heads, head]`` each."""
        qkv = layer.qkv(self.normed(x)).unflatten(-1, (-1, self.head))
        qk, v = qkv.split((self.queries + self.keys, self.keys), -2)
        if layer.query_norm is not None and layer.key_norm is not None:
            q, k = qk.split((self.queries, self.keys), -2)
            q = rms_norm(q, q.shape[-1:], layer.query_norm, self.eps)
            qk = torch.cat((q, rms_norm(k, k.shape[-1:], layer.key_norm, self.eps)), -2)
        cos, sin = rope
        first, second = qk.chunk(2, -1)
        qk = torch.addcmul(qk * cos, torch.cat((second, first), -1), sin)
        q, k = qk.split((self.queries, self.keys), -2)
        return q * self.head**-0.5, k, v

    def finish(self, layer: _Layer, x: Tensor, mixed: Tensor) -> Tensor:
        """The rest of a layer after attention: output projection and feed-forward, each with its residual."""
        x = x + layer.out(mixed)
        gate, up = layer.gate_up(self.normed(x)).chunk(2, -1)
        return x + layer.down(silu(gate) * up)

    def normed(self, x: Tensor) -> Tensor:
        return rms_norm(x, x.shape[-1:], None, self.eps)

    def logits(self, x: Tensor) -> Tensor:
        return self.unembedding(self.normed(x.to(self.wide))).float()


def _side_by_side(factors: Sequence[tuple[Tensor, Tensor] | None], rows: Sequence[int]) -> tuple[Tensor, Tensor]:
    """The adapters of modules with so many `rows` as one: (down, up), the latter by blocks."""
    down = torch.cat([pair[0] for pair in factors if pair])
    blocks = [pair[1] if pair else down.new_zeros(size, 0) for pair, size in zip(factors, rows, strict=True)]
    return down, torch.block_diag(*blocks)


def attend(q_PHTE: Tensor, k_PKSE: Tensor, v_PKSE: Tensor, bias_P1TS: Tensor) -> Tensor:
    """Softmax attention, ``[P, H, T, E]``. In bf16, plain products beat the fused kernel where the text is short."""
    if q_PHTE.dtype != torch.bfloat16 or k_PKSE.shape[2] > SHORT:
        return scaled_dot_product_attention(q_PHTE, k_PKSE, v_PKSE, bias_P1TS, scale=1.0, enable_gqa=True)
    grouped = q_PHTE.unflatten(1, (k_PKSE.shape[1], -1)).flatten(2, 3)
    scores = (grouped @ k_PKSE.transpose(-1, -2)).view(*q_PHTE.shape[:-1], -1).add_(bias_P1TS)
    return (torch.softmax(scores, -1).view(*grouped.shape[:-1], -1) @ v_PKSE).view(q_PHTE.shape)


class PackedSession:
    """Rows, left-padded to one width, and their cache: keys transposed, so that scores read them in order.

    The cache grows by blocks of columns, and attention covers all of it, the columns to come masked: products of whole
    contiguous tensors are much faster than of their slices, which bf16 kernels copy first.
    """

    def __init__(self, engine: PackedEngine, pads_B: Tensor, width: int) -> None:
        self.engine = engine
        self.width = width
        self.pads_B = pads_B
        size = (len(pads_B), engine.keys)
        room = -(-(width + 1) // BLOCK) * BLOCK
        self.keys_BKDT = [pads_B.new_zeros(*size, engine.head, room, dtype=engine.dtype) for _ in engine.layers]
        self.values_BKTD = [pads_B.new_zeros(*size, room, engine.head, dtype=engine.dtype) for _ in engine.layers]
        columns = torch.arange(room, device=pads_B.device)
        hidden_BT = (columns < pads_B[:, None]) | (columns >= width)
        bias = torch.zeros(hidden_BT.shape, dtype=engine.dtype, device=pads_B.device)
        self.bias_B11T = bias.masked_fill_(hidden_BT, torch.finfo(engine.dtype).min)[:, None, None]

    def advance(self, tokens_B: Tensor) -> Tensor:
        engine, column = self.engine, self.width
        if column == self.bias_B11T.shape[-1]:
            self._grow()
        self.width += 1
        self.bias_B11T[..., column] = 0
        rope = engine.rope(column - self.pads_B)
        x_BD = embedding(tokens_B, engine.embedding)
        for layer, keys, values in zip(engine.layers, self.keys_BKDT, self.values_BKTD, strict=True):
            q, k, v = engine.project(layer, x_BD, rope)
            keys[..., column] = k
            values[:, :, column] = v
            scores = q.unflatten(1, (engine.keys, -1)) @ keys
            mixed = torch.softmax(scores.add_(self.bias_B11T), -1) @ values
            x_BD = engine.finish(layer, x_BD, mixed.flatten(1))
        return engine.logits(x_BD)

    def _grow(self) -> None:
        self.keys_BKDT = [pad(keys, (0, BLOCK)) for keys in self.keys_BKDT]
        self.values_BKTD = [pad(values, (0, 0, 0, BLOCK)) for values in self.values_BKTD]
        self.bias_B11T = pad(self.bias_B11T, (0, BLOCK), value=torch.finfo(self.engine.dtype).min)

    def keep(self, rows: Tensor) -> None:
        moved = (rows != torch.arange(len(rows), device=rows.device)).nonzero()[:, 0]
        for store in (*self.keys_BKDT, *self.values_BKTD, self.pads_B, self.bias_B11T):
            store[moved] = store[rows[moved]]
        self.keys_BKDT = [keys[: len(rows)] for keys in self.keys_BKDT]
        self.values_BKTD = [values[: len(rows)] for values in self.values_BKTD]
        self.pads_B, self.bias_B11T = self.pads_B[: len(rows)], self.bias_B11T[: len(rows)]
