"""The requests of children that serve many calls, and what a compiling child made of them. No processes here."""

from collections.abc import Sequence

from abzero.sandbox import wire
from abzero.sandbox.base import Call
from abzero.sandbox.check import Check
from abzero.sandbox.verdict import Result

PROGRAMS, CALLS = (wire.CODE, wire.SOURCE), (wire.CALL, wire.CALL_SOURCE)


def size(check: Check) -> int:
    return len(check.call.program) + len(check.call.arguments)


def as_text(checks: Sequence[Check]) -> bytes:
    """A request for what was asked for."""
    return _request([_source(check.call) for check in checks])


def alone(check: Check) -> bytes:
    """A request for one run of `check`; it begins with `HASHING` if nobody needs to know whether hashes matter."""
    settled = check.hashing or not check.call.verify
    return (wire.frame(wire.HASHING, b"") if settled else b"") + as_text([check])


def as_code(checks: Sequence[Check]) -> bytes:
    """A request for what a compiling child made of it."""
    return _request([(check.program_frame, check.call_frame) for check in checks])


def _source(call: Call) -> tuple[bytes, bytes]:
    return wire.frame(wire.SOURCE, call.program.encode()), wire.frame(wire.CALL_SOURCE, call.expression.encode())


def _request(pairs: Sequence[tuple[bytes, bytes]]) -> bytes:
    """A program that neighbours share comes once."""
    parts, last = [], b""
    for program, call in pairs:
        if program != last:
            parts.append(program)
            last = program
        parts.append(call)
    return b"".join(parts)


def compiled(checks: Sequence[Check], found: Sequence[Result]) -> list[Result]:
    """What a compiling child says of each of `checks`, as far as it got: one of `CALLS` where it is fit for the shared
    lane, whose frames are then kept, unread; else how it ended.
    """
    frames, told = iter(found), []
    program, text = None, None
    for check in checks:
        if check.call.program != text:
            program, text = next(frames, None), check.call.program
        call = next(frames, None) if program is not None and program.tag in PROGRAMS else program
        if program is None or call is None:
            break
        told.append(_fit(check, program, call))
    return told


def _fit(check: Check, program: Result, call: Result) -> Result:
    """What is said of `check`, by the results for its program and for its call; they are one where that one failed."""
    if program.tag in PROGRAMS and call.tag in CALLS:
        check.program_frame = wire.frame(program.tag, program.body)
        check.call_frame = wire.frame(call.tag, call.body)
        return Result(program.hashing or call.hashing, call.tag, b"")
    return Result(False, wire.DOUBT, b"") if call.tag in PROGRAMS + CALLS else call
