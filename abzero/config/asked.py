"""The section ``eval``: what a run is asked while it trains."""

from dataclasses import dataclass
from typing import Annotated

from abzero.config.schema import AtLeast


@dataclass(frozen=True)
class Eval:
    every: Annotated[int, AtLeast(0)] = 0
    """Steps between two measurements of held-out problems, of which the first follows the seeding; 0 is none."""
    suites: tuple[str, ...] = ("nursery",)
    """What is asked: nursery (its dev split), which needs no file, or benchmarks, as humaneval+ and aime24."""
    data: tuple[str, ...] = ()
    """Where benchmarks lie: folders, or SUITE=FILE."""
    limit: Annotated[int, AtLeast(0)] = 180
    """Problems of each suite, at most; 0 is all. The nursery takes as many of each mode and length, at least one."""
