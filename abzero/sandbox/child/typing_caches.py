"""The caches of ``typing``, whose keys are equal where their texts are not. Standard library only.

Whoever subscripts a generic gets what was made for the first that asked alike, in this process: a program could leave
its own objects there for the next. Children that several programs share go past them. That hashes no types, either.
"""

import functools
import gc
import types
import typing
from typing import Any, NoReturn


class TypingCaches:
    """Found once, in the zygote; passed by in a child, for good."""

    def __init__(self) -> None:
        self._by_function: dict[object, object] = getattr(typing, "_caches", {})
        self._cells = [
            cell
            for function in gc.get_objects()
            if type(function) is types.FunctionType and function.__globals__ is vars(typing)
            for cell in function.__closure__ or ()
            if _caches(cell)
        ]

    def bypass(self) -> None:
        """From now on nothing is looked up or kept: what a cache refuses to hash, ``typing`` makes anew."""
        for cell in self._cells:
            cell.cell_contents = _unhashable
        for function in self._by_function:
            self._by_function[function] = _unhashable


def _caches(cell: types.CellType) -> bool:
    try:
        return isinstance(cell.cell_contents, functools._lru_cache_wrapper)
    except ValueError:
        return False


def _unhashable(*arguments: Any, **named: Any) -> NoReturn:
    raise TypeError
