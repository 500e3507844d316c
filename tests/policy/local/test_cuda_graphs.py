"""Decoding on a static cache, on CPU. What CUDA's graphs need of it is tried with traces, which also repeat operations
on the same tensors, whatever Python computed meanwhile. The capture itself is not run here."""

from itertools import chain

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx
from transformers import PreTrainedModel

from abzero.policy.local.cuda_graphs import CudaGraphEngine, DecodeStep
from abzero.policy.local.hf_engine import HFEngine
from abzero.policy.local.sampling import sample
from abzero.policy.models import loading, lora

flat = chain.from_iterable
PROMPTS = [[5, 6, 7], list(range(2, 40)), [3], list(range(4, 24))]
SEEDS = [[1, 2, 3], [4], [5, 6], [7, 8, 9, 10]]
STOPS = torch.tensor([0])


class Traces:
    """Captures by tracing; `shapes` has the shape of each step's logits."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, step: DecodeStep) -> DecodeStep:
        for _ in range(3):
            self.shapes.append(tuple(step().shape))
        return make_fx(step)()


def load(folder) -> PreTrainedModel:
    model, _ = loading.load(folder, dtype=torch.float32, device="cpu")
    return model


@pytest.mark.parametrize("shape", ["qwen2", "qwen3", "llama"])
@pytest.mark.parametrize("traced", [True, False])
def test_it_samples_what_transformers_does(folders, shape, traced):
    model = load(folders[shape])
    engine = CudaGraphEngine(model, capture=Traces() if traced else None, block=16)
    found = sample(engine, PROMPTS, SEEDS, 50, 1.0, STOPS)
    expected = sample(HFEngine(model), PROMPTS, SEEDS, 50, 1.0, STOPS)
    assert {row.stopped for rows in expected for row in rows} == {True, False}
    for one, other in zip(flat(found), flat(expected), strict=True):
        assert (one.tokens, one.stopped) == (other.tokens, other.stopped)
        assert one.logprobs == pytest.approx(other.logprobs, abs=2e-5)


def test_each_shape_is_captured_once_and_rows_that_finish_leave_in_halves(folder):
    traces = Traces()
    sample(CudaGraphEngine(load(folder), capture=traces, block=16), PROMPTS, SEEDS, 50, 1.0, STOPS)
    captured = traces.shapes[::3]
    assert captured[0] == (10, 49)
    assert {rows for rows, _ in captured} <= {10, 5, 3, 2, 1}
    assert len({rows for rows, _ in captured}) > 1
    assert len(captured) <= 6 + 5


def test_the_model_keeps_its_own_attention_for_its_learner(folder):
    model = load(folder)
    before = model.config._attn_implementation
    sample(CudaGraphEngine(model), PROMPTS, SEEDS, 4, 1.0, STOPS)
    assert model.config._attn_implementation == before


def test_an_adapter_is_sampled_with(folder):
    pytest.importorskip("peft", reason="the extra [lora] is not installed")
    model = load(folder)
    lora.add(model, 4, 8.0)
    for name, parameter in model.named_parameters():
        if ".lora_B." in name:
            torch.nn.init.normal_(parameter, std=0.3, generator=torch.Generator().manual_seed(0))
    plain, found, expected = (
        [[row.tokens for row in rows] for rows in sample(engine, PROMPTS, SEEDS, 9, 1.0, STOPS)]
        for engine in (CudaGraphEngine(load(folder)), CudaGraphEngine(model, capture=Traces()), HFEngine(model))
    )
    assert found == expected != plain
