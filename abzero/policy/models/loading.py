"""Loading a causal language model and its tokenizer: from a folder, a GGUF file or by Hugging Face name."""

import json
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import torch
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)
from transformers.utils import logging
from transformers.utils.hub import cached_file

from abzero.errors import ConfigError
from abzero.policy.models import gguf, naming
from abzero.policy.models.tokenizer import Codec

CONNECT_SECONDS = 10.0


def device() -> str:
    """The best device here: ``cuda``, ``mps`` or ``cpu``."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def load(name: str | Path, *, dtype: torch.dtype | None, device: str) -> tuple[PreTrainedModel, Codec]:
    """The model on `device`, without dropout, and its codec. Raises `ConfigError` with the remedy.

    It comes in `dtype`, or in the type that it was saved in for ``None``; the folder of an adapter loads with its base.
    """
    source = locate(str(name))
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    tokenizer = _read_tokenizer(source, str(name))
    place, file = gguf.source(source)
    if file:
        gguf.show_progress_in_terminals_alone()
    with _told(str(name)):
        loaded = AutoModelForCausalLM.from_pretrained(
            place, dtype=dtype or "auto", output_loading_info=True, trust_remote_code=False, **file
        )
    model, report = cast(tuple[PreTrainedModel, Mapping[str, Collection[str]]], loaded)
    if report["missing_keys"]:
        missing = sorted(report["missing_keys"])
        raise ConfigError(f"model {str(name)!r} lacks {len(missing)} of its weights, {missing[0]!r} for one")
    if file:
        gguf.forget_quantisation(model)
    _drop_dropout(model)
    _freeze_all_but_text(model)
    cast(nn.Module, model).to(device)
    return model, Codec(tokenizer, model)


def codec(name: str | Path) -> Codec:
    """The codec of a model whose weights are somewhere else: config and tokenizer are all that is read."""
    source = locate(str(name))
    tokenizer = _read_tokenizer(source, str(name))
    weights = base(Path(source)) or source
    with _told(str(name)):
        with torch.device("meta"):
            outline = AutoModelForCausalLM.from_config(read_config(weights), trust_remote_code=False)
        if not gguf.named(weights) and cached_file(
            weights, "generation_config.json", _raise_exceptions_for_missing_entries=False
        ):
            outline.generation_config = GenerationConfig.from_pretrained(weights)
    return Codec(tokenizer, outline)


STRETCHED = ("linear", "dynamic", "yarn")
"""Ways of scaling rotary positions by which a model sees `factor` times as far as its config's own number says."""


def positions(name: str | Path) -> int | None:
    """How many tokens the model sees at once, prompt and completion; ``None`` if its config sets no bound."""
    source = locate(str(name))
    with _told(str(name)):
        return positions_of(read_config(source))


def positions_of(config: PreTrainedConfig) -> int | None:
    """As `positions`, from a config that has been read."""
    bound: int | None = getattr(config.get_text_config(), "max_position_embeddings", None)
    rope = getattr(config.get_text_config(), "rope_parameters", None) or {}
    if bound and rope.get("rope_type") in STRETCHED:
        return int(bound * rope.get("factor", 1))
    return bound


def check_context(name: str | Path, prompt: int, new: int) -> None:
    """Raise `ConfigError` if the model has no positions for `new` tokens after a prompt of `prompt`; loads nothing."""
    bound = positions(name)
    if bound and prompt + new > bound:
        raise ConfigError(
            f"sampling.max-prompt-tokens {prompt} and sampling.max-tokens {new} make {prompt + new}, but model "
            f"{str(name)!r} has {bound} positions: lower one or both"
        )


def read_config(source: str) -> PreTrainedConfig:
    """The config of what was located; of its base, if that is an adapter."""
    place, file = gguf.source(base(Path(source)) or source)
    return cast(PreTrainedConfig, AutoConfig.from_pretrained(place, trust_remote_code=False, **file))


def _read_tokenizer(source: str, name: str) -> PreTrainedTokenizerBase:
    with _told(name, "has no tokenizer that can be read"):
        tokenizer = _tokenizer(source)
    if not tokenizer.encode("a", add_special_tokens=False):
        raise ConfigError(f"model {name!r} has no tokenizer: copy tokenizer.json beside its weights")
    return tokenizer


