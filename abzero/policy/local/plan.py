"""What a run will need, from a model's config alone: nothing is loaded, nothing is sampled.

Bytes are counted tensor by tensor for the shapes that the lean engine knows (Llama, Mistral, Qwen2, Qwen3); other dense
models are counted as if they were of that shape, and mixtures of experts as if each token's experts were one of their
sizes together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from huggingface_hub import try_to_load_from_cache
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig

from abzero.errors import ConfigError
from abzero.policy.local import packed_engine
from abzero.policy.local.batching import EXPANSION
from abzero.policy.local.hf_engine import CACHE_BYTES, PREFILL_TOKENS, ROWS
from abzero.policy.local.logprobs import CHUNK_ELEMENTS
from abzero.policy.local.scorer import EXPERTS
from abzero.policy.models.loading import locate, read_config
from abzero.policy.models.shapes import KNOWN

GIB = 2**30


@dataclass(frozen=True, slots=True)
class Setup:
    """The settings that memory depends on; widths are bytes per number."""

    width: int = 4
    """Of the learner's weights; below 4 there are fp32 masters beside them."""
    sampler_width: int = 4
    moments: int = 8
    """Bytes of optimizer state per trained weight: 8, or 2 with 8-bit Adam."""
    rank: int = 0
    """Of the LoRA adapter; 0 trains every weight."""
    reference: bool = False
    """Whether the loss holds on to the initial weights (a KL term)."""
    frozen: bool = False
    """Whether a frozen copy of the model proposes."""
    checkpointing: bool = False
    micro_batch_tokens: int = 16_384
    rows: int = 1
    """Of one prompt, at most, in an update: each has keys and values of the shared prompt beside its own."""
    max_prompt_tokens: int = 6144
    max_tokens: int = 8096
    cache_bytes: int = CACHE_BYTES
    """Keys and values held at once where the model samples as it is; on a GPU, half of what is free."""
    on_cpu: bool = True
    processes: int = 1
    """That share the learner; the figures are those of one of them."""
    separate_weights: bool = False
    """Whether another backend samples, from weights of its own; on a GPU they are let go of during an update."""
    wide_head: bool = False
    """Whether logits are computed in fp32, from a copy of the head where weights are narrower."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What counts in a model."""

    parameters: int
    vocabulary: int
    hidden: int
    inner: int
    layers: int
    queries: int
    """Width of all query heads together."""
    keys: int
    """Width of all key heads together."""
    adapted: int
    """Sum over a layer's linear maps of inputs and outputs: a LoRA adapter has rank times as many weights."""
    idle: int = 0
    """Weights of a layer's experts that a token does not pass."""


def shape(name: str) -> Shape:
    """Of the model in a folder or of a Hugging Face name. Raises `ConfigError`."""
    config = _config(name)
    with torch.device("meta"):
        parameters = AutoModelForCausalLM.from_config(config, trust_remote_code=False).num_parameters()
    return shape_of(config, parameters)


def known(name: str) -> bool:
    """Whether a model's shape is known here while its files are not."""
    return (
        name in KNOWN and not Path(name).is_dir() and not isinstance(try_to_load_from_cache(name, "config.json"), str)
    )


def _config(name: str) -> PreTrainedConfig:
    """The model's own config where it is on this machine, else the known one, else the hub's."""
    if known(name):
        kind, numbers = KNOWN[name]
        return AutoConfig.for_model(kind, **numbers)
    return read_config(locate(name))


