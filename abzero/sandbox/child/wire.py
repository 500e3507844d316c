"""What passes between parent, zygote and child: fixed records and tagged frames. Standard library only.

Parent to zygote: a `COMMAND` record, and with a run the descriptors that its child reads from and writes to. Zygote to
parent: a `STATUS` record when a child has ended. Parent to child: a length and a request. Child to parent: frames; each
begins with one of the tags below.

A request is frames, too: a program's, then those of its inputs; then the next program's. They are `SOURCE` and
`CALL_SOURCE`, or in a shared child whatever a compiling child made of these, which the parent passes on unread. Before
an isolated program, `HASHING` says that the child need not find out about that.
"""

import struct
from collections.abc import Iterator
from typing import TypedDict


class ZygoteSettings(TypedDict):
    """What a zygote is told on its command line, as JSON."""

    seed: int
    place: int
    """Which of the zygotes it is: neighbours differ in how they lay out memory, whatever their seeds."""
    root: str
    """The folder that holds this package: on the zygote's path while it starts, and then no longer."""
    imports: list[str] | None
    without: list[str]
    memory_bytes: int
    value_characters: int
    value_depth: int
    value_nodes: int


COMMAND = struct.Struct("<4sIII")
"""Verb, ticket, processor time in microseconds, zero."""
ISOLATED, COMPILE, SHARED, SELF_TEST, KILL = b"ISOL", b"COMP", b"MANY", b"TEST", b"KILL"
LISTED = b"LIST"
"""A program by itself, as a benchmark runs it: see `listing`. Its child waits until the parent has read its report."""

STATUS = struct.Struct("<Ii")
"""Ticket, and the status as ``waitpid`` gives it; below zero, why no child could be forked, as an error number."""

LENGTH = struct.Struct("<I")
FRAME = struct.Struct("<cI")
"""Tag, length of the text that follows."""

LOCKED, HASHING, PREPARED = b"L", b"H", b"P"
"""The child has given up its rights; what follows could depend on hashes; the module level of the program has run."""
VALUE, RAISED, NO_LITERAL, ADDRESS, REFUSED, MEMORY, EXITED, DOUBT = b"V", b"E", b"N", b"A", b"X", b"M", b"Q", b"S"
"""How a call ended. `ADDRESS`: no literal, and it prints where it lies. `DOUBT`: it must be isolated."""
CODE, SOURCE, CALL, CALL_SOURCE = b"C", b"T", b"c", b"t"
"""A program and a call, marshalled; or as text, where compiling again is not the same as unmarshalling."""


def frame(tag: bytes, body: bytes) -> bytes:
    return FRAME.pack(tag, len(body)) + body


def frames(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The whole frames at the front of `data`, as (tag, text)."""
    read, size, position, end = FRAME.unpack_from, FRAME.size, FRAME.size, len(data)
    while position <= end:
        tag, length = read(data, position - size)
        if position + length > end:
            return
        yield tag, data[position : position + length]
        position += length + size


ENTRY, INPUT, STDIN = b"e", b"i", b"s"
"""In a request for `LISTED`: the entry point's name and then each input, marshalled; or what the program reads."""

CUT_SHORT = 75
"""Exit status of a child whose report did not fit the socket's buffer."""
