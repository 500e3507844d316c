"""How a child sends frames to the parent. Standard library only."""

import os
from collections.abc import Callable

from abzero.sandbox.child import wire

DESCRIPTOR = 3
"""The only open descriptor of a child: where it reports to."""

ReplyFrame = tuple[bytes, str]
Write = Callable[..., None]
"""Takes frames, whose content may be bytes too, and sends them in one piece."""


def writer() -> Write:
    """A function that sends frames; a child whose report does not fit the socket's buffer ends there."""
    send, descriptor, pack, encode, length, leave = os.write, DESCRIPTOR, wire.FRAME.pack, str.encode, len, os._exit
    full, too_long, kind, blob = BlockingIOError, wire.CUT_SHORT, type, bytes

    def write(*frames: tuple[bytes, str | bytes]) -> None:
        data = b""
        for tag, text in frames:
            body: bytes = text if kind(text) is blob else encode(text, "utf-8", "replace")  # type: ignore[assignment,arg-type]
            data += pack(tag, length(body)) + body
        try:
            if send(descriptor, data) != length(data):
                leave(too_long)
        except full:
            leave(too_long)

    return write
