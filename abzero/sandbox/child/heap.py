"""How a zygote lays out its memory: in another way than every other, so that addresses tell nothing that two agree on,
and with room where children would otherwise copy it. Standard library only.
"""

import _tracemalloc
import gc
import random
import sys

from abzero.sandbox.child import syscalls

_POOL, _PAGE = 1 << 14, 1 << 12
"""Bytes that the interpreter's allocator gives out to small objects of one size; bytes that a child copies at once."""
_OBJECT, _NUMBER, _SMALL = object.__basicsize__, complex.__basicsize__, 512
"""Bytes of the smallest objects, of numbers, and of the largest that are small."""
_BYTES_HEADER = sys.getsizeof(b"")
_POOL_HEADER, _NUMBERS_OF_OURS = 48, 8
"""What a pool does not give out: bytes, and places that the layout itself needs for numbers."""
_MOST_OF_A_SIZE, _MOST_LAYOUTS = 1 << 13, 8
_USED_AGAIN = 100
"""Lists, and others of a kind, that the interpreter keeps to use again, wherever they lie."""
_FROM_BOTH_ENDS, _AT_RANDOM = 2, 4
"""The first zygote that places objects at both ends in turn, and the first that places them at random."""
_PASSED_OVER, _LENGTHS = 16, tuple(range(48 - _BYTES_HEADER, 257 - _BYTES_HEADER, 16))
"""How many places of each size a program finds taken, and the texts of bytes that take them."""
_LARGE_GAPS, _SMALLEST, _DOUBLINGS = 160, 512, 4
"""How many larger objects come to lie in random order: of how many bytes, up to how many times doubled."""
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
    """Have new objects lie in another order than in any other zygote: small ones as `_stir_small` says, large ones at
    random; and the largest, each a mapping of its own, grow downwards in one half of the zygotes and upwards in the
    other.
    """
    _stir_small(rng, place)
    large = _fill(rng)
    filled = len(large)
    for _ in range(_LARGE_GAPS):
        large += b"-" * int(_SMALLEST * 2 ** (_DOUBLINGS * rng.random())), b"-" * _SMALLEST  # which keeps gaps apart
    if sys.platform == "linux":
        syscalls.libc.mallopt(*((_M_MMAP_MAX, 0) if place % 2 else (_M_MMAP_THRESHOLD, _MAPPED)))
    order = [*range(filled, len(large), 2)]
    rng.shuffle(order)
    for index in order:
        large[index] = None
    _ballast.extend((order, large))


def _stir_small(rng: random.Random, place: int) -> None:
    """For each size of small objects one pool whose places are given out in an order of this zygote's own, and no other
    free place.

    Of any two new objects, of one size or of two, the one that lies lower in zygote 0 lies higher in zygote 1, and
    these two verify every program: which lies lower is never a value. In zygotes 2 and 3 objects come to lie at both
    ends in turn, the last of three between the others; in the rest at random, page by page, since a child copies each
    page that it writes to.
    """
    sizes = [*range(_OBJECT, _SMALL + 1, 16)]
    if place % 2:
        sizes.reverse()
    if place >= _AT_RANDOM:
        rng.shuffle(sizes)
    for _ in range(_MOST_LAYOUTS):
        pools: list[tuple[list[object], int]] = [([], 0)] * len(sizes)  # which does not grow meanwhile
        for index, size in enumerate(sizes):
            pools[index] = _pool(size)
        _ballast.append(pools)
        starts = [id(objects[first]) for objects, first in pools]
        if starts == sorted(starts):
            break
    orders = [
        order_of_places(len(objects) - first - 1, size, rng, place)
        for size, (objects, first) in zip(sizes, pools, strict=True)
    ]
    _ballast.append(orders)
    _ballast.extend([[], {place: number}, float(number), (place,), slice(number)] for number in range(_USED_AGAIN))
    for (objects, first), order in zip(pools, orders, strict=True):
        for index in reversed(order):
            objects[first + index] = None


def _pool(size: int) -> tuple[list[object], int]:
    """New objects of `size` bytes until no free place is left for them and a pool is full of them, and where in the
    list that pool begins. The list itself is too large to be a small object.
    """
    room = (_POOL - _POOL_HEADER) // size - (_NUMBERS_OF_OURS if size == _NUMBER else 0)
    objects: list[object] = [None] * (_SMALL // 8 + 1)
    first = pool = 0
    for count in range(_MOST_OF_A_SIZE):
        new = object() if size == _OBJECT else complex(count) if size == _NUMBER else bytes(size - _BYTES_HEADER)
        objects.append(new)
        if id(new) // _POOL != pool:
            first, pool = len(objects) - 1, id(new) // _POOL
        if len(objects) - first == room:
            break
    return objects, first


def order_of_places(count: int, size: int, rng: random.Random, place: int) -> list[int]:
    """In which order new objects of `size` bytes get `count` places, an even number of which is used."""
    upwards = [*range(count // 2 * 2)]
    if place >= _AT_RANDOM:
        near = _PAGE // size
        pages = [upwards[start : start + near] for start in range(0, len(upwards), near)]
        rng.shuffle(pages)
        for page in pages:
            rng.shuffle(page)
        return [index for page in pages for index in page]
    if place >= _FROM_BOTH_ENDS:
        upwards = [index for pair in zip(upwards, reversed(upwards), strict=True) for index in pair][: len(upwards)]
    return upwards[::-1] if place % 2 else upwards


def pass_over() -> list[object]:
    """Take the small places that come next, which what ran before the program may have left in any order. To be kept
    while it runs.
    """
    taken: list[object] = [[bytes(length) for length in _LENGTHS] for _ in range(_PASSED_OVER)]
    for number in range(_PASSED_OVER):
        taken += object(), complex(number), float(number), slice(number)
    return taken


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
