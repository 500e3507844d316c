"""Which weights a model has: the SHA-256 of every file of them, as anybody can check it with ``sha256sum``."""

import hashlib
from pathlib import Path

from transformers.utils.hub import cached_file

from abzero.policy.models import gguf, loading

KINDS = ("*.safetensors", "*.bin")
"""Patterns of files of weights: where there are some of the first, the second are other copies."""


def weights(name: str) -> dict[str, str]:
    """SHA-256 of the files that `loading.load` reads weights from, by name; an adapter's, then its base's.

    Raises `ConfigError` as loading does.
    """
    source = loading.locate(name)
    if gguf.named(source):
        return {Path(source).name: _sha256(Path(source))}
    folder = Path(source)
    if not folder.is_dir():
        folder = Path(str(cached_file(source, "config.json"))).parent
    found = next((files for kind in KINDS if (files := sorted(folder.glob(kind)))), [])
    own = {path.name: _sha256(path) for path in found}
    base = loading.base(folder)
    return own if base is None else {**own, **{f"base/{name}": digest for name, digest in weights(base).items()}}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
