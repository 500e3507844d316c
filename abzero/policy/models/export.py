"""A trained model as a folder of its own, for anyone's loader: full weights, tokenizer, model card."""

import os
import shutil
import tempfile
from pathlib import Path

import torch

from abzero.errors import RunError
from abzero.policy.models import loading, lora

KEPT = 0.9
"""Least share of an adapter that must outlive the rounding of a merge into the base's own type."""


def export(checkpoint: Path, target: Path, card: str, *, dtype: torch.dtype | None = None) -> torch.dtype:
    """Write the model in the folder `checkpoint` to `target`, which must be new or empty, with `card` as its README.md.

    An adapter is merged into its base. The weights keep their type, unless `dtype` gives another; but a merge that the
    type would round away is written in float32. Returns the type that was written.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise RunError(f"{target} exists and is not an empty folder: export into a new one")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{target.name[:40]}-", dir=target.parent))
    except OSError as error:
        raise RunError(f"'{target}' cannot be made ({error.strerror}): export into another folder") from error
    try:
        return _write(checkpoint, target, partial, card, dtype)
    except OSError as error:
        raise RunError(f"'{target}' cannot be written ({error.strerror}): make room, or export elsewhere") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write(checkpoint: Path, target: Path, partial: Path, card: str, dtype: torch.dtype | None) -> torch.dtype:
    """Fill the folder `partial`, and put it in the place of `target`."""
    model, codec = loading.load(checkpoint, dtype=dtype, device="cpu")
    if lora.present(model):
        if dtype is None and lora.kept(model, model.dtype) < KEPT:
            dtype = torch.float32
        model = lora.merged(model, dtype or model.dtype)
    model.save_pretrained(partial)
    codec.tokenizer.save_pretrained(partial)
    (partial / "README.md").write_text(card, encoding="utf-8")
    partial.chmod(0o755)
    if target.exists():
        target.rmdir()
    os.replace(partial, target)
    return model.dtype


def model_card(name: str, base: str, facts: dict[str, str]) -> str:
    """The card of a model called `name`, trained from `base`; `facts` are the lines of its table."""
    table = "\n".join(f"| {key} | {value} |" for key, value in facts.items())
    return f"""---
base_model: {base}
library_name: transformers
pipeline_tag: text-generation
tags: [abzero, absolute-zero, self-play]
---
# {name}

Trained from `{base}` by Absolute Zero self-play (arXiv 2505.03335) with abzero: the model proposed programming tasks
and solved them, a sandbox verified every one, and no outside data was used.

| | |
|---|---|
{table}
"""
