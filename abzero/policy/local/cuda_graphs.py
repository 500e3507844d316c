"""Decoding by captured graphs, for dense models on CUDA: one launch per token in place of some hundred.

A captured graph repeats its operations on the same addresses with the same shapes. So everything that changes from
token to token lives in tensors that are allocated once per session: the cache, the column that is written next, the
rows' last tokens and pads. Shapes come in steps: rows by halves of those at the start, attended columns by blocks; each
pair of them is captured once, when it is first needed. Only the capture itself is CUDA's; the rest runs anywhere.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, scaled_dot_product_attention
from transformers import AttentionInterface, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from abzero.policy.local.hf_engine import HFEngine, HFSession, last_logits, prefill

BLOCK = 512
"""Columns by which attention reaches further: the most that are read in vain."""
WARM_UPS = 3
"""Runs before a capture, in which libraries set up what they must not set up inside it."""
GROUPED = "abzero_grouped"
DecodeStep = Callable[[], Tensor]
Capture = Callable[[DecodeStep], DecodeStep]
"""Turns a step into one that does the same again, on what its tensors hold by then."""


class CudaGraphEngine:
    """Runs `model` as it is; its weights are shared, not copied. `capture` is by default what its device knows."""

    def __init__(
        self,
        model: PreTrainedModel,
        head_VD: Tensor | None = None,
        capture: Capture | None = None,
        block: int = BLOCK,
    ) -> None:
        AttentionInterface.register(GROUPED, grouped_attention)
        self._model = model
        self._head_VD = head_VD
        self._rows = HFEngine(model).rows
        self._capture = capture
        self._block = block

    def rows(self, prompt: int, new: int, copies: int) -> int:
        reach = -(-(prompt + new) // self._block) * self._block
        return self._rows(prompt, reach - prompt, copies)

    def start(
        self, prompts: Sequence[Sequence[int]], copies: Sequence[int], new: int
    ) -> tuple["CudaGraphSession", Tensor]:
        prefilled, logits_PV = prefill(self._model, prompts, self._head_VD)
        rows = torch.tensor([row for row, times in enumerate(copies) for _ in range(times)], device=logits_PV.device)
        capture = self._capture or (recorder() if logits_PV.is_cuda else as_it_is)
        return CudaGraphSession(self._model, self._head_VD, prefilled, rows, new, capture, self._block), logits_PV[rows]


class CudaGraphSession:
    """Rows, left-padded to one width, with room for all the tokens they may ever get."""

    def __init__(
        self,
        model: PreTrainedModel,
        head_VD: Tensor | None,
        prefilled: HFSession,
        rows: Tensor,
        new: int,
        capture: Capture,
        block: int,
    ) -> None:
        pads_P = (prefilled.seen_BT == 0).sum(1)
        self._model = model
        self._head_VD = head_VD
        self._capture = capture
        self._block = block
        self._width = prefilled.seen_BT.shape[1]
        room = -(-(self._width + new) // block) * block
        self._slots = Slots(prefilled, rows, room)
        self._pads_B = pads_P[rows]
        self._tokens_B = torch.zeros_like(rows)
        self._columns_T = torch.arange(room, device=rows.device)
        self._steps: dict[tuple[int, int], DecodeStep] = {}

    def advance(self, tokens_B: Tensor) -> Tensor:
        self._tokens_B[: len(tokens_B)] = tokens_B
        rows = self._enough(len(tokens_B))
        reach = -(-(self._width + 1) // self._block) * self._block
        if (rows, reach) not in self._steps:
            self._steps[rows, reach] = self._capture(partial(self._step, rows, reach))
        logits_BV = self._steps[rows, reach]()
        self._width += 1
        self._slots.column_1 += 1
        return logits_BV[: len(tokens_B)]

    def _enough(self, rows: int) -> int:
        """The smallest of all, half, a quarter … of the first rows that still has `rows` of them."""
        size = len(self._pads_B)
        while size > 1 and -(-size // 2) >= rows:
            size = -(-size // 2)
        return size

    def _step(self, rows: int, reach: int) -> Tensor:
        """Write the last token of each of the first rows and return its logits. Doing it twice changes nothing."""
        slots, pads_B1, columns_T = self._slots, self._pads_B[:rows, None], self._columns_T[:reach]
        slots.reach = reach
        hidden_BT = (columns_T < pads_B1) | (columns_T > slots.column_1)
        bias_BT = torch.zeros_like(hidden_BT, dtype=self._model.dtype)
        bias_BT = bias_BT.masked_fill(hidden_BT, torch.finfo(self._model.dtype).min)
        with attention(self._model, GROUPED):
            return last_logits(
                self._model,
                self._head_VD,
                input_ids=self._tokens_B[:rows, None],
                attention_mask=bias_BT[:, None, None],
                position_ids=slots.column_1 - pads_B1,
                past_key_values=slots,
            )

    def keep(self, rows: Tensor) -> None:
        moved = (rows != torch.arange(len(rows), device=rows.device)).nonzero()[:, 0]
        self._slots.move(rows[moved], moved, self._width)
        self._pads_B[moved] = self._pads_B[rows[moved]]


class Slots:
    """Keys and values ``[B, K, T, D]`` of all layers, at addresses that stay; to the model it is its cache."""

    def __init__(self, prefilled: HFSession, rows: Tensor, room: int) -> None:
        width = prefilled.seen_BT.shape[1]
        self.column_1 = torch.full((1,), width, device=rows.device)
        """Where the next token of every row goes."""
        self.reach = room
        """Columns that attention covers."""
        self.stores: list[tuple[Tensor, Tensor]] = []
        for layer in cast(list[DynamicLayer], prefilled.cache.layers):
            pair = [
                pad(cast(Tensor, prompt_PKWD)[rows], (0, 0, 0, room - width))
                for prompt_PKWD in (layer.keys, layer.values)
            ]
            self.stores.append((pair[0], pair[1]))
            layer.keys = layer.values = None

    def update(self, keys_BK1D: Tensor, values_BK1D: Tensor, layer: int, *_: object) -> tuple[Tensor, Tensor]:
        """What a model's attention calls: take one more column in, and return all that may be attended to."""
        keys, values = (store[: len(keys_BK1D)] for store in self.stores[layer])
        keys.index_copy_(2, self.column_1, keys_BK1D)
        values.index_copy_(2, self.column_1, values_BK1D)
        return keys[:, :, : self.reach], values[:, :, : self.reach]

    def move(self, sources: Tensor, targets: Tensor, width: int) -> None:
        for pair in self.stores:
            for store in pair:
                store[targets, :, :width] = store[sources, :, :width]


