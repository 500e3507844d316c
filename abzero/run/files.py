"""Files that appear whole or not at all, and never behind a symbolic link: somebody else may have made the folder."""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from abzero.errors import ConfigError, RunError

_APPENDING = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""A pipe that nobody reads is then an error, and not waited for."""


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """A new file that takes the place of `path`, be that a link, when the block ends well. Raises `OSError`.

    What `path` held can be read until then. What lies in /dev or /proc, such as /dev/stdout, is written as it is; a
    pipe elsewhere would wait for whoever reads it, and is refused.
    """
    if path.parts[1:2] in (("dev",), ("proc",)) and path.exists() and not path.is_file():
        with path.open("w", encoding="utf-8", errors="surrogateescape") as file:
            yield file
        return
    if path.exists() and not (path.is_file() or path.is_dir() or path.is_symlink()):
        raise FileExistsError(errno.EEXIST, "it is a pipe or a device", str(path))
    fresh = path.with_name(f".{path.name[:40]}-{secrets.token_hex(6)}")
    try:
        with fresh.open("x", encoding="utf-8", errors="surrogateescape") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except BaseException:
        with suppress(OSError):
            fresh.unlink()
        raise


def replace_text(path: Path, text: str) -> None:
    """Put `text` in the place of what `path` was, whole or not at all. Raises `RunError`."""
    try:
        with replacing(path) as file:
            file.write(text)
    except OSError as error:
        raise RunError(f"'{path}' cannot be written: {error.strerror}") from error


def append_text(path: Path, text: str) -> None:
    """Add `text` to a file, be it new, that is no link: it is on the disk when this returns. Raises `RunError`: then
    nothing of it is.
    """
    rest = memoryview(text.encode("utf-8"))
    try:
        descriptor = os.open(path, _APPENDING, 0o666)
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            size = os.fstat(descriptor).st_size
            try:
                while rest:
                    rest = rest[file.write(rest) :]
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, size)
                raise
    except OSError as error:
        raise RunError(f"'{path}' cannot be written ({error.strerror}): make room, then go on") from error


def read_bytes(path: Path, most: int = 16 << 20) -> bytes:
    """What a file holds that may be a stranger's: no link, no pipe, not more than `most` bytes. Raises `RunError`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
            body = file.read(most + 1) if regular else b""
    except OSError as error:
        raise RunError(f"'{path}' cannot be read: {error.strerror}") from error
    if not regular or len(body) > most:
        raise RunError(f"'{path}' cannot be read: it is {'larger than such a file gets' if regular else 'no file'}")
    return body


def read_text(path: Path, most: int = 16 << 20) -> str:
    """The text of a file that may be a stranger's, as `read_bytes` reads it. Raises `RunError`."""
    try:
        return read_bytes(path, most).decode("utf-8")
    except UnicodeDecodeError as error:
        raise RunError(f"'{path}' cannot be read: {error}") from error


def check_output(path: Path, flag: str) -> None:
    """Raise `ConfigError`, naming `flag`, if a file cannot be written at `path`: before the work that fills it."""
    try:
        if path.is_dir():
            raise ConfigError(f"{flag} '{path}' is a folder: name a file, such as {flag} {path / 'out'}")
        if not path.parent.is_dir():
            raise ConfigError(f"{flag} '{path}': there is no folder '{path.parent}': make it, or name another file")
        refused = not os.access(path if path.exists() and not path.is_file() else path.parent, os.W_OK)
    except OSError as error:
        raise ConfigError(f"{flag} '{path}' cannot be written: {error.strerror}") from error
    if refused or len(os.fsencode(path.name)) > 255:
        raise ConfigError(f"{flag} '{path}' cannot be written: name a file that this user may make")


def check_links(folder: Path) -> None:
    """Raise `RunError` if something in `folder`, or in a folder of it, is a symbolic link: writing would follow it."""
    try:
        for place, folders, files in os.walk(folder):
            for name in sorted([*folders, *files]):
                path = Path(place, name)
                if path.is_symlink():
                    raise RunError(
                        f"'{path}' is a symbolic link, and nothing in a run's folder may be one: put what it points "
                        "to in its place (to keep a run on another disk, link the whole folder)"
                    )
    except OSError as error:
        raise RunError(f"'{folder}' cannot be read: {error.strerror}") from error
