"""Splitting a batch into micro-batches that fit in memory."""

from collections.abc import Sequence
from dataclasses import dataclass

from abzero.policy.local.shared_prefix import MASK_ELEMENTS, PromptAndReply

EXPANSION = 8
"""Tokens that the rows of a shared micro-batch would have unshared, at most, in budgets: attention sees them all."""


def micro_batches(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Indices of rows in groups of at most `budget` padded tokens, longest rows first, each row in exactly one.

    Rows of like length share a group, so little is padding; a single row above the budget is a group of its own.
    """
    groups: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda index: (-lengths[index], index)):
        width = lengths[groups[-1][0]] if groups else 0
        if groups and width * (len(groups[-1]) + 1) <= budget:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


@dataclass(slots=True)
class _Load:
    """Rows of a shared micro-batch, families together."""

    rows: list[int]
    once: int
    """Tokens, each family's prompt counted once."""
    unshared: int

    def take(self, other: "_Load", saved: int, budget: int) -> bool:
        """Take in the rows of `other`, `saved` of whose tokens are here, unless they are more than the budget."""
        once, unshared = self.once + other.once - saved, self.unshared + other.unshared
        if once > budget or unshared > EXPANSION * budget:
            return False
        self.rows, self.once, self.unshared = self.rows + other.rows, once, unshared
        return True


def shared_micro_batches(texts: Sequence[PromptAndReply], budget: int) -> list[list[int]]:
    """As `micro_batches`, but rows of one prompt are neighbours and count it once; rows with one of their own come
    first, in micro-batches by themselves.
    """
    families: dict[tuple[int, ...], list[int]] = {}
    for index, (prompt, response) in enumerate(texts):
        if len(response) * (len(prompt) + len(response)) <= MASK_ELEMENTS:
            families.setdefault(tuple(prompt), []).append(index)
    loads = []
    for prompt, family in sorted(families.items(), key=lambda item: (-len(item[0]), item[1])):
        rows = [_Load([index], size := sum(map(len, texts[index])), size) for index in family]
        loads += [load for load in _filled(rows, len(prompt), budget) if len(load.rows) > 1]
    shared = {index for load in loads for index in load.rows}
    single = [index for index in range(len(texts)) if index not in shared]
    plain = micro_batches([sum(map(len, texts[index])) for index in single], budget)
    return [[single[place] for place in group] for group in plain] + [load.rows for load in _filled(loads, 0, budget)]


def _filled(loads: Sequence[_Load], saved: int, budget: int) -> list[_Load]:
    """`loads` in order, each taken in by the last as long as the budget allows."""
    filled: list[_Load] = []
    for load in loads:
        if not filled or not filled[-1].take(load, saved, budget):
            filled.append(load)
    return filled
