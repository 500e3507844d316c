import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import scaled_dot_product_attention

from abzero.policy.local import packed_engine
from abzero.policy.local.hf_engine import HFEngine
from abzero.policy.local.packed_engine import QUERY_BLOCK, PackedEngine, attend
from abzero.policy.models import loading

LENGTHS = st.one_of(
    st.integers(1, 3 * QUERY_BLOCK), st.sampled_from([QUERY_BLOCK - 1, QUERY_BLOCK, QUERY_BLOCK + 1, 2 * QUERY_BLOCK])
)


@pytest.mark.parametrize(("dtype", "atol"), [(torch.float32, 1e-5), (torch.bfloat16, 0.05)])
@settings(max_examples=30, deadline=None)
@given(LENGTHS, st.one_of(st.just(0), LENGTHS), st.floats(0, 0.99), st.integers(1, 3), st.integers(1, 3), st.randoms())
def test_attention_by_blocks_is_that_over_all_columns(dtype, atol, length, before, padding, keys, group, random):
    """The last `length` of some columns, the first of which are padding in one of two prompts, in fp64."""
    rng = torch.Generator().manual_seed(random.getrandbits(32))
    total = length + before
    pad = int(padding * total)
    q, k, v = (torch.randn(2, heads, total, 8, generator=rng).to(dtype) for heads in (keys * group, keys, keys))
    columns = torch.arange(total)
    seen = (columns[:, None] >= columns) & (columns >= torch.tensor([0, pad])[:, None, None])
    bias = torch.zeros(2, 1, total, total, dtype=dtype).masked_fill_(~seen[:, None], torch.finfo(dtype).min)
    q = q / 8**0.5
    exact = scaled_dot_product_attention(q.double(), k.double(), v.double(), bias.double(), scale=1.0, enable_gqa=True)
    found = attend(q[:, :, before:], k, v, bias[:, :, before:])
    distance = (found.double() - exact[:, :, before:]).abs()
    assert distance[0].max() <= atol
    assert distance[1, :, max(0, pad - before) :].max() <= atol, "queries that are padding may mix anything"


@pytest.mark.parametrize("shape", ["llama", "qwen3"])
def test_long_prompts_computed_in_parts_have_the_logits_of_transformers(folders, shape, monkeypatch):
    monkeypatch.setattr(packed_engine, "PREFILL_TOKENS", 2 * QUERY_BLOCK)
    model, _ = loading.load(folders[shape], dtype=torch.float32, device="cpu")
    prompts = [[(5 * place + n) % 40 for place in range(length)] for n, length in enumerate((150, 64, 65, 1, 129))]
    packed, plain = PackedEngine(model, torch.float32), HFEngine(model)
    found, expected = (engine.start(prompts, [1, 2, 1, 3, 1], 4)[1] for engine in (packed, plain))
    assert found.shape == expected.shape == (8, model.config.vocab_size)
    assert (found - expected).abs().max() <= 1e-4
