"""Low-rank adapters, by peft (extra ``[lora]``): the base stays frozen and is held once."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from abzero.errors import ConfigError

NAME = "default"


def add(model: PreTrainedModel, rank: int, alpha: float, seed: int = 0) -> None:
    """Put an adapter on every linear layer but the head, and freeze the rest. At first it changes nothing."""
    try:
        from peft import LoraConfig
    except ImportError as error:
        raise ConfigError("LoRA needs peft: pip install abzero[lora]") from error
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model.add_adapter(LoraConfig(r=rank, lora_alpha=alpha, target_modules="all-linear"), NAME)


def present(model: nn.Module) -> bool:
    return any(".lora_A." in name for name, _ in model.named_parameters())


def load(model: PreTrainedModel, folder: Path) -> None:
    """Take over the adapter in `folder`. Raises `ValueError` if it is another model's or incomplete."""
    from peft import set_peft_model_state_dict

    saved = load_file(folder / "adapter_model.safetensors")
    expected = sum(".lora_" in name for name, _ in model.named_parameters())
    result = set_peft_model_state_dict(model, saved, NAME)
    if result.unexpected_keys or len(saved) != expected:
        raise ValueError(f"an adapter of {len(saved)} tensors where the model has {expected}")


@contextmanager
def disabled(model: PreTrainedModel) -> Iterator[None]:
    """The model as it was before its adapter."""
    model.disable_adapters()
    try:
        yield
    finally:
        model.enable_adapters()


def merged(model: PreTrainedModel) -> PreTrainedModel:
    """A plain model, good for saving, whose weights have the adapter folded in; it shares all other weights."""
    weights = dict(plain_weights(model))
    with torch.device("meta"):
        plain = type(model)(copy.deepcopy(model.config))
    plain.load_state_dict(weights, assign=True)
    plain.tie_weights()
    plain.generation_config = model.generation_config
    return plain


def plain_weights(model: PreTrainedModel) -> Iterator[tuple[str, Tensor]]:
    """Names and weights of the model without an adapter that computes the same: each one merged as it is asked for."""
    modules = dict(model.named_modules())
    for name, value in model.state_dict().items():
        owner = name.removesuffix(".base_layer.weight")
        if owner != name:
            yield f"{owner}.weight", merged_weight(cast(nn.Linear, modules[owner]))
        elif ".lora_" not in name:
            yield name.replace(".base_layer.", "."), value


def merged_weight(module: nn.Linear) -> Tensor:
    """The weight that `module` applies, with the product of its adapter added, if it has one."""
    base = getattr(module, "base_layer", None)
    if base is None:
        return module.weight.detach()
    delta: Tensor = module.get_delta_weight(NAME)  # type: ignore[operator]
    weight: Tensor = base.weight + delta
    return weight.detach()
