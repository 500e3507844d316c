"""The forward pass of any transformers causal LM with its own cache: for what `dense` does not know, and on GPUs."""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

ROWS = 256
"""Rows at once, at most; long ones are held to fewer by their cache."""
CACHE_BYTES = 4 << 30
"""Keys and values held at once in main memory."""


class HFEngine:
    """Runs `model` as it is; its weights are shared, not copied."""

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        self._cache_bytes = CACHE_BYTES
        if model.device.type == "cuda":
            self._cache_bytes = torch.cuda.mem_get_info(model.device)[0] // 2

    def rows(self, tokens: int) -> int:
        per_row = tokens * cache_bytes_per_token(self._model)
        return min(ROWS, max(1, self._cache_bytes // per_row))

    def start(self, prompts: Sequence[Sequence[int]], copies: Sequence[int], new: int) -> tuple["HFSession", Tensor]:
        session, logits_PV = prefill(self._model, prompts)
        rows = torch.tensor([row for row, times in enumerate(copies) for _ in range(times)], device=logits_PV.device)
        session.keep(rows)
        return session, logits_PV[rows]


def prefill(model: PreTrainedModel, prompts: Sequence[Sequence[int]]) -> tuple["HFSession", Tensor]:
    """A session of one row for each prompt, and its logits ``[P, V]``."""
    model.eval()
    width = max(map(len, prompts))
    tokens_PT = torch.tensor([[0] * (width - len(prompt)) + list(prompt) for prompt in prompts], device=model.device)
    pads_P = torch.tensor([width - len(prompt) for prompt in prompts], device=model.device)
    seen_PT = (torch.arange(width, device=model.device) >= pads_P[:, None]).long()
    session = HFSession(model, seen_PT)
    return session, session.forward(tokens_PT, (seen_PT.cumsum(1) - 1).clamp(min=0))


def cache_bytes_per_token(model: PreTrainedModel) -> int:
    """Keys and values of one token in every layer, as if no layer were sparse or shared."""
    config = model.config
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return int(2 * config.num_hidden_layers * heads * head * model.dtype.itemsize)


class HFSession:
    """Rows left-padded to one width, and transformers' cache of them."""

    def __init__(self, model: PreTrainedModel, seen_BT: Tensor) -> None:
        self._model = model
        self.seen_BT = seen_BT
        self.cache = DynamicCache(config=model.config)

    def forward(self, tokens_BT: Tensor, positions_BT: Tensor) -> Tensor:
        output = self._model(
            input_ids=tokens_BT,
            attention_mask=self.seen_BT,
            position_ids=positions_BT,
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits_BV: Tensor = output.logits[:, -1].float()
        return logits_BV

    def advance(self, tokens_B: Tensor) -> Tensor:
        positions_B1 = self.seen_BT.sum(1, keepdim=True)
        self.seen_BT = torch.cat((self.seen_BT, torch.ones_like(positions_B1)), 1)
        return self.forward(tokens_B[:, None], positions_B1)

    def keep(self, rows: Tensor) -> None:
        self.cache.batch_select_indices(rows)
        self.seen_BT = self.seen_BT[rows]
