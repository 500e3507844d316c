"""A tier: a monitor in use. What all of them find in a step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from abzero.oversight.reading import Monitor, Reading
from abzero.types import Finding


@dataclass(frozen=True, slots=True)
class Tier:
    """A monitor in use, with what proves that it is alive."""

    number: int
    monitor: Monitor
    canaries: Sequence[Reading]
    expected: float = 1.0
    """The share of its canaries that it must find."""
    score: Callable[[str], float] | None = None
    """How much a thought looks like concern, of a monitor that ranks."""

    @property
    def name(self) -> str:
        return f"t{self.number}"


def inspect(tiers: Sequence[Tier], read: Sequence[Reading]) -> list[Finding]:
    """What all monitors find, in the order of the readings and then of the tiers: the same whoever asks, and when."""
    found = [finding for tier in tiers for finding in tier.monitor(read)]
    order = {"propose": 0, "solve": 1}
    return sorted(found, key=lambda one: (order[one.role], one.position, one.tier, one.part, one.begin, one.source))
