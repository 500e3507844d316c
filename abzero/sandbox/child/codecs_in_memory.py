"""Python's text encodings, kept as code, for children that can read no file. Standard library only.

Each of the 120 encodings is a module, loaded when it is first asked for. A program that asks must not get an error that
a plain interpreter would not give; but loaded by every zygote, they would take a third of its memory, whose tables each
fork copies. Their code lies in one private mapping instead, outside what forks copy.
"""

import encodings
import importlib.util
import marshal
import mmap
import os
import pkgutil
import struct
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType

_NATIVE = "_multibytecodec _codecs_cn _codecs_hk _codecs_iso2022 _codecs_jp _codecs_kr _codecs_tw zlib _bz2"
_ALSO = ("stringprep", "quopri", "bz2", "_compression")


class CodecFinder:
    """Finds the modules of encodings, and what these import."""

    def __init__(self) -> None:
        for name in _NATIVE.split():
            importlib.util.find_spec(name) and importlib.import_module(name)
        names = [f"encodings.{found.name}" for found in pkgutil.iter_modules(encodings.__path__)]
        parts, self._places = [], {}
        end = 0
        for name in [*names, *_ALSO]:
            if spec := importlib.util.find_spec(name):
                parts.append(_marshalled(spec))
                self._places[name] = (end, end := end + len(parts[-1]))
        self._code = _outside(b"".join(parts))

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name in self._places else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        start, end = self._places[module.__name__]
        exec(_nameless(marshal.loads(self._code[start:end])), vars(module))


def keep() -> None:
    """Have all encodings at hand from now on."""
    sys.meta_path.insert(0, CodecFinder())


def _marshalled(spec: ModuleSpec) -> bytes:
    """The code of a module of the standard library, as its compiled file has it, or else compiled now."""
    try:
        with open(spec.cached or "", "rb") as file:
            content = file.read()
        if content[:8] == importlib.util.MAGIC_NUMBER + bytes(4):
            written, size = struct.unpack("<II", content[8:16])
            source = os.stat(spec.origin or "")
            if (int(source.st_mtime) & 0xFFFFFFFF, source.st_size & 0xFFFFFFFF) == (written, size):
                return content[16:]
    except OSError:
        pass
    return marshal.dumps(spec.loader.get_code(spec.name))  # type: ignore[union-attr]


def _nameless(code: CodeType) -> CodeType:
    """`code` without the path of its file."""
    constants = tuple(_nameless(inner) if isinstance(inner, CodeType) else inner for inner in code.co_consts)
    return code.replace(co_filename="<codec>", co_consts=constants)


def _outside(content: bytes) -> bytes | mmap.mmap:
    """`content` in a mapping that forks do not copy, where there is such a thing."""
    if not hasattr(os, "memfd_create"):
        return content
    descriptor = os.memfd_create("encodings")
    try:
        os.write(descriptor, content)
        return mmap.mmap(descriptor, len(content), flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)
    finally:
        os.close(descriptor)
