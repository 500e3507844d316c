import random

import pytest
import torch
from transformers import PreTrainedModel

from abzero.algo.losses import Objective
from abzero.errors import RunError
from abzero.policy.local.packed_engine import PackedEngine
from abzero.policy.models import loading, lora
from abzero.policy.optimisation import Optimisation
from abzero.types import Experience
from tests.policy.conftest import local_policy

PROMPTS = ["a", "hello (1)", "zz"]


def trained(folder, steps: int = 2, **settings):
    fast = Optimisation(learning_rate=1e-2)
    generator, learner = local_policy(folder, rank=4, optimisation=fast, **settings)
    for step in range(steps):
        generator.sync(learner)
        groups = generator.generate(PROMPTS, 4, random.Random(step))
        rows = [rollout for group in groups for rollout in group]
        metrics = learner.update(
            [Experience(("solve", 0), "deduction", 0, r, (), (-1.0) ** i) for i, r in enumerate(rows)]
        )
    return generator, learner, metrics


def test_a_new_adapter_changes_nothing_and_the_base_never_moves(folder):
    base, _ = loading.load(folder, dtype=torch.float32, device="cpu")
    _, learner = local_policy(folder, rank=4)
    text = torch.arange(2, 12)[None]
    with torch.no_grad():
        assert torch.equal(learner.model(text).logits, base(text).logits)
    _, learner, _ = trained(folder)
    weights = dict(base.named_parameters())
    held = {name.replace(".base_layer", ""): value for name, value in learner.model.named_parameters()}
    assert all(torch.equal(held[name], value) for name, value in weights.items())


def test_the_sampler_merges_the_adapter(folder):
    _, _, metrics = trained(folder, steps=4)
    assert metrics["logprob_gap_max"] < 1e-4


def weakly(folder, dtype: torch.dtype) -> PreTrainedModel:
    """The model with an adapter whose products are a tenth of what `torch.bfloat16` can tell apart."""
    model, _ = loading.load(folder, dtype=dtype, device="cpu")
    lora.add(model, 4, 8.0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".lora_B" in name:
                parameter.normal_(std=5e-5, generator=torch.Generator().manual_seed(0))
    return model


def test_a_merge_is_a_sum_in_fp32_rounded_once(folder):
    model = weakly(folder, torch.bfloat16)
    query = model.model.layers[0].self_attn.q_proj
    down, up = lora.factors(query)
    exact = query.base_layer.weight.float() + up @ down
    assert torch.equal(lora.merged_weight(query), exact)
    merged = lora.merged(model, torch.bfloat16).model.layers[0].self_attn.q_proj.weight
    assert torch.equal(merged, exact.bfloat16())


def test_what_a_narrow_merge_would_lose_is_known(folder):
    model = weakly(folder, torch.bfloat16)
    assert lora.kept(model, torch.bfloat16) < 0.2
    assert lora.kept(model, torch.float32) == pytest.approx(1, abs=1e-3)
    with lora.strong(model):
        assert lora.kept(model, torch.bfloat16) == pytest.approx(1, abs=0.05)
    assert lora.kept(model, torch.bfloat16) < 0.2


@pytest.mark.parametrize("shape", ["qwen2", "qwen3", "llama"])
def test_the_packed_engine_keeps_all_of_an_adapter_in_bf16(folders, shape):
    """Of every product, as a share of what the adapter adds to it."""
    model = weakly(folders[shape], torch.bfloat16)
    plain, _ = loading.load(folders[shape], dtype=torch.float32, device="cpu")
    packed, base = PackedEngine(model, torch.bfloat16), PackedEngine(plain, torch.float32)
    exact = PackedEngine(weakly(folders[shape], torch.float32), torch.float32)
    for ours, wide, alone in zip(packed.layers, exact.layers, base.layers, strict=True):
        for name in ("qkv", "out", "gate_up", "down"):
            down, up = getattr(ours, name).adapter
            added = getattr(wide, name).weight - getattr(alone, name).weight
            found = up.float() @ down.float()
            assert float((found * added).sum() / added.square().sum()) == pytest.approx(1, abs=0.02)


def test_the_reference_is_the_model_without_its_adapter(folder):
    _, learner, metrics = trained(folder, steps=3, objective=Objective(kl=0.1))
    assert metrics["kl_reference"] > 1e-4
    assert learner._reference is None


def test_a_saved_adapter_loads_as_a_model(folder, tmp_path):
    _, learner, _ = trained(folder)
    learner.save(tmp_path)
    assert not (tmp_path / "model" / "model.safetensors").exists()
    model, _ = loading.load(tmp_path / "model", dtype=torch.float32, device="cpu")
    text = torch.arange(2, 12)[None]
    with torch.no_grad():
        assert torch.equal(model(text).logits, learner.model(text).logits)


def test_an_adapter_of_another_rank_is_refused(folder, tmp_path):
    _, learner, _ = trained(folder)
    learner.save(tmp_path)
    _, other = local_policy(folder, rank=2)
    with pytest.raises(RunError):
        other.load(tmp_path)


def test_adapters_start_alike(folder):
    first, second = (local_policy(folder, rank=4)[1].model.state_dict() for _ in range(2))
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert lora.present(local_policy(folder, rank=4)[1].model)
