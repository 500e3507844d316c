"""A lean forward pass for small dense models: Llama, Mistral, Qwen2 and Qwen3 shapes, packed, with a cache of its own.

Decoding a small model on CPU is bound by the overhead of each operation and by reading the cache. So: few operations
per layer, query, key and value in one product, and no more rows at a time than keep the cache near the core.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, linear, rms_norm, silu
from transformers import PreTrainedModel

from abzero.policy.local.kv_cache import Cache, SharedPrompts
from abzero.policy.models import lora

SHAPES = {"llama", "mistral", "qwen2", "qwen3"}
PACKED_PARAMETERS = 1 << 28
"""Above this size the overhead that packing saves is small, and a second copy of the weights is not."""
CACHE_BYTES = 32 << 20
"""Keys and values held at once by a small model: about what the last-level cache holds; more only wait for memory."""
MIN_ROWS = 32
PREFILL_TOKENS = 2048
"""Tokens of prompts that are computed at once: what lies between two products is then still near the core."""
QUERY_BLOCK = 64
"""Queries of a prompt that attend at once: few enough that most of the columns after them are left out."""
BLOCK = 32
"""Columns by which the cache grows; a softmax over bf16 columns takes up to twice as long if they are no multiple."""


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
        """What logits are computed in, and returned in: `draw` reads a few rows at a time in fp32."""
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

    def rows(self, prompt: int, new: int, copies: int) -> int:
        tokens = new + prompt // copies
        per_row = 2 * len(self.layers) * self.keys * self.head * tokens * self.dtype.itemsize
        return max(MIN_ROWS, cache_bytes(self.parameters * self.dtype.itemsize) // max(1, per_row))

    def start(
        self, prompts: Sequence[Sequence[int]], copies: Sequence[int], new: int
    ) -> tuple["PackedSession", Tensor]:
        device, width = self.embedding.device, max(map(len, prompts))
        pads_P = torch.tensor([width - len(prompt) for prompt in prompts], device=device)
        shared = max(copies) > 1
        cache = self.empty_cache(len(prompts), _blocks(width if shared else width + 1))
        size = max(1, PREFILL_TOKENS // width)
        parts = [slice(first, first + size) for first in range(0, len(prompts), size)]
        logits_PV = torch.cat([self._prefill(cache.part(part), prompts[part], pads_P[part]) for part in parts])
        cache.hide(pads_P, width)
        if not shared:
            return PackedSession(self, cache, width - pads_P, width), logits_PV
        prompts_B = torch.arange(len(prompts), device=device).repeat_interleave(torch.tensor(copies, device=device))
        own = self.empty_cache(len(prompts_B), BLOCK)
        own.hide(torch.zeros_like(prompts_B), 0)
        session = PackedSession(self, own, (width - pads_P)[prompts_B], 0, SharedPrompts(cache, prompts_B))
        return session, logits_PV[prompts_B]

    def empty_cache(self, rows: int, columns: int) -> Cache:
        sizes = (rows, self.keys, columns, self.head)
        keys, values = ([self.embedding.new_zeros(sizes) for _ in self.layers] for _ in range(2))
        return Cache(keys, values, self.embedding.new_zeros(rows, 1, 1, columns))

    def _prefill(self, cache: Cache, prompts: Sequence[Sequence[int]], pads_P: Tensor) -> Tensor:
        """Fill the first columns of `cache` with `prompts`, padded on the left; return their logits ``[P, V]``."""
        width, device = len(prompts[0]) + int(pads_P[0]), self.embedding.device
        tokens_PT = torch.tensor([[0] * (width - len(prompt)) + list(prompt) for prompt in prompts], device=device)
        columns = torch.arange(width, device=device)
        causal = (columns[:, None] >= columns) & (columns >= pads_P[:, None, None])
        bias_P1TT = torch.zeros(causal.shape, dtype=self.dtype, device=device)
        bias_P1TT = bias_P1TT.masked_fill_(~causal, torch.finfo(self.dtype).min)[:, None]
        rope = self.rope(columns - pads_P[:, None])
        x_PTD = embedding(tokens_PT, self.embedding)
        for number, layer in enumerate(self.layers):
            q, k, v = self.project(layer, x_PTD, rope)
            cache.keys[number][:, :, :width] = k.transpose(1, 2)
            cache.values[number][:, :, :width] = v.transpose(1, 2)
            if number == len(self.layers) - 1:
                q, x_PTD, bias_P1TT = q[:, -1:], x_PTD[:, -1:], bias_P1TT[:, :, -1:]
            mixed = attend(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), bias_P1TT)
            x_PTD = self.finish(layer, x_PTD, mixed.transpose(1, 2).flatten(2))
        return self.logits(x_PTD[:, -1])

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
        return self.unembedding(self.normed(x.to(self.wide)))


def _side_by_side(factors: Sequence[tuple[Tensor, Tensor] | None], rows: Sequence[int]) -> tuple[Tensor, Tensor]:
    """The adapters of modules with so many `rows` as one: (down, up), the latter by blocks."""
    down = torch.cat([pair[0] for pair in factors if pair])
    blocks = [pair[1] if pair else down.new_zeros(size, 0) for pair, size in zip(factors, rows, strict=True)]
    return down, torch.block_diag(*blocks)


def attend(q_PHTE: Tensor, k_PKSE: Tensor, v_PKSE: Tensor, bias_P1TS: Tensor) -> Tensor:
    """Causal softmax attention of the last T of S tokens, ``[P, H, T, E]``: a block of queries at a time.

    Each block covers the columns up to its last. The fused kernel covers all: it takes 1.2 to 4 times as long on a CPU.
    """
    mixed_PHTE = torch.empty_like(q_PHTE)
    (prompts, heads, length, size), keys = q_PHTE.shape, k_PKSE.shape[1]
    for first in range(0, length, QUERY_BLOCK):
        last = min(first + QUERY_BLOCK, length)
        columns = k_PKSE.shape[2] - length + last
        q_PKME = q_PHTE[:, :, first:last].unflatten(1, (keys, -1)).flatten(2, 3)
        scores_PKMS = q_PKME @ k_PKSE[:, :, :columns].mT
        scores_PHTS = scores_PKMS.view(prompts, heads, -1, columns).add_(bias_P1TS[:, :, first:last, :columns])
        mixed_PKME = torch.softmax(scores_PHTS, -1).view_as(scores_PKMS) @ v_PKSE[:, :, :columns]
        mixed_PHTE[:, :, first:last] = mixed_PKME.view(prompts, heads, -1, size)
    return mixed_PHTE


class PackedSession:
    """Rows and their cache, which grows by blocks of columns; attention covers all of it, the columns to come masked.

    A prompt that one row continues is the beginning of that row's cache, padded on the left to one width; prompts that
    several rows continue are held apart.
    """

    def __init__(
        self, engine: PackedEngine, cache: Cache, positions_B: Tensor, column: int, prompts: SharedPrompts | None = None
    ) -> None:
        """The next token of row b is at ``positions_B[b]`` of its text and goes to `column` of the cache."""
        self.engine = engine
        self.cache = cache
        self.positions_B = positions_B
        self.column = column
        self.prompts = prompts

    def advance(self, tokens_B: Tensor) -> Tensor:
        engine, cache, prompts, column = self.engine, self.cache, self.prompts, self.column
        if column == cache.bias.shape[-1]:
            cache.grow(BLOCK)
        cache.bias[..., column] = 0
        rope = engine.rope(self.positions_B)
        x_BD = embedding(tokens_B, engine.embedding)
        for number, layer in enumerate(engine.layers):
            q, k, v = engine.project(layer, x_BD, rope)
            keys, values = cache.keys[number], cache.values[number]
            keys[:, :, column] = k
            values[:, :, column] = v
            q_BKGE = q.unflatten(1, (engine.keys, -1))
            scores = (q_BKGE @ keys.mT).add_(cache.bias)
            if prompts is None:
                mixed = torch.softmax(scores, -1) @ values
            else:
                first = prompts.scores(number, q_BKGE)
                weights = torch.softmax(torch.cat((first, scores), -1), -1).split(
                    (first.shape[-1], scores.shape[-1]), -1
                )
                mixed = prompts.mixed(number, weights[0]) + weights[1] @ values
            x_BD = engine.finish(layer, x_BD, mixed.flatten(1))
        self.column, self.positions_B = column + 1, self.positions_B + 1
        return engine.logits(x_BD)

    def keep(self, rows: Tensor) -> None:
        self.cache.keep(rows)
        self.positions_B = self.positions_B[rows]
        if self.prompts is not None:
            self.prompts.keep(rows)


def _blocks(columns: int) -> int:
    """The columns of a cache that has room for so many."""
    return -(-columns // BLOCK) * BLOCK
