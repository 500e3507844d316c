"""From what a child sent to an outcome. Total: any bytes and any wait status give one, or `OurFault`."""

import os
import signal

from abzero import literals
from abzero.errors import Malformed
from abzero.sandbox import wire
from abzero.sandbox.base import NotLiteral, Outcome, Raised, Refused, Returned, Stopped
from abzero.sandbox.parent import Ending

_RESULTS = {wire.VALUE, wire.RAISED, wire.NO_LITERAL, wire.ADDRESS, wire.REFUSED, wire.MEMORY, wire.EXITED, wire.DOUBT}


class OurFault(Exception):
    """The run failed before the program had a part in it."""


def outcome_of(tag: bytes, body: bytes) -> Outcome:
    """The outcome that a result frame reports; what no honest child sends counts as a crash."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return Stopped("crashed")
    match tag:
        case wire.VALUE:
            try:
                return Returned(literals.canonical(literals.parse(text)))
            except Malformed as error:
                return Refused(f"a value that is no literal: {error}")
        case wire.RAISED:
            return Raised(_name(text, "Exception"))
        case wire.NO_LITERAL | wire.ADDRESS:
            return NotLiteral(_name(text, "object"))
        case wire.REFUSED:
            return Refused(text[:200])
        case wire.MEMORY:
            return Stopped("memory")
        case wire.EXITED:
            return Stopped("exited")
        case _:
            return Stopped("crashed")


def results(ending: Ending) -> tuple[list[tuple[bool, bytes, bytes]], bool, bool]:
    """Results of a run as (hashing, tag, text), whether the child locked itself in, whether a program was prepared."""
    found: list[tuple[bool, bytes, bytes]] = []
    locked = prepared = hashing = False
    for tag, body in wire.frames(ending.data):
        if tag == wire.LOCKED:
            locked = True
        elif tag == wire.SCREENED:
            hashing = body == b"1"
        elif tag == wire.PREPARED:
            prepared = True
        elif tag in _RESULTS:
            found.append((hashing, tag, body))
    return found, locked, prepared


def broken(ending: Ending) -> Outcome:
    """The outcome of a run that ended without a result."""
    if ending.overdue:
        return Stopped("timeout")
    if os.WIFSIGNALED(ending.status):
        if os.WTERMSIG(ending.status) in (signal.SIGPROF, signal.SIGXCPU):
            return Stopped("timeout")
        return Stopped("memory") if os.WTERMSIG(ending.status) == signal.SIGKILL else Stopped("crashed")
    return Refused("more output than a report may hold") if ending.status >> 8 == wire.CUT_SHORT else Stopped("exited")


def _name(text: str, default: str) -> str:
    return text if text.isidentifier() and len(text) <= 100 else default
