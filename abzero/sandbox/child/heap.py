"""How a zygote lays out its memory: in another way than every other, so that addresses tell nothing that two agree on,
and with room where children would otherwise copy it. Standard library only.
"""

import _tracemalloc
import gc
import random
import sys

from abzero.sandbox.child import syscalls

_GAPS = 60
"""How many new objects of a size come to lie in random order."""
_LARGE_GAPS, _SMALLEST, _DOUBLINGS = 160, 512, 4
"""The same for those that are too large for the interpreter's own allocator: of how many bytes, up to how many times
doubled."""
_MOST_FILLERS, _SIDE_BY_SIDE, _CHUNK_HEADER = 4000, 128, 8
_M_MMAP_THRESHOLD, _M_MMAP_MAX = -3, -4
_MAPPED = 1 << 17
"""What is larger has a mapping of its own, as in a fresh process; set, lest the C library adapt it."""
_APART = 16
"""New objects that lie between the collections of one zygote and those of the next, on average."""
_MOST_NAMES = 1 << 16
_TABLE_BYTES = 1 << 16
"""More than names that pass take at a time, and less than any table of the names of this many modules."""


def _fill(rng: random.Random) -> list[object]:
    """Blocks in all the holes that large objects could get, since these lie alike in every zygote: until a number of
    blocks in a row lie side by side, as they do at the heap's end. A repeated byte is allocated as classes are; zeros
    are not, and miss holes.
    """
    blocks: list[object] = []
    beside = side_by_side = 0
    while side_by_side < _SIDE_BY_SIDE and len(blocks) < _MOST_FILLERS:
        blocks.append(block := b"-" * rng.randrange(_SMALLEST, 4 * _SMALLEST))
        side_by_side = side_by_side + 1 if id(block) == beside else 0
        beside = id(block) + (sys.getsizeof(block) + _CHUNK_HEADER + 15) // 16 * 16
    del blocks[len(blocks) - side_by_side :]
    return blocks


_ballast: list[object] = []


def stir(rng: random.Random, place: int) -> None:
    """Objects of all small sizes in random number, so that addresses differ between zygotes in their low bits too; and
    between them room for more, in random order, so that of two new objects now one, now the other lies first. Large
    ones the same; and the largest, each a mapping of its own, grow downwards in one half of the zygotes and upwards in
    the other.
    """
    large = _fill(rng)
    filled = len(large)
    for _ in range(_LARGE_GAPS):
        large += b"-" * int(_SMALLEST * 2 ** (_DOUBLINGS * rng.random())), b"-" * _SMALLEST  # which keeps gaps apart
    if sys.platform == "linux":
        syscalls.libc.mallopt(*((_M_MMAP_MAX, 0) if place % 2 else (_M_MMAP_THRESHOLD, _MAPPED)))
    blocks: list[object] = [bytes(size) for size in range(0, 480, 8) for _ in range(rng.randrange(40))]
    blocks += [[] for _ in range(rng.randrange(200))]
    blocks += [object() for _ in range(rng.randrange(200))]
    header = sys.getsizeof(b"")
    gone: list[object] = [bytes(size - header) for size in range(48, 193, 16) for _ in range(_GAPS)]
    gone += [object() for _ in range(_GAPS)]
    rng.shuffle(gone)
    while gone:
        gone.pop()
    order = [*range(filled, len(large), 2)]
    rng.shuffle(order)
    for index in order:
        large[index] = None
    _ballast.extend((blocks, large))


def collect_at_its_own_time(rng: random.Random, place: int) -> None:
    """Have garbage collected after another number of new objects than in any other zygote: a program that counts them
    gives no value that two agree on.
    """
    youngest, *older = gc.get_threshold()
    gc.set_threshold(youngest + _APART * place + rng.randrange(_APART), *older)


def make_room_for_names() -> None:
    """Have the interpreter's table of names rebuilt, half empty, since a child that fills it copies 400 kB.

    Names that nothing uses leave the table, but not their place in it; that it was rebuilt shows in the memory taken.
    In Python 3.12 they stay for good, which ends this before they are worth a table. The public ``tracemalloc`` would
    bring pickle along.
    """
    _tracemalloc.start(1)
    for number in range(_MOST_NAMES):
        sys.intern(f"{number} takes a place")
        if _tracemalloc.get_traced_memory()[0] > _TABLE_BYTES:
            break
    _tracemalloc.stop()
