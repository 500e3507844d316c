"""The forward pass of any transformers causal LM with its own cache: for what `dense` does not know, and on GPUs."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

ROWS = 256
"""Rows at once, at most; long ones are held to fewer by their cache."""
CACHE_BYTES = 4 << 30
"""Keys and values held at once in main memory."""
PREFILL_TOKENS = 8192
"""Padded tokens of prompts that are computed at once; a longer prompt is computed alone."""


class DeviceMemory(Protocol):
    """As much of ``torch.cuda`` as tells how much memory is left."""

    def mem_get_info(self, device: torch.device) -> tuple[int, int]: ...
    def memory_reserved(self, device: torch.device) -> int: ...
    def memory_allocated(self, device: torch.device) -> int: ...


def spare(device: torch.device, card: DeviceMemory = torch.cuda) -> int:
    """Bytes that this process can still have of a device: those that are free, and those that torch has and uses not.

    After an update torch holds most of a device's memory in its cache, which the driver calls used.
    """
    return card.mem_get_info(device)[0] + card.memory_reserved(device) - card.memory_allocated(device)


class HFEngine:
    """Runs `model` as it is; its weights are shared, not copied."""

    def __init__(self, model: PreTrainedModel, head_VD: Tensor | None = None, card: DeviceMemory = torch.cuda) -> None:
        """Logits are hidden states times `head_VD`, in its type, or else the model's own."""
        self._model = model
        self._head_VD = head_VD
        self._cache_bytes = CACHE_BYTES
        if model.device.type == "cuda":
            self._cache_bytes = spare(model.device, card) // 2

    def rows(self, prompt: int, new: int, copies: int) -> int:
        tokens = prompt + new
        per_row = tokens * cache_bytes_per_token(self._model)
        prompts = max(tokens, PREFILL_TOKENS) * prefill_bytes_per_token(self._model)
        return min(ROWS, max(1, (self._cache_bytes - prompts) // per_row))

    def start(self, prompts: Sequence[Sequence[int]], copies: Sequence[int], new: int) -> tuple["HFSession", Tensor]:
        session, logits_PV = prefill(self._model, prompts, self._head_VD)
        rows = torch.tensor([row for row, times in enumerate(copies) for _ in range(times)], device=logits_PV.device)
        session.keep(rows)
        return session, logits_PV[rows]


def prefill(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], head_VD: Tensor | None = None
) -> tuple["HFSession", Tensor]:
    """A session of one row for each prompt, and its logits ``[P, V]``; `PREFILL_TOKENS` at once, at most."""
    model.eval()
    width = max(map(len, prompts))
    rows = max(1, PREFILL_TOKENS // width)
    session, logits_PV = _prefill(model, prompts[:rows], width, head_VD)
    if len(prompts) <= rows:
        return session, logits_PV
    if not all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in session.cache.layers):
        return _prefill(model, prompts, width, head_VD)
    starts = range(rows, len(prompts), rows)
    parts = [_prefill(model, prompts[start : start + rows], width, head_VD) for start in starts]
    session.join([part for part, _ in parts])
    return session, torch.cat([logits_PV, *(logits for _, logits in parts)])


def _prefill(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], width: int, head_VD: Tensor | None
) -> tuple["HFSession", Tensor]:
    """Of all `prompts` at once, padded on the left to `width`."""
    tokens_PT = torch.tensor([[0] * (width - len(prompt)) + list(prompt) for prompt in prompts], device=model.device)
    pads_P = torch.tensor([width - len(prompt) for prompt in prompts], device=model.device)
    seen_PT = (torch.arange(width, device=model.device) >= pads_P[:, None]).long()
    session = HFSession(model, seen_PT, head_VD)
    return session, session.forward(tokens_PT, (seen_PT.cumsum(1) - 1).clamp(min=0))


def cache_bytes_per_token(model: PreTrainedModel) -> int:
    """Keys and values of one token in every layer, as if no layer were sparse or shared."""
    config = model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return int(2 * config.num_hidden_layers * heads * head * model.dtype.itemsize)


def prefill_bytes_per_token(model: PreTrainedModel) -> int:
    """What a layer holds of one token while it is computed: the feed-forward's inner vectors, and some of the outer."""
    config = model.config.get_text_config()
    inner = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    return int((3 * inner + 6 * config.hidden_size) * model.dtype.itemsize)


def last_logits(model: PreTrainedModel, head_VD: Tensor | None, **inputs: object) -> Tensor:
    """Of the last token of each row, ``[B, V]``, by the model's own head or by `head_VD`."""
    logits_BV: Tensor
    if head_VD is None:
        logits_BV = model(**inputs, use_cache=True, logits_to_keep=1).logits[:, -1].float()
    else:
        hidden_BD = model.get_decoder()(**inputs, use_cache=True).last_hidden_state[:, -1]
        logits_BV = hidden_BD.to(head_VD.dtype) @ head_VD.T
    return logits_BV


class HFSession:
    """Rows left-padded to one width, and transformers' cache of them."""

    def __init__(self, model: PreTrainedModel, seen_BT: Tensor, head_VD: Tensor | None) -> None:
        self._model = model
        self._head_VD = head_VD
        self.seen_BT = seen_BT
        self.cache = DynamicCache(config=model.config)

    def forward(self, tokens_BT: Tensor, positions_BT: Tensor) -> Tensor:
        return last_logits(
            self._model,
            self._head_VD,
            input_ids=tokens_BT,
            attention_mask=self.seen_BT,
            position_ids=positions_BT,
            past_key_values=self.cache,
        )

    def advance(self, tokens_B: Tensor) -> Tensor:
        positions_B1 = self.seen_BT.sum(1, keepdim=True)
        self.seen_BT = torch.cat((self.seen_BT, torch.ones_like(positions_B1)), 1)
        return self.forward(tokens_B[:, None], positions_B1)

    def join(self, others: Sequence["HFSession"]) -> None:
        """Take in the rows of `others`, which are as wide and are used up: by layers, so that little is held twice."""
        for layer, *more in zip(self.cache.layers, *(other.cache.layers for other in others), strict=True):
            layer.keys = torch.cat([layer.keys, *(one.keys for one in more)])
            layer.values = torch.cat([layer.values, *(one.values for one in more)])
            for one in more:
                one.keys = one.values = None
        self.seen_BT = torch.cat([self.seen_BT, *(other.seen_BT for other in others)])

    def keep(self, rows: Tensor) -> None:
        self.cache.batch_select_indices(rows)
        self.seen_BT = self.seen_BT[rows]