def shape_of(config: PreTrainedConfig, parameters: int) -> Shape:
    config = config.get_text_config()
    try:
        head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        queries = head * config.num_attention_heads
        keys = head * (getattr(config, "num_key_value_heads", None) or config.num_attention_heads)
        hidden, layers = config.hidden_size, config.num_hidden_layers
        inner = getattr(config, "intermediate_size", None) or 4 * hidden
        experts = next((count for name in EXPERTS if (count := getattr(config, name, None))), 1)
        vocabulary = config.vocab_size
    except AttributeError as error:
        raise ConfigError(f"a {config.model_type} model cannot be planned: {error}") from error
    attention = 2 * (hidden + queries) + 2 * (hidden + keys)
    if experts == 1:
        return Shape(parameters, vocabulary, hidden, inner, layers, queries, keys, attention + 3 * (hidden + inner))
    expert = getattr(config, "moe_intermediate_size", None) or inner
    passed = config.num_experts_per_tok
    idle = (experts - passed) * 3 * hidden * expert
    return Shape(parameters, vocabulary, hidden, passed * expert, layers, queries, keys, attention, idle)


def memory(model: Shape, setup: Setup) -> dict[str, int]:
    """Bytes of one process by what holds them. Sampling and updating take turns; `peak` is the larger of the two."""
    trained = _trained(model, setup)
    adapter = trained if setup.rank else 0
    reference = model.parameters if setup.reference and not setup.rank else 0
    shares = {
        "weights": (model.parameters + adapter) * setup.width,
        "masters": 4 * trained if setup.width < 4 else 0,
        "optimizer": setup.moments * trained,
        "reference": reference * setup.width,
        "gradients": 4 * trained,
    }
    parts = {name: -(-count // setup.processes) for name, count in shares.items()}
    parts |= {
        "gathered": _gathered(model, setup),
        "frozen copy": model.parameters * setup.width if setup.frozen else 0,
        "sampler": _sampler(model, setup),
        "whole copy": _whole(model, setup),
        "cache": _cache(model, setup),
        "prompts": _prompts(model, setup),
        "activations": _activations(model, setup),
    }
    held = sum(parts[name] for name in ("weights", "masters", "optimizer", "reference", "frozen copy"))
    sampling = parts["sampler"] + parts["whole copy"] + parts["cache"] + parts["prompts"]
    updating = parts["gradients"] + parts["activations"] + parts["gathered"]
    if setup.on_cpu or not setup.separate_weights:
        updating += parts["sampler"]
    if setup.rank:
        updating += parts["whole copy"]
    return parts | {"peak": held + max(sampling, updating)}


def disk(model: Shape, setup: Setup) -> int:
    """Bytes of one checkpoint."""
    return _trained(model, setup) * (setup.width + setup.moments + (4 if setup.width < 4 else 0))


def _trained(model: Shape, setup: Setup) -> int:
    return setup.rank * model.adapted * model.layers if setup.rank else model.parameters


def _sampler(model: Shape, setup: Setup) -> int:
    """The copies of the weights that sampling keeps; none where it runs the learner's own."""
    if setup.separate_weights:
        return model.parameters * setup.sampler_width
    head = 4 * model.vocabulary * model.hidden if setup.wide_head and setup.sampler_width < 4 else 0
    copied = _packed(model, setup) or setup.sampler_width != setup.width
    return head + (model.parameters * setup.sampler_width if copied else 0)


def _packed(model: Shape, setup: Setup) -> bool:
    """Whether sampling runs in the lean engine, which has constants of its own."""
    return setup.on_cpu and model.parameters <= packed_engine.PACKED_PARAMETERS


def _whole(model: Shape, setup: Setup) -> int:
    """The copy of a sharded model that each process samples from; it is let go of during an update, but for LoRA's."""
    return model.parameters * setup.width if setup.processes > 1 else 0


def _gathered(model: Shape, setup: Setup) -> int:
    """What of a sharded model is whole at once: embeddings and head, two layers, and the gradients of one of them."""
    if setup.processes == 1:
        return 0
    layer = 2 * model.hidden * (model.queries + model.keys) + 3 * model.hidden * model.inner + model.idle
    ends = max(model.parameters - model.layers * layer, 0)
    return (ends + 2 * layer) * setup.width + (0 if setup.rank else 4 * max(ends, layer))


def _cache(model: Shape, setup: Setup) -> int:
    per_row = 2 * model.layers * model.keys * (setup.max_prompt_tokens + setup.max_tokens) * setup.sampler_width
    if setup.separate_weights:
        return setup.cache_bytes
    if _packed(model, setup):
        return per_row * max(
            packed_engine.MIN_ROWS, packed_engine.cache_bytes(model.parameters * setup.sampler_width) // per_row
        )
    return min(ROWS * per_row, max(per_row, setup.cache_bytes))


def _prompts(model: Shape, setup: Setup) -> int:
    """What is held of the prompts that are computed at once; another backend counts its own."""
    if setup.separate_weights:
        return 0
    at_once = packed_engine.PREFILL_TOKENS if _packed(model, setup) else PREFILL_TOKENS
    tokens = max(at_once, setup.max_prompt_tokens)
    return tokens * (3 * model.inner + 6 * model.hidden) * setup.sampler_width


def _activations(model: Shape, setup: Setup) -> int:
    """What a forward pass keeps for the backward pass, and on top the larger of two: the head's work, or a layer's."""
    tokens = max(setup.micro_batch_tokens, setup.max_prompt_tokens + setup.max_tokens)
    layer = 6 * model.hidden + 5 * model.queries + 4 * model.inner + 7 * setup.rank
    if setup.rows > 1:
        layer += 2 * min(setup.rows, EXPANSION) * model.keys + 2 * model.queries
    backward = 4 * model.inner + 4 * model.hidden
    answers = tokens * setup.max_tokens // (setup.max_prompt_tokens + setup.max_tokens)
    head = min(answers * model.vocabulary, max(CHUNK_ELEMENTS, model.vocabulary)) * 3 * 4
    if not setup.rank:
        head += model.vocabulary * model.hidden * (setup.width if setup.width == 4 else setup.width + 4)
    if setup.wide_head and setup.width < 4:
        head += 8 * model.vocabulary * model.hidden
    if setup.checkpointing:
        kept, backward = model.layers * model.hidden, layer + backward
    else:
        kept = model.layers * layer
    return tokens * (kept + 2 * model.hidden) * setup.width + max(head, tokens * backward * setup.width)


def processes(model: Shape, setup: Setup, available: int) -> int | None:
    """The fewest processes, of `available` bytes each, that could share the run; ``None`` if eight are too few."""
    counts = (count for count in (2, 3, 4, 6, 8) if count > setup.processes)
    return next((n for n in counts if memory(model, replace(setup, processes=n))["peak"] <= available), None)


def nearest(model: Shape, setup: Setup, available: int) -> tuple[Setup, list[str]] | None:
    """The gentlest flags after which the run fits in `available` bytes, and the setup then; None if none do."""
    changes: Sequence[tuple[str, Mapping[str, object]]] = [
        ("--model.gradient-checkpointing True", {"checkpointing": True}),
        ("--optimizer.microbatch-tokens 2048", {"micro_batch_tokens": min(2048, setup.micro_batch_tokens)}),
        ("--model.dtype bfloat16", {"width": 2, "sampler_width": 2}),
        ("--optimizer.eight-bit True", {"moments": 2}),
        ("--model.lora-rank 64 --model.dtype bfloat16", {"rank": 64, "width": 2, "sampler_width": 2}),
        (
            "--sampling.max-prompt-tokens 3072 --sampling.max-tokens 3072",
            {"max_prompt_tokens": 3072, "max_tokens": 3072},
        ),
    ]
    made: list[str] = []
    for words, change in changes:
        if memory(model, setup)["peak"] <= available:
            break
        changed = replace(setup, **change)  # type: ignore[arg-type]
        if memory(model, changed)["peak"] < memory(model, setup)["peak"]:
            setup = changed
            made.append(words)
    return (setup, made) if memory(model, setup)["peak"] <= available else None
