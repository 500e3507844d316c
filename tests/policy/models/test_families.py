"""Models that are not one dense decoder and no more: with pictures, experts, capped logits, or quantised."""

import random
from pathlib import Path

import pytest
import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    PreTrainedModel,
)

from abzero.errors import ConfigError
from abzero.policy.local import plan
from abzero.policy.local.report import traits
from abzero.policy.models import loading
from abzero.policy.models.export import export
from abzero.types import Experience
from tests.policy.conftest import SIZES, edit, local_policy, tokenizer

TEXT = torch.arange(2, 20)[None]
NARROW = SIZES | {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16}
SIGHT = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1}
SIGHT |= {"image_size": 28, "patch_size": 14}
EXPERTS = {
    "qwen3_moe": {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16, "decoder_sparse_step": 1},
    "mixtral": {"num_local_experts": 4, "num_experts_per_tok": 2},
    "olmoe": {"num_experts": 4, "num_experts_per_tok": 2},
}


def save(model: PreTrainedModel, folder: Path) -> Path:
    model.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


def of_type(kind: str, **sizes: object) -> PreTrainedModel:
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **(NARROW | sizes)))


@pytest.fixture
def seeing(tmp_path: Path) -> Path:
    """A Gemma 3 that reads pictures, as those of 4B and up do."""
    torch.manual_seed(0)
    text = NARROW | {"layer_types": ["sliding_attention", "full_attention"]}
    tokens = {"image_token_index": 46, "boi_token_index": 47, "eoi_token_index": 48, "mm_tokens_per_image": 4}
    config = Gemma3Config(text_config=text, vision_config=SIGHT, **tokens)
    return save(Gemma3ForConditionalGeneration(config), tmp_path / "seeing")


def learn(folder: Path, **settings: object) -> tuple[PreTrainedModel, dict[str, float]]:
    """One update on samples of the local policy."""
    generator, learner = local_policy(folder, **settings)
    rows = [rollout for group in generator.generate(["abc", "x"], 3, random.Random(0)) for rollout in group]
    metrics = learner.update([Experience(("solve", 0), "deduction", 0, r, (), (-1.0) ** i) for i, r in enumerate(rows)])
    return learner.model, dict(metrics)


@pytest.mark.parametrize("rank", [0, 4])
def test_a_model_that_reads_pictures_trains_its_text_part_alone(seeing, rank):
    model, metrics = learn(seeing, rank=rank)
    assert metrics["logprob_gap_max"] < 1e-5
    trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert trained
    assert all("language_model" in name for name in trained)


def test_a_model_that_reads_pictures_can_be_planned_and_looked_at(seeing):
    assert plan.shape(str(seeing)).layers == 2
    loading.check_context(seeing, 400, 100)
    with pytest.raises(ConfigError, match="has 512 positions"):
        loading.check_context(seeing, 500, 100)
    assert "512 tokens" in {trait.found for trait in traits(seeing)}


@pytest.mark.parametrize("kind", EXPERTS)
def test_an_adapter_leaves_experts_and_routers_as_they_are_and_is_exported(tmp_path, kind):
    folder = save(of_type(kind, **EXPERTS[kind]), tmp_path / "base")
    _, learner = local_policy(folder, rank=4)
    with torch.no_grad():
        for name, weight in learner.model.named_parameters():
            assert not weight.requires_grad or ".self_attn." in name
            if ".lora_B" in name:
                weight.normal_(std=0.3)
    learner.save(tmp_path)
    export(tmp_path / "model", tmp_path / "out", "card")
    found, base = (AutoModelForCausalLM.from_pretrained(path) for path in (tmp_path / "out", folder))
    with torch.no_grad():
        logits, expected, before = (model.eval()(TEXT).logits for model in (found, learner.model, base))
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-4)
    assert float((logits - before).abs().max()) > 0.01


@pytest.mark.parametrize("kind", EXPERTS)
def test_a_router_is_not_trained_without_its_loss(tmp_path, kind):
    folder = save(of_type(kind, **EXPERTS[kind]), tmp_path)
    with pytest.raises(ConfigError, match=rf"{kind} model routes tokens to experts.*--model\.lora-rank 32"):
        local_policy(folder)


def test_a_mixture_of_experts_is_planned_by_what_a_token_passes(tmp_path):
    """Two layers of four experts, each 3 * 32 * 16 weights, of which a token passes two."""
    shape = plan.shape(str(save(of_type("qwen3_moe", **EXPERTS["qwen3_moe"]), tmp_path)))
    assert (shape.inner, shape.idle, shape.adapted) == (2 * 16, 2 * 3 * 32 * 16, 2 * (32 + 32) + 2 * (32 + 16))
    setup = plan.Setup(width=2, sampler_width=2, rank=4, on_cpu=False, processes=2)
    layer = 2 * 32 * (32 + 16) + 4 * 3 * 32 * 16
    assert plan.memory(shape, setup)["gathered"] == 2 * (shape.parameters - 2 * layer + 2 * layer)


@pytest.mark.parametrize("kind", ["gemma2", "granite", "cohere2"])
def test_a_head_that_caps_or_scales_is_refused_however_small_its_logits(tmp_path, kind):
    """Gemma 2 caps at 30, which does nothing to the logits of a small random model."""
    scale = {"granite": {"logits_scaling": 1.001}, "cohere2": {"logit_scale": 0.999}}.get(kind, {})
    model = of_type(kind, initializer_range=0.01, **scale)
    with pytest.raises(ConfigError, match=f"a {kind} model does more to its logits than one product"):
        local_policy(save(model, tmp_path))


@pytest.mark.parametrize(
    "method", [{"quant_method": "bitsandbytes", "load_in_4bit": True}, {"quant_method": "gptq", "bits": 4}]
)
def test_a_quantised_folder_without_its_library_says_what_to_do(tmp_path, method):
    folder = save(of_type("qwen2"), tmp_path)
    edit(folder / "config.json", quantization_config=method)
    with pytest.raises(ConfigError, match=r"needs a library that is not here.*before it was quantised"):
        loading.load(folder, dtype=None, device="cpu")
