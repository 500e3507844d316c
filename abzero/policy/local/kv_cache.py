"""Keys and values of decoded rows, and of the prompts that several rows share."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad


@dataclass(slots=True)
class Cache:
    """Of B rows and T columns: keys and values ``[B, K, T, E]`` of each layer.

    Products of whole contiguous tensors are much faster than of their slices, which bf16 kernels copy first. So
    attention covers all columns, and the bias hides padding and columns to come.
    """

    keys: list[Tensor]
    values: list[Tensor]
    bias: Tensor
    """What is added to scores, ``[B, 1, 1, T]``."""

    def __len__(self) -> int:
        return len(self.bias)

    def part(self, rows: slice) -> "Cache":
        """A view of some rows."""
        return Cache([keys[rows] for keys in self.keys], [values[rows] for values in self.values], self.bias[rows])

    def hide(self, pads_B: Tensor, width: int) -> None:
        """Hide the first ``pads_B[b]`` columns of row b, and those from `width` on."""
        columns = torch.arange(self.bias.shape[-1], device=pads_B.device)
        hidden_BT = (columns < pads_B[:, None]) | (columns >= width)
        self.bias.masked_fill_(hidden_BT[:, None, None], torch.finfo(self.bias.dtype).min)

    def grow(self, columns: int) -> None:
        """Add so many hidden columns."""
        self.keys = [pad(keys, (0, 0, 0, columns)) for keys in self.keys]
        self.values = [pad(values, (0, 0, 0, columns)) for values in self.values]
        self.bias = pad(self.bias, (0, columns), value=torch.finfo(self.bias.dtype).min)

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows alone, in this order; rows that stay in place are not copied."""
        moved = (rows != torch.arange(len(rows), device=rows.device)).nonzero()[:, 0]
        for store in (*self.keys, *self.values, self.bias):
            store[moved] = store[rows[moved]]
        self.keys = [keys[: len(rows)] for keys in self.keys]
        self.values = [values[: len(rows)] for values in self.values]
        self.bias = self.bias[: len(rows)]


class SharedPrompts:
    """A cache of P prompts, W columns each, for B rows: row b continues prompt ``prompts_B[b]``.

    Eight attempts at one task share a prompt of some hundred tokens, and decoding is bound by reading the cache. Here
    the queries of a prompt's rows are rows of one product, so that its keys and values are read once for all of them
    (Hydragen, arXiv 2402.05099).
    """

    def __init__(self, cache: Cache, prompts_B: Tensor) -> None:
        self._cache = cache
        self._assign(prompts_B)

    def _assign(self, prompts_B: Tensor) -> None:
        """Lay the rows out by prompts, each with room for as many rows as any of them has."""
        counts_P = torch.bincount(prompts_B, minlength=len(self._cache))
        order = prompts_B.argsort(stable=True)
        ranks = torch.arange(len(order), device=order.device) - (counts_P.cumsum(0) - counts_P)[prompts_B[order]]
        self._prompts_B = prompts_B
        self._slots = int(counts_P.max())
        self._places_B = torch.empty_like(order).scatter_(0, order, prompts_B[order] * self._slots + ranks)
        self._dense = torch.equal(self._places_B, torch.arange(self._slots * len(counts_P), device=order.device))

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows alone, in this order. Prompts without a row are let go once they are a quarter."""
        prompts_B = self._prompts_B[rows]
        live_P = torch.bincount(prompts_B, minlength=len(self._cache)) > 0
        if int(live_P.sum()) <= len(live_P) * 3 // 4:
            self._cache.keep(live_P.nonzero()[:, 0])
            prompts_B = (live_P.cumsum(0) - 1)[prompts_B]
        self._assign(prompts_B)

    def scores(self, layer: int, q_BKGE: Tensor) -> Tensor:
        """Of every row's queries over the columns of its prompt, ``[B, K, G, W]``."""
        scores_PKMW = self._by_prompt(q_BKGE) @ self._cache.keys[layer].mT
        return self._by_row(scores_PKMW.add_(self._cache.bias), q_BKGE.shape[2])

    def mixed(self, layer: int, weights_BKGW: Tensor) -> Tensor:
        """The values of every row's prompt, so weighted: ``[B, K, G, E]``."""
        return self._by_row(self._by_prompt(weights_BKGW) @ self._cache.values[layer], weights_BKGW.shape[2])

    def _by_prompt(self, x_B: Tensor) -> Tensor:
        """From ``[B, K, G, *]`` to ``[P, K, slots x G, *]``; slots without a row hold zeros."""
        if not self._dense:
            rows = x_B
            x_B = rows.new_zeros(self._slots * len(self._cache), *rows.shape[1:])
            x_B[self._places_B] = rows
        x_P: Tensor = x_B.unflatten(0, (-1, self._slots)).transpose(1, 2).flatten(2, 3)
        return x_P

    def _by_row(self, x_P: Tensor, group: int) -> Tensor:
        x_B: Tensor = x_P.unflatten(2, (self._slots, group)).transpose(1, 2).flatten(0, 1)
        return x_B if self._dense else x_B[self._places_B]
