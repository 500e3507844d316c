"""Encodes batches of calls as requests to children, and reads what a compiling child replied. No processes here."""

from collections.abc import Sequence

from abzero.sandbox.base import Call
from abzero.sandbox.callstate import CallState
from abzero.sandbox.child import wire
from abzero.sandbox.outcomes import Result

PROGRAMS, CALLS = (wire.CODE, wire.SOURCE), (wire.CALL, wire.CALL_SOURCE)


def size(state: CallState) -> int:
    return len(state.call.program) + len(state.call.arguments)


def as_text(states: Sequence[CallState]) -> bytes:
    """A request that carries the source text of each program and call."""
    return _request([_source(state.call) for state in states])


def isolated(state: CallState) -> bytes:
    """A request for one run of `state`; it begins with `HASHING` if nobody needs to know whether hashes matter."""
    settled = state.hashing or not state.call.verify
    return (wire.frame(wire.HASHING, b"") if settled else b"") + as_text([state])


def as_code(states: Sequence[CallState]) -> bytes:
    """A request that carries the code which a compiling child made of each program and call."""
    return _request([(state.program_frame, state.call_frame) for state in states])


def _source(call: Call) -> tuple[bytes, bytes]:
    return wire.frame(wire.SOURCE, call.program.encode()), wire.frame(wire.CALL_SOURCE, call.expression.encode())


def _request(pairs: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Concatenate the frames; a program that several calls in a row share is sent once."""
    parts, last = [], b""
    for program, call in pairs:
        if program != last:
            parts.append(program)
            last = program
        parts.append(call)
    return b"".join(parts)


def compiled(states: Sequence[CallState], found: Sequence[Result]) -> list[Result]:
    """What a compiling child says of each of `states`, as far as it got: one of `CALLS` where it is fit for a shared
    child, whose frames are then kept, unread; else how it ended.
    """
    frames, told = iter(found), []
    program, text = None, None
    for state in states:
        if state.call.program != text:
            program, text = next(frames, None), state.call.program
        call = next(frames, None) if program is not None and program.tag in PROGRAMS else program
        if program is None or call is None:
            break
        told.append(_fit(state, program, call))
    return told


def _fit(state: CallState, program: Result, call: Result) -> Result:
    """What is said of `state`, by the results for its program and for its call; they are one where that one failed."""
    if program.tag in PROGRAMS and call.tag in CALLS:
        state.program_frame = wire.frame(program.tag, program.body)
        hashing = program.hashing or call.hashing
        state.call_frame = (wire.frame(wire.HASHING, b"") if hashing else b"") + wire.frame(call.tag, call.body)
        return Result(hashing, call.tag, b"")
    return Result(False, wire.DOUBT, b"") if call.tag in PROGRAMS + CALLS else call
