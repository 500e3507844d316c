"""The requests of children that serve many calls, and what a compiling child made of them. No processes here."""

import json
from collections.abc import Sequence

from abzero.sandbox import wire
from abzero.sandbox.check import Check
from abzero.sandbox.verdict import Result

PROGRAMS, CALLS = (wire.CODE, wire.SOURCE), (wire.CALL, wire.CALL_SOURCE)


def size(check: Check) -> int:
    return len(check.call.program) + len(check.call.arguments)


def to_compile(checks: Sequence[Check]) -> bytes:
    """The calls as JSON, grouped where neighbours share a program."""
    groups: list[tuple[str, list[str]]] = []
    for check in checks:
        if not groups or groups[-1][0] != check.call.program:
            groups.append((check.call.program, []))
        groups[-1][1].append(check.call.arguments)
    return json.dumps(groups).encode()


def to_run(checks: Sequence[Check]) -> bytes:
    """The calls as frames; a program that neighbours share comes once."""
    parts, program = [], None
    for check in checks:
        if check.call.program != program:
            program = check.call.program
            parts.append(check.program_frame)
        parts.append(check.call_frame)
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
        fit = program is not None and program.tag in PROGRAMS
        call = next(frames, None) if fit else program
        if call is None:
            break
        if fit and program is not None and call.tag in CALLS:
            check.program_frame = wire.frame(program.tag, program.body)
            check.call_frame = wire.frame(call.tag, call.body)
            call = Result(program.hashing or call.hashing, call.tag, b"")
        told.append(call)
    return told
