"""Whether a zygote may be trusted with untrusted programs: its layers, and what a child could do that tried."""

import json
import selectors
from dataclasses import dataclass

from abzero.errors import IsolationError, SandboxError
from abzero.sandbox.child import wire
from abzero.sandbox.host import Zygote, ZygoteDied

REQUIRED = ("uid", "privileges", "limits", "seccomp")
"""Layers that ``strict`` does not do without; the others are depth, for the day that one of these has a hole."""

_SECONDS = 6.0


@dataclass(frozen=True, slots=True)
class Tried:
    """What was found of one zygote."""

    missing: tuple[str, ...]
    """Required layers that are not on, each with the reason."""
    escapes: tuple[str, ...]
    """What a child of it could do although it must not."""
    clocks: tuple[str, ...]
    """Clocks that a child could read."""

    @property
    def faults(self) -> list[str]:
        """All that ``strict`` does not allow."""
        return [*self.missing, *(f"self-test: {name}" for name in self.escapes)]


def tried(zygote: Zygote) -> Tried:
    """What a ready `zygote` lacks. Its self-test runs in a child. Raises `IsolationError` if that gives no answer."""
    layers = zygote.layers
    missing = {name: state for name, state in layers.items() if name in REQUIRED and state != "on"}
    missing |= {name: "missing: not known on this system" for name in REQUIRED if name not in layers}
    escapes, clocks = _self_test(zygote)
    return Tried(tuple(f"{name} ({state})" for name, state in missing.items()), tuple(escapes), tuple(clocks))


def _self_test(zygote: Zygote) -> tuple[list[str], list[str]]:
    with selectors.DefaultSelector() as selector:
        try:
            zygote.start(wire.SELF_TEST, b"", _SECONDS)
            selector.register(zygote, selectors.EVENT_READ)
            selector.select(10 * _SECONDS)
            endings = zygote.collect()
        except ZygoteDied as error:
            raise SandboxError(f"the zygote died in its self-test: {error}") from error
    for _, ending in endings:
        for tag, body in wire.frames(ending.data):
            if tag == wire.VALUE:
                escapes, clocks = json.loads(body)
                return escapes, clocks
        how = ending.status & 0x7F
        raise IsolationError(f"the self-test ended without an answer, by signal {how} with {ending.data!r}")
    raise IsolationError("the self-test gave no answer")
