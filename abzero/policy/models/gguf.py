"""Models in one GGUF file, as llama.cpp has them: weights of any of its types, tokenizer, chat template."""

import importlib.util
from functools import partial
from pathlib import Path

from transformers import PreTrainedModel, modeling_gguf_pytorch_utils

from abzero.errors import ConfigError

ENDING = ".gguf"


def named(name: str) -> bool:
    """Whether `name` is that of a GGUF file."""
    return name.lower().endswith(ENDING)


def locate(name: str) -> str:
    """The file's whole path. Raises `ConfigError` where there is none, or nothing to read it with."""
    path = Path(name).expanduser()
    if not path.is_file():
        raise ConfigError(f"model file {name!r} does not exist: give the path of a .gguf file")
    if importlib.util.find_spec("gguf") is None:
        raise ConfigError(f"model file {name!r} needs the package gguf: pip install 'abzero[gguf]'")
    return str(path.resolve())


def source(located: str) -> tuple[str, dict[str, str]]:
    """What transformers' loaders take for what was located: a folder or name and, for a GGUF file, which in it."""
    if not named(located):
        return located, {}
    path = Path(located)
    return str(path.parent), {"gguf_file": path.name}


def show_progress_in_terminals_alone() -> None:
    """Keep the bar that transformers draws while it reads weights out of pipes and files; no setting of its does."""
    names = vars(modeling_gguf_pytorch_utils)
    if "tqdm" in names:
        names["tqdm"] = partial(names["tqdm"], disable=None)


def forget_quantisation(model: PreTrainedModel) -> None:
    """Make a model that was read from quantised weights one like any other: its weights are plain numbers now, but
    transformers refuses to save it while its config calls them quantised.
    """
    for owner in (model, model.config):
        for name in ("hf_quantizer", "is_quantized", "quantization_method", "quantization_config"):
            if name in vars(owner):
                delattr(owner, name)
