from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abzero.policy import models
from abzero.policy.plan import GIB, Setup, Shape, disk, memory, nearest, shape

SEVEN = Shape(7_615_616_512, 152_064, 3584, 18_944, 28, 3584, 512, 0)
SEVEN = replace(SEVEN, adapted=2 * (3584 + 3584) + 2 * (3584 + 512) + 3 * (3584 + 18_944))


def test_the_shape_is_read_from_the_config_alone(folder, tmp_path):
    import torch

    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    model, _ = models.load(folder, dtype=torch.float32, device="cpu")
    assert shape(str(tmp_path)) == Shape(model.num_parameters(), 49, 32, 48, 2, 32, 16, 2 * 64 + 2 * 48 + 3 * 80)


def test_a_7b_model_with_fp32_masters_takes_eighteen_bytes_a_weight_before_activations():
    parts = memory(SEVEN, Setup(width=2, sampler_width=2, on_cpu=False))
    held = sum(parts[name] for name in ("weights", "masters", "optimizer", "gradients"))
    assert held == 18 * SEVEN.parameters


def test_lora_trains_the_adapter_alone():
    parts = memory(SEVEN, Setup(width=2, sampler_width=2, rank=64, on_cpu=False))
    assert parts["optimizer"] < 0.03 * 8 * SEVEN.parameters
    assert parts["reference"] == 0


def test_disk_holds_weights_and_optimizer():
    assert disk(SEVEN, Setup()) == 12 * SEVEN.parameters


def test_what_does_not_fit_is_made_to_fit_by_the_gentlest_changes():
    setup = Setup(on_cpu=False)
    assert nearest(SEVEN, setup, 10**13) == (setup, [])
    fitted, changes = nearest(SEVEN, setup, 140 * GIB)
    assert memory(SEVEN, fitted)["peak"] <= 140 * GIB
    assert changes[0] == "model.gradient_checkpointing true"
    assert fitted.rank == 0
    small, _ = nearest(SEVEN, setup, 40 * GIB)
    assert small.rank > 0
    assert nearest(SEVEN, setup, GIB) is None


@given(st.integers(1, 20_000), st.integers(1, 20_000), st.booleans())
def test_more_tokens_never_need_less(tokens, more, checkpointing):
    setup = Setup(checkpointing=checkpointing, micro_batch_tokens=tokens, max_tokens=64, max_prompt_tokens=64)
    larger = replace(setup, micro_batch_tokens=tokens + more)
    assert memory(SEVEN, setup)["peak"] <= memory(SEVEN, larger)["peak"]


@pytest.mark.parametrize(
    "change", [{"moments": 2}, {"width": 2, "sampler_width": 2}, {"rank": 8}, {"checkpointing": True}]
)
def test_each_saving_saves(change):
    setup = Setup(on_cpu=False)
    assert memory(SEVEN, replace(setup, **change))["peak"] < memory(SEVEN, setup)["peak"]
