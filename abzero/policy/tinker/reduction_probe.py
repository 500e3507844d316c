"""Proof, at connect time, that a server reduces a batch as its kind is declared to: else every update is a wrong one.

Two ragged rows are sent, their coefficients multiplied as the declared reduction asks. What comes back must then be the
plain sum over their tokens. No weight, no moment and no gradient of the model to be trained is changed by this:

* Where a backward pass reports the batch's loss, the rows claim to be sampled at so low a probability that ``ppo``
  clips every ratio: the loss is -1.2 for each token, and the gradient exactly zero.
* Elsewhere only an optimizer step reports anything, the gradient's norm. Those steps, at learning rate 0, are taken on
  an adapter of their own: the norm of the same tokens' gradient must not depend on what else is in the batch.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from abzero.errors import BackendError, ConfigError
from abzero.policy.tinker.client import Trainer, metric
from abzero.policy.tinker.records import Adam
from abzero.policy.tinker.servers import Server
from abzero.types import Rollout

TEXT = "def f(x):\n    return x + 1"
TOLERANCE = 0.02
"""Relative; the reductions that servers use differ by a third or more on these rows."""
CLAIMED = 3.0
"""Nats by which the rows claim to be less likely than they are."""
CEILING = 1.2
"""Where ``ppo`` clips the ratio of a positive coefficient."""


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """A row of the probe, and whether its first tokens count."""

    rollout: Rollout
    counts: bool


def prove(trainer: Trainer, scratch: Callable[[], Trainer], server: Server, tokens: Sequence[int]) -> None:
    """Raise `BackendError` unless `server` is what it is declared to be.

    `tokens` are any text's; `scratch` makes another model on the same server, should one be needed.
    """
    if len(tokens) < 4:
        raise ConfigError(f"this model's tokenizer makes {len(tokens)} tokens of {TEXT!r}: too few to try the server")
    short, long = _row(tokens[: len(tokens) // 2]), _row(tokens)
    if server.loss is not None:
        _prove_by_loss(trainer, server, server.loss, [short, long])
    else:
        _prove_by_norm(scratch(), server, short, long)


def _prove_by_loss(trainer: Trainer, server: Server, name: str, rows: Sequence[Rollout]) -> None:
    claims = [[value - CLAIMED for value in values] for values in trainer.logprobs(rows)]
    coefficients = _coefficients([ProbeRow(row, counts=True) for row in rows], server, counted=len(rows[-1].tokens))
    metrics = trainer.backward(rows, coefficients, claims, loss="ppo")
    expected = -CEILING * sum(len(row.tokens) for row in rows)
    _compare(_reported(metrics, name), expected, "loss")


def _prove_by_norm(trainer: Trainer, server: Server, short: Rollout, long: Rollout) -> None:
    def norm(*rows: ProbeRow) -> float:
        rollouts = [row.rollout for row in rows]
        now = trainer.logprobs(rollouts)
        trainer.backward(rollouts, _coefficients(rows, server, counted=len(short.tokens)), now)
        return _reported(trainer.step(Adam(0.0, (0.0, 0.0), 0.0, 0.0)), "grad_norm")

    expected = norm(ProbeRow(short, counts=True), ProbeRow(long, counts=False))
    _compare(norm(ProbeRow(short, counts=False), ProbeRow(long, counts=True)), expected, "gradient norm")
    _compare(norm(ProbeRow(short, counts=True)), expected, "gradient norm")


def _row(tokens: Sequence[int]) -> Rollout:
    return Rollout(tokens[:1], tokens[1:], [], "", "length")


def _coefficients(rows: Sequence[ProbeRow], server: Server, counted: int) -> list[list[float]]:
    """1 for the first `counted` tokens of the rows that count, multiplied as the declared reduction asks."""
    lengths = [len(row.rollout.tokens) for row in rows]
    factors = server.reduction(lengths)
    return [
        [factor * (row.counts and place < counted) for place in range(length)]
        for row, length, factor in zip(rows, lengths, factors, strict=True)
    ]


def _reported(metrics: Mapping[str, float], name: str) -> float:
    value = metric(metrics, name)
    if value is None:
        raise BackendError(
            f"the Tinker server does not report {name!r}, by which it could be tried: set --tinker.server to the "
            "kind of server that runs there"
        )
    return value


def _compare(found: float, expected: float, what: str) -> None:
    if not expected or not abs(found - expected) <= TOLERANCE * abs(expected):
        raise BackendError(
            f"the Tinker server reduces a batch otherwise than declared: a probe's {what} is {found:.5g} and should be "
            f"{expected:.5g}; set --tinker.server to the kind of server that runs there"
        )
