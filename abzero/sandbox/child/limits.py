"""What a program may use, and which modules it may import."""

from dataclasses import dataclass

_MODULES = (
    "__future__ abc array bisect cmath collections collections.abc contextlib copy dataclasses decimal enum fractions"
    " functools heapq itertools json math numbers operator queue re statistics string textwrap types typing"
    " unicodedata"
)
IMPORTS = frozenset(_MODULES.split())
"""Modules of pure computation. Left out: clocks, randomness, hashes, files, processes, the interpreter's internals."""

MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one run. Text is counted in characters, time in seconds; nothing is ever cut to fit."""

    cpu_seconds: float = 0.5
    """Processor time of one program in a child of its own; the kernel kills it there."""
    memory_bytes: int = 512 * MEGABYTE
    """Address space beyond the zygote's own."""
    program_characters: int = 32_768
    argument_characters: int = 16_384
    value_characters: int = 32_768
    """Canonical text of a returned value; `abzero.python.literals` reads no more than this."""
    value_depth: int = 64
    value_nodes: int = 50_000
    batch_calls: int = 800
    """Most calls that share one child."""
    batch_characters: int = 400_000
    """Most program and argument text in one shared child."""
    batch_seconds: float = 0.05
    """Processor time of a shared child, besides that for each call; when it is spent, the call in hand is isolated."""
    batch_seconds_each: float = 0.00015
    """Five times what a run takes; a program that hangs costs the batch's, too."""
    compile_seconds_each: float = 0.001
    """The same where a call is compiled, not run."""

    @property
    def wall_seconds(self) -> float:
        """A backstop, wide enough for several children on each core of a busy machine: a child cannot wait."""
        return 5.0 + 50.0 * self.cpu_seconds
