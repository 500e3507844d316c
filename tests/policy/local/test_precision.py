"""What a narrower copy of a model may lose: rounding of weights and sums, the same at any length, and nothing else."""

import copy

import pytest
import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, Cache, PreTrainedModel

from abzero.policy.local.generator import converted, engine
from abzero.policy.local.sampling import SampledRow, sample
from abzero.policy.local.sharding import GatheredModel, World

LONG = 8000
SIZES = {
    "vocab_size": 50,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "max_position_embeddings": 9000,
    "initializer_range": 0.2,
    "sliding_window": None,
    "bos_token_id": None,
    "eos_token_id": 0,
    "pad_token_id": None,
}
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16, "decoder_sparse_step": 1}
SHAPES: dict[str, dict[str, object]] = {
    "qwen2": {},
    "qwen3": {},
    "llama": {},
    "mistral": {},
    "phi3": {},
    "olmo2": {},
    "smollm3": {},
    "gemma3_text": {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 512},
    "qwen3_moe": EXPERTS,
}
"""The first four decode by our own engines, the others by transformers' own model."""


def build(shape: str) -> PreTrainedModel:
    torch.manual_seed(0)
    config = AutoConfig.for_model(shape, **(SIZES | SHAPES[shape]))
    return AutoModelForCausalLM.from_config(config).eval()


def gaps(wide: PreTrainedModel, narrow: PreTrainedModel) -> Tensor:
    """Mean distance, over the vocabulary, of log-probabilities at each place of one long text."""
    text = torch.randint(0, 50, (1, LONG), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        first, second = (torch.log_softmax(model(text).logits[0].float(), -1) for model in (wide, narrow))
    return (first - second).abs().mean(1)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_narrow_copy_is_as_close_after_8000_tokens_as_after_200(shape):
    model = build(shape)
    gap_T = gaps(model, converted(model, torch.bfloat16))
    assert 0.001 < float(gap_T[-200:].mean()) < 1.25 * float(gap_T[100:200].mean())


@pytest.mark.parametrize("shape", ["qwen2", "gemma3_text"])
def test_what_is_sampled_after_8000_tokens_is_as_close_to_the_learner_as_after_200(shape):
    """By the packed engine, and by the cached one."""
    model = build(shape)
    runs = engine(model, torch.bfloat16)
    found = []
    for length in (200, LONG):
        prompt = torch.randint(0, 50, (length,), generator=torch.Generator().manual_seed(1)).tolist()
        [rows] = sample(runs, [prompt], [list(range(48))], 4, 1.0, torch.tensor([-1]))
        with torch.no_grad():
            cache = model(torch.tensor([prompt]), use_cache=True).past_key_values
            found.append(sum(distance(model, cache, row) for row in rows) / len(rows))
    assert 0.001 < found[1] < 1.4 * found[0]


def distance(model: PreTrainedModel, cache: Cache, row: SampledRow) -> float:
    """Mean over a row's tokens, but the first, of how far their log-probabilities are from the model's."""
    logits_TV = model(torch.tensor([row.tokens[:-1]]), past_key_values=copy.deepcopy(cache)).logits[0]
    expected_T = torch.log_softmax(logits_TV, -1)[torch.arange(len(row.tokens) - 1), row.tokens[1:]]
    return float((expected_T - torch.tensor(row.logprobs[1:])).abs().mean())


@pytest.mark.parametrize("shape", SHAPES)
def test_every_copy_keeps_its_buffers_as_they_are(shape, tmp_path):
    """Loaded in bf16, copied to sample, copied to gather a sharded model, and made again from what is saved."""
    model = build(shape)
    model.save_pretrained(tmp_path)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.bfloat16)
    for narrow in (loaded, converted(model, torch.bfloat16), GatheredModel(loaded, World(0, 2)).get()):
        assert {parameter.dtype for parameter in narrow.parameters()} == {torch.bfloat16}
        for (name, buffer), expected in zip(narrow.named_buffers(), model.buffers(), strict=True):
            assert torch.equal(buffer.float(), expected.to(buffer.dtype).float()), name
            assert "inv_freq" not in name or buffer.dtype == torch.float32
