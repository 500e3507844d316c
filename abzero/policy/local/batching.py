"""Splitting a batch into micro-batches that fit in memory."""

from collections.abc import Sequence


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
