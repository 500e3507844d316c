"""Small random models with tokenizers, as Hugging Face folders; made once per session."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Regex, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import WordLevel
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from abzero.policy.local.generator import LocalGenerator
from abzero.policy.local.learner import LocalLearner
from abzero.policy.models import loading, lora

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789 .,()[]=+-\n"
END = "<end>"


def tokenizer() -> PreTrainedTokenizerFast:
    """One token per character of a small alphabet, an end token, and no pad token."""
    vocabulary = {END: 0, "?": 1, **{character: 2 + index for index, character in enumerate(ALPHABET)}}
    raw = Tokenizer(WordLevel(vocabulary, unk_token="?"))
    raw.pre_tokenizer = pre_tokenizers.Split(Regex(f"{END}|[\\s\\S]"), "isolated")
    raw.decoder = decoders.Fuse()
    raw.add_special_tokens([END])
    return PreTrainedTokenizerFast(tokenizer_object=raw, eos_token=END, unk_token="?")


SIZES = {
    "vocab_size": len(ALPHABET) + 2,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "initializer_range": 0.3,
    "bos_token_id": None,
    "eos_token_id": 0,
    "pad_token_id": None,
}


def build(shape: str) -> PreTrainedModel:
    torch.manual_seed(7)
    match shape:
        case "qwen2":
            model: PreTrainedModel = Qwen2ForCausalLM(Qwen2Config(**SIZES, tie_word_embeddings=True))
        case "qwen3":
            model = Qwen3ForCausalLM(Qwen3Config(**SIZES, head_dim=16, tie_word_embeddings=False))
        case "llama":
            rope = {"rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0}
            rope |= {"high_freq_factor": 4.0, "original_max_position_embeddings": 64}
            model = LlamaForCausalLM(LlamaConfig(**SIZES, rope_parameters=rope, attention_bias=True, mlp_bias=True))
        case "wide" | "wide-untied":
            sizes = SIZES | {"hidden_size": 64, "num_attention_heads": 2, "num_key_value_heads": 1}
            model = Qwen2ForCausalLM(Qwen2Config(**sizes, tie_word_embeddings=shape == "wide"))
        case _:
            raise KeyError(shape)
    for name, parameter in model.named_parameters():
        if name.endswith("bias") or "norm" in name:
            torch.nn.init.normal_(parameter, mean=float("norm" in name), std=0.3)
    return model


torch.set_num_threads(1)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = {}
    for shape in ("qwen2", "qwen3", "llama", "wide", "wide-untied"):
        made[shape] = tmp_path_factory.mktemp("models") / shape
        build(shape).save_pretrained(made[shape])
        tokenizer().save_pretrained(made[shape])
    return made


@pytest.fixture(scope="session")
def folder(folders: dict[str, Path]) -> Path:
    return folders["qwen2"]


def edit(path: Path, **values: object) -> None:
    """Set `values` in a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def local_policy(
    folder: Path,
    *,
    dtype: torch.dtype = torch.float32,
    sampler_dtype: torch.dtype = torch.float32,
    rank: int = 0,
    temperature: float = 1.0,
    max_prompt_tokens: int = 100,
    max_tokens: int = 20,
    wide_head: bool = False,
    **settings: Any,
) -> tuple[LocalGenerator, LocalLearner]:
    """Generator and learner of the model in `folder`, with an adapter where `rank` is positive."""
    model, codec = loading.load(folder, dtype=dtype, device="cpu")
    if rank:
        pytest.importorskip("peft", reason="the extra [lora] is not installed")
        lora.add(model, rank, 2.0 * rank)
    limits = {"max_prompt_tokens": max_prompt_tokens, "max_tokens": max_tokens}
    generator = LocalGenerator(
        model, codec, temperature=temperature, dtype=sampler_dtype, wide_head=wide_head, **limits
    )
    head = {"head": torch.float32} if wide_head else {}
    return generator, LocalLearner(model, codec, temperature=temperature, **head, **settings)
