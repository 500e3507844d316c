"""What differs between the servers that speak the Tinker API: the same call is not the same gradient on all of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Reduction = Callable[[Sequence[int]], list[float]]
"""Of a batch's rows, by how many positions each has: what every coefficient of a row must be multiplied by, so that
the gradient that the server makes of the batch is the plain sum over its tokens."""


def token_sum(positions: Sequence[int]) -> list[float]:
    """For servers that add up the tokens of all rows."""
    return [1.0] * len(positions)


def sequence_mean(positions: Sequence[int]) -> list[float]:
    """For servers that take the mean over a row's positions, its prompt's among them, and then over the rows."""
    return [float(len(positions) * count) for count in positions]


@dataclass(frozen=True, slots=True)
class Server:
    """One kind of server, as declared; `reduction_probe.prove` holds it to `reduction`."""

    reduction: Reduction
    loss: str | None
    """The backward pass's metric that is the batch's loss; ``None`` where the gradient's norm is all there is."""
    adapters: bool
    """Whether it trains LoRA adapters."""
    full: bool
    """Whether it trains all weights."""
    clips: bool
    """Whether it clips the gradient where it is asked to."""


SERVERS: Mapping[str, Server] = {
    "skyrl-jax": Server(sequence_mean, loss=None, adapters=True, full=False, clips=False),
    "skyrl": Server(token_sum, loss="total_loss:sum", adapters=True, full=True, clips=False),
    "verl": Server(token_sum, loss="loss:sum", adapters=False, full=True, clips=False),
    "hosted": Server(token_sum, loss="loss:sum", adapters=True, full=False, clips=True),
}
"""By the name that ``tinker.server`` takes: as read in SkyRL 0.3.0, VeRL-Tinker 48ea0a7 and the service's manual."""