def grouped_attention(
    module: nn.Module,
    query_BH1D: Tensor,
    key_BKTD: Tensor,
    value_BKTD: Tensor,
    bias_B11T: Tensor,
    scaling: float | None = None,
    **_: object,
) -> tuple[Tensor, None]:
    """Attention of one token per row: heads that share keys are queries of those, so that no key is copied for them."""
    query_BKGD = query_BH1D.unflatten(1, (key_BKTD.shape[1], -1))[:, :, :, 0]
    mixed_BKGD = scaled_dot_product_attention(query_BKGD, key_BKTD, value_BKTD, bias_B11T, scale=scaling)
    return mixed_BKGD.flatten(1, 2)[:, None], None


@contextmanager
def attention(model: PreTrainedModel, name: str) -> Iterator[None]:
    """The model with another attention function, for as long as it is called and not for its learner."""
    before = model.config._attn_implementation
    model.config._attn_implementation = name
    try:
        yield
    finally:
        model.config._attn_implementation = before


def as_it_is(step: DecodeStep) -> DecodeStep:
    """Where nothing can be captured."""
    return step


def recorder() -> Capture:
    """Captures steps as CUDA graphs that share one pool of memory, for they never run at once."""
    pool = torch.cuda.graph_pool_handle()

    def capture(step: DecodeStep) -> DecodeStep:
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UPS):
                step()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=pool):
            logits_BV = step()

        def replay() -> Tensor:
            graph.replay()
            return logits_BV

        return replay

    return capture
