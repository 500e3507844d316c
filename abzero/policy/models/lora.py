"""Low-rank adapters, by peft (extra ``[lora]``): the base stays frozen and is held once."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, cast

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from abzero.errors import ConfigError

NAME = "default"


class Adapted(Protocol):
    """A linear map with an adapter, as peft puts it in the place of the map alone."""

    base_layer: nn.Linear
    lora_A: Mapping[str, nn.Linear]  # noqa: N815
    lora_B: Mapping[str, nn.Linear]  # noqa: N815
    scaling: Mapping[str, float]
    fan_in_fan_out: bool


def add(model: PreTrainedModel, rank: int, alpha: float, seed: int = 0) -> None:
    """Put an adapter on every linear layer of the decoder, and freeze the rest. At first it changes nothing.

    Experts that are held as one tensor stay as they are, and so do their routers.
    """
    try:
        from peft import LoraConfig
    except ImportError as error:
        raise ConfigError("LoRA needs peft: pip install 'abzero[lora]'") from error
    inside = set(model.get_decoder().modules())
    names = [name for name, module in model.named_modules() if isinstance(module, nn.Linear) and module in inside]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        settings = LoraConfig(r=rank, lora_alpha=alpha, target_modules=names)
        model.add_adapter(settings, NAME)


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


def merged(model: PreTrainedModel, dtype: torch.dtype | None = None) -> PreTrainedModel:
    """A plain model, good for saving, whose weights have the adapter folded in; it shares all other weights.

    Sums are made in fp32 and rounded once, to `dtype` or to the weight's own type.
    """
    weights = {name: value.to(dtype) if dtype else value for name, value in plain_weights(model)}
    with torch.device("meta"):
        plain = type(model)(copy.deepcopy(model.config))
    plain.load_state_dict(weights, assign=True)
    plain.tie_weights()
    plain.generation_config = model.generation_config
    return plain


def plain_weights(model: PreTrainedModel) -> Iterator[tuple[str, Tensor]]:
    """Names and weights of the model without an adapter that computes the same: each one merged as it is asked for.

    What is merged comes in fp32 at least: in a narrower type, an adapter that has not learned much is rounded away.
    """
    modules = dict(model.named_modules())
    for name, value in base_weights(model):
        module = modules.get(name.removesuffix(".weight"))
        yield name, merged_weight(cast(nn.Linear, module)) if hasattr(module, "base_layer") else value


def base_weights(model: PreTrainedModel) -> Iterator[tuple[str, Tensor]]:
    """Names and weights of the model without its adapter."""
    for name, value in model.state_dict().items():
        if ".lora_" not in name:
            yield name.replace(".base_layer.", "."), value


def merged_weight(module: nn.Linear) -> Tensor:
    """The weight that `module` applies: with the product of its adapter added, in fp32 at least, if it has one."""
    found = factors(module)
    if found is None:
        return module.weight.detach()
    down, up = found
    adapted = cast(Adapted, module)
    delta = (up @ down).T if adapted.fan_in_fan_out else up @ down
    return adapted.base_layer.weight.detach().to(delta.dtype) + delta


def factors(module: nn.Module) -> tuple[Tensor, Tensor] | None:
    """(down, up) of a `module` whose adapter adds up @ down @ x, both in fp32 at least; None if it has no adapter."""
    if not hasattr(module, "base_layer"):
        return None
    adapted = cast(Adapted, module)
    down, up = adapted.lora_A[NAME].weight.detach(), adapted.lora_B[NAME].weight.detach()
    wide = torch.promote_types(down.dtype, torch.float32)
    return down.to(wide), up.to(wide) * adapted.scaling[NAME]


def rank(model: PreTrainedModel) -> int:
    """Of the model's adapter; 0 if it has none."""
    return max((len(module.lora_A[NAME].weight) for module in _adapted(model)), default=0)


@torch.no_grad()
def kept(model: PreTrainedModel, dtype: torch.dtype) -> float:
    """How much of the adapter is still there once it is merged and rounded to `dtype`: 1 is all of it, on average."""
    found = whole = 0.0
    for module in _adapted(model):
        base, exact = module.base_layer.weight, merged_weight(cast(nn.Linear, module))
        found += float(((exact.to(dtype) - base) * (exact - base)).sum())
        whole += float((exact - base).square().sum())
    return found / whole if whole else 1.0


@contextmanager
def strong(model: PreTrainedModel, seed: int = 0) -> Iterator[None]:
    """The model under an adapter of random numbers, whose products are half as large as the weights beside them."""
    rng = torch.Generator().manual_seed(seed)
    modules = _adapted(model)
    before = [module.lora_B[NAME].weight.detach().clone() for module in modules]
    with torch.no_grad():
        for module in modules:
            up, down = module.lora_B[NAME].weight, module.lora_A[NAME].weight.float()
            draws = torch.randn(up.shape, generator=rng).to(up.device)
            size = module.base_layer.weight.float().norm() / (draws @ down).norm() / 2
            up.copy_(draws * size / module.scaling[NAME])
    try:
        yield
    finally:
        with torch.no_grad():
            for module, weight in zip(modules, before, strict=True):
                module.lora_B[NAME].weight.copy_(weight)


def _adapted(model: nn.Module) -> list[Adapted]:
    return [cast(Adapted, module) for module in model.modules() if hasattr(module, "base_layer")]
