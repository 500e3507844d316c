import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abzero.policy.local.plan import GIB, Setup, Shape, disk, memory, nearest, processes, shape
from abzero.policy.models import loading
from abzero.policy.models.shapes import KNOWN

ROOT = Path(__file__).parents[3]
MEASURED = ("5M", "42M", "134M", "42M, checkpointing", "42M, one prompt", "42M, bf16", "134M, 8-bit Adam", "134M, LoRA")
"""Cases of `benchmarks/memory.py`."""

SEVEN = Shape(7_615_616_512, 152_064, 3584, 18_944, 28, 3584, 512, 0)
SEVEN = replace(SEVEN, adapted=2 * (3584 + 3584) + 2 * (3584 + 512) + 3 * (3584 + 18_944))


def test_the_shape_is_read_from_the_config_alone(folder, tmp_path):
    import torch

    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    model, _ = loading.load(folder, dtype=torch.float32, device="cpu")
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
    assert changes[0] == "--model.gradient-checkpointing True"
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


def test_a_model_that_is_here_is_read_and_not_looked_up(folder, tmp_path, monkeypatch):
    """A folder of a known name wins over the table."""
    name = next(iter(KNOWN))
    (tmp_path / name).mkdir(parents=True)
    (tmp_path / name / "config.json").write_bytes((folder / "config.json").read_bytes())
    monkeypatch.chdir(tmp_path)
    assert shape(name).hidden == 32


def test_processes_share_what_is_trained_and_not_what_is_computed():
    alone, four = (memory(SEVEN, Setup(width=2, sampler_width=2, on_cpu=False, processes=n)) for n in (1, 4))
    for part in ("weights", "masters", "optimizer", "gradients"):
        assert four[part] == -(-alone[part] // 4)
    assert four["activations"] == alone["activations"]
    assert alone["whole copy"] == alone["gathered"] == 0
    assert four["whole copy"] == 2 * SEVEN.parameters


def test_the_copy_to_sample_from_and_the_work_of_an_update_take_turns():
    setup = Setup(width=2, sampler_width=2, on_cpu=False, processes=4, checkpointing=True)
    parts = memory(SEVEN, setup)
    held = sum(parts[name] for name in ("weights", "masters", "optimizer"))
    updating = parts["gradients"] + parts["activations"] + parts["gathered"]
    assert parts["peak"] == held + max(updating, parts["whole copy"] + parts["cache"])


def test_a_frozen_proposer_is_one_model_more():
    setup = Setup(width=2, sampler_width=2, on_cpu=False)
    more = memory(SEVEN, replace(setup, frozen=True))["peak"] - memory(SEVEN, setup)["peak"]
    assert more == 2 * SEVEN.parameters


def test_another_engine_s_weights_are_let_go_of_on_a_gpu_alone():
    on_gpu, on_cpu = (
        memory(SEVEN, Setup(separate_weights=True, cache_bytes=GIB, on_cpu=here)) for here in (False, True)
    )
    assert on_gpu["sampler"] == on_cpu["sampler"] == 4 * SEVEN.parameters
    assert on_gpu["peak"] < on_cpu["peak"]


def test_the_fewest_processes_that_fit_are_found():
    setup = Setup(width=2, sampler_width=2, checkpointing=True, on_cpu=False)
    count = processes(SEVEN, setup, 74 * GIB)
    assert count is not None
    assert memory(SEVEN, replace(setup, processes=count))["peak"] <= 74 * GIB
    assert memory(SEVEN, replace(setup, processes=count - 1))["peak"] > 74 * GIB
    assert processes(SEVEN, setup, GIB) is None


@pytest.mark.slow
@pytest.mark.parametrize("case", MEASURED)
def test_a_plan_is_within_15_percent_of_the_measured_peak(case):
    command = [sys.executable, str(ROOT / "benchmarks" / "memory.py"), "--case", case]
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "262144"}
    found = json.loads(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
    assert 0.85 < found["planned"] / found["taken"] < 1.15
