"""LiveCodeBench's private tests: base64 of zlib of a pickle of JSON text. The only pickle that is read in this house,
by an unpickler that can make text and nothing else.
"""

import base64
import binascii
import io
import json
import pickle
import zlib
from dataclasses import dataclass
from typing import NoReturn

from abzero.evals import schema

MAX_BYTES = 256 << 20


_BROKEN = (
    pickle.UnpicklingError, EOFError, LookupError, AttributeError, TypeError, MemoryError, OverflowError,
    RecursionError, ImportError,
)  # fmt: skip
"""What reading a damaged pickle raises."""


@dataclass(frozen=True, slots=True)
class Test:
    """What a program is given, and what it must give back."""

    input: str
    output: str
    functional: bool


class _TextOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> NoReturn:
        raise ValueError(f"a pickle that asks for {module}.{name}")

    def persistent_load(self, pid: object) -> NoReturn:
        raise ValueError("a pickle with a persistent id")


def tests(text: str) -> list[Test]:
    """The tests that `text` holds, as JSON or packed. Raises `ValueError`, which says what is wrong with it."""
    text = text.strip()
    if not text.startswith("["):
        text = _unpacked(text)
    if schema.crowded(text):
        raise ValueError(f"more than {schema.MAX_PARTS:,} values")
    try:
        rows = json.loads(text)
    except RecursionError as error:
        raise ValueError("JSON nested too deep") from error
    if not isinstance(rows, list):
        raise ValueError("not a list of tests")
    return [_test(row) for row in rows]


def _test(row: object) -> Test:
    if not isinstance(row, dict) or not all(isinstance(row.get(name), str) for name in ("input", "output", "testtype")):
        raise ValueError("a test without 'input', 'output' and 'testtype', all text")
    if row["testtype"] not in ("stdin", "functional"):
        raise ValueError(f"a test of type {row['testtype'][:40]!r}, neither stdin nor functional")
    try:
        (row["input"] + row["output"]).encode()
    except UnicodeEncodeError as error:
        raise ValueError("a test with half of a character in it") from error
    return Test(row["input"], row["output"], row["testtype"] == "functional")


def _unpacked(text: str) -> str:
    """The one text that was pickled, compressed and written in base64."""
    try:
        packed = base64.b64decode(text, validate=True)
        unpack = zlib.decompressobj()
        data = unpack.decompress(packed, MAX_BYTES)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise ValueError(f"neither JSON nor base64 of compressed data ({error})") from error
    if unpack.unconsumed_tail:
        raise ValueError(f"tests of more than {MAX_BYTES >> 20} MB")
    if not unpack.eof or unpack.unused_data:
        raise ValueError("compressed data that is cut short or goes on after its end")
    stream = io.BytesIO(data)
    try:
        value = _TextOnly(stream).load()
    except ValueError:
        raise
    except _BROKEN as error:
        raise ValueError(f"a pickle that cannot be read ({type(error).__name__})") from error
    if type(value) is not str:
        raise ValueError(f"a pickled {type(value).__name__}, where text is wanted")
    if stream.read(1):
        raise ValueError("a pickle that goes on after its end")
    return value