def _tokenizer(source: str) -> PreTrainedTokenizerBase:
    """What tokenizer.json says, where there is one.

    AutoTokenizer chooses a class by the model's type instead, and for some types that class brings rules and special
    tokens of its own (a pad token beyond the model's embeddings, for one).
    """
    place, file = gguf.source(source)
    if not file and cached_file(source, "tokenizer.json", _raise_exceptions_for_missing_entries=False):
        return cast(PreTrainedTokenizerBase, PreTrainedTokenizerFast.from_pretrained(source))
    return cast(PreTrainedTokenizerBase, AutoTokenizer.from_pretrained(place, trust_remote_code=False, **file))


def locate(name: str) -> str:
    """A folder or GGUF file as it is; a name once its files are within reach, so that nothing hangs later."""
    if gguf.named(name):
        return gguf.locate(name)
    if Path(name).expanduser().is_dir():
        folder = Path(name).expanduser()
        if not (folder / "config.json").is_file() and not (folder / "adapter_config.json").is_file():
            raise ConfigError(f"model folder {name!r} has no config.json: it is not a Hugging Face model")
        if (below := base(folder)) is not None:
            locate(below)
        return str(folder.resolve())
    try:
        hf_hub_download(name, "config.json", local_files_only=True)
    except HFValidationError as error:
        raise naming.no_place(name) from error
    except LocalEntryNotFoundError:
        if "/" not in name:
            raise naming.nothing(name) from None
        _reach(name)
    return name


def base(folder: Path) -> str | None:
    """The base of the adapter in `folder`, if it is one."""
    adapter = folder / "adapter_config.json"
    if not adapter.is_file():
        return None
    try:
        return str(json.loads(adapter.read_text())["base_model_name_or_path"])
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"the adapter in {str(folder)!r} does not name its base model") from error


def _reach(name: str) -> None:
    remedy = f"put its files in a folder and give the folder's path, or fetch it first: hf download {name}"
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        raise ConfigError(f"model {name!r} is no folder and not on this machine, and HF_HUB_OFFLINE is set: {remedy}")
    try:
        hf_hub_download(name, "config.json", etag_timeout=CONNECT_SECONDS)
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise ConfigError(
            f"model {name!r} is no folder and could not be fetched ({_brief(error)}): {remedy}"
        ) from error


def _drop_dropout(model: PreTrainedModel) -> None:
    """The learner must see the distribution that was sampled, so nothing is dropped while training."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if isinstance(getattr(module, "attention_dropout", None), float):
            setattr(module, "attention_dropout", 0.0)  # noqa: B010  (mypy takes attributes of a Module for tensors)


def _freeze_all_but_text(model: PreTrainedModel) -> None:
    """What reads pictures or sounds sees none here: it has no gradient, and must cost no optimizer state."""
    head = cast(nn.Module, model.get_output_embeddings())
    text = {id(weight) for part in (model.get_decoder(), head) for weight in part.parameters()}
    for weight in model.parameters():
        weight.requires_grad_(weight.requires_grad and id(weight) in text)


@contextmanager
def _told(name: str, what: str = "cannot be loaded") -> Iterator[None]:
    """Raise `ConfigError` for whatever a library raises over the files of the model `name`, which may say anything.

    Only calls of libraries stand in it. No list of types would do: tokenizers raises bare `Exception`, and what
    transformers raises over a setting of the wrong type depends on where it first reads it.
    """
    try:
        yield
    except ConfigError:
        raise
    except ImportError as error:
        raise ConfigError(
            f"model {name!r} needs a library that is not here, as quantised ones do ({_brief(error)}): install "
            "it, or give --model.name the folder of the model as it was before it was quantised"
        ) from error
    except Exception as error:
        raise ConfigError(f"model {name!r} {what}: {_brief(error)}") from error


def _brief(error: BaseException) -> str:
    """The type and first line of an error; the next one, too, where the first announces it."""
    first, *rest = str(error).strip().splitlines() or [""]
    if first.endswith(":") and rest:
        first = f"{first} {rest[0].strip()}"
    return f"{type(error).__name__}: {first[:200]}" if first else type(error).__name__
