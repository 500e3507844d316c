"""Standard input of a program: text over bytes, with one position. Standard library only."""

import io


class Stdin(io.TextIOBase):
    """Text over bytes with one position: what is read as text is gone from the bytes, and the other way round."""

    encoding, errors = "utf-8", "replace"

    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> str:
        if size is None or size < 0:
            return self.buffer.read().decode("utf-8", "replace")
        taken = ""
        while len(taken) < size and (byte := self.buffer.read(1)):
            while (
                byte[0] >= 0xC0
                and len(byte) < 4
                and (self.buffer.getbuffer()[self.buffer.tell() :][:1] or b"\0")[0] & 0xC0 == 0x80
            ):
                byte += self.buffer.read(1)
            taken += byte.decode("utf-8", "replace")
        return taken

    def readline(self, size: int = -1) -> str:  # type: ignore[override]
        return self.buffer.readline(size).decode("utf-8", "replace")

    def __next__(self) -> str:  # type: ignore[override]
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    def fileno(self) -> int:
        raise io.UnsupportedOperation("fileno")
