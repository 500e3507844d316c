"""A trained model as a folder of its own, for anyone's loader: full weights, tokenizer, model card."""

import os
import re
import shutil
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

import torch

from abzero.errors import RunError
from abzero.policy.models import chat_template, loading, lora

KEPT = 0.9
"""Least share of an adapter that must outlive the rounding of a merge into the base's own type."""


def export(
    checkpoint: Path,
    target: Path,
    card: str,
    *,
    dtype: torch.dtype | None = None,
    template: str | None = None,
    ends: Collection[int] = (),
    beside: Mapping[str, bytes] = {},
) -> torch.dtype:
    """Write the model in the folder `checkpoint` to `target`, which must be new or empty, with `card` as its README.md.

    An adapter is merged into its base. The weights keep their type, unless `dtype` gives another; but a merge that the
    type would round away is written in float32. With `template`, the tokenizer gets it for its chat template; with
    `ends`, those tokens end a reply as well. The files `beside`, by name, are written too. Returns the type that was
    written.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise RunError(f"{target} exists and is not an empty folder: export into a new one")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{target.name[:40]}-", dir=target.parent))
    except OSError as error:
        raise RunError(f"'{target}' cannot be made ({error.strerror}): export into another folder") from error
    try:
        return _write(checkpoint, target, partial, dtype, template, ends, {"README.md": card.encode(), **beside})
    except OSError as error:
        raise RunError(f"'{target}' cannot be written ({error.strerror}): make room, or export elsewhere") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write(
    checkpoint: Path,
    target: Path,
    partial: Path,
    dtype: torch.dtype | None,
    template: str | None,
    ends: Collection[int],
    beside: Mapping[str, bytes],
) -> torch.dtype:
    """Fill the folder `partial`, and put it in the place of `target`."""
    model, codec = loading.load(checkpoint, dtype=dtype, device="cpu")
    if lora.present(model):
        if dtype is None and lora.kept(model, model.dtype) < KEPT:
            dtype = torch.float32
        model = lora.merged(model, dtype or model.dtype)
    if not codec.ends.issuperset(ends):
        model.generation_config.eos_token_id = sorted({*codec.ends, *ends})
    if template is not None:
        chat_template.write(codec, template)
    model.save_pretrained(partial)
    codec.tokenizer.save_pretrained(partial)
    for name, content in beside.items():
        (partial / name).parent.mkdir(exist_ok=True)
        (partial / name).write_bytes(content)
    partial.chmod(0o755)
    for file in partial.rglob("*"):
        if file.is_file():
            file.chmod(0o644)  # safetensors writes what its owner alone may read
    if target.exists():
        target.rmdir()
    os.replace(partial, target)
    return model.dtype


def model_card(name: str, base: str, facts: dict[str, str], how: str) -> str:
    """The card of a model called `name`, trained from `base`; `facts` are the lines of its table, `how` says how to
    prompt it.
    """
    table = "\n".join(f"| {key} | {value} |" for key, value in facts.items())
    return f"""{_head(name, base, ", absolute-zero, self-play")}
Trained from `{base}` by Absolute Zero self-play (arXiv 2505.03335) with abzero: the model proposed programming tasks
and solved them, a sandbox verified every one, and no outside data was used.

| | |
|---|---|
{table}

## How to prompt it

{how}

abzero reads from abzero.json how this model was asked: `abzero eval FOLDER` and `abzero train --model.name FOLDER` ask
it so again.
"""


def copied(name: str, base: str) -> str:
    """The card of a model called `name` that has the weights of `base` as they are."""
    return f"{_head(name, base)}\nThe weights of `{base}` as they are, written by abzero; nothing was trained.\n"


def _head(name: str, base: str, more_tags: str = "") -> str:
    return f"""---
base_model: {base}
library_name: transformers
pipeline_tag: text-generation
tags: [abzero{more_tags}]
---
# {name}
"""


TEMPLATED = """\
It was trained on {kind}. Its chat template gives just that, which may not be the base model's template: a plain
`apply_chat_template` with one message of the user sends the tokens that training sent.

```python
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer, model = AutoTokenizer.from_pretrained("{name}"), AutoModelForCausalLM.from_pretrained("{name}")
messages = [{{"role": "user", "content": "What is 6 * 7?"}}]
asked = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
print(tokenizer.decode(model.generate(**asked, max_new_tokens=512)[0]))
```

The prompt of that message, as the model reads it:

{shown}"""

PLAIN = """\
It was trained on {kind}: on the text below, to which its tokenizer adds what it adds to any text. No chat template can
send the same tokens, so use none.

{shown}"""


def asking(name: str, kind: str, prompt: str, templated: bool) -> str:
    """How to prompt the model `name`: by its chat template, if it is `templated`, or by the text itself."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", prompt)), default=0))
    shown = f"{fence}text\n{prompt}\n{fence}"
    return (TEMPLATED if templated else PLAIN).format(name=name, kind=kind, shown=shown)
