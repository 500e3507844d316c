"""The memory errors that the interpreter keeps for when there is no memory to make one. Standard library only.

From Python 3.12 on the last of them is one object, which takes attributes as any exception does; and which of several
is that object tells how many others are held. In a child that several programs share, each finds them as the first did.
"""

import sys

_KEPT = 16
"""Ready-made ones that the interpreter has at hand before it comes to the last."""


class MemoryErrors:
    """Found once, in the zygote; restored in a child after every call."""

    def __init__(self) -> None:
        *_, before, last = [_raised() for _ in range(_KEPT + 2)]
        self._last = last if last is before else None
        self.restore()  # its traceback leads here, and so would keep the others

    def restore(self) -> None:
        last = self._last
        if last is not None:
            [MemoryError() for _ in range(_KEPT)]
            vars(last).clear()
            last.args = ()
            last.__traceback__ = last.__context__ = last.__cause__ = None
            last.__suppress_context__ = False


def _raised() -> MemoryError:
    """A memory error of the interpreter's own, for which no memory was asked."""
    try:
        [None] * sys.maxsize
    except MemoryError as error:
        return error
    raise AssertionError("a list of that length")
