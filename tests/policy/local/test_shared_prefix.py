"""Packed texts are to give what plain rows give, but for rounding: log-probabilities, figures and gradients."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from abzero.algo.losses import Objective
from abzero.config import backends
from abzero.policy.local import batching, shared_prefix
from abzero.policy.local.batching import shared_micro_batches
from abzero.policy.local.learner import LocalLearner
from abzero.policy.local.scorer import Scorer
from abzero.policy.models import loading, lora
from abzero.types import Experience
from tests.policy.conftest import SIZES, build, tokenizer
from tests.policy.ragged import experience

OBJECTIVE = Objective(clip_low=0.1, clip_high=0.3, importance_cap=1.5, kl=0.3, entropy=0.05)
ROUNDING = 1e-6
"""Of a gradient's largest element: angles of positions are fp32 in any model."""
LONG = SIZES | {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16}


def of_type(kind: str, **sizes: object) -> PreTrainedModel:
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **(LONG | sizes))).eval()


@pytest.fixture(scope="module")
def shapes(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    gemma = tmp_path_factory.mktemp("models") / "gemma"
    of_type("gemma").save_pretrained(gemma)
    tokenizer().save_pretrained(gemma)
    return folders | {"gemma": gemma}


def learner(folder: Path, share: bool, rank: int = 0, **settings: object) -> LocalLearner:
    model, codec = loading.load(folder, dtype=torch.float64, device="cpu")
    if rank:
        lora.add(model, rank, 2.0 * rank)
        lora.strong(model).__enter__()
    return LocalLearner(
        model, codec, temperature=0.8, objective=OBJECTIVE, gap_limit=1e9, share_prompts=share, **settings
    )


def update(policy: LocalLearner, batch: Sequence[Experience]) -> tuple[dict[str, float], dict[str, Tensor], int]:
    """Figures, the sum of all gradients, and how many tokens went through the model to make them."""
    sums: dict[str, Tensor] = {}
    widths: list[int] = []

    def add(name: str, gradient: Tensor) -> None:
        sums[name] = sums.get(name, 0) + gradient

    for name, parameter in policy.model.named_parameters():
        if parameter.requires_grad:
            parameter.register_hook(lambda gradient, name=name: add(name, gradient))
    policy.model.get_input_embeddings().register_forward_hook(lambda _, given, __: widths.append(given[0].numel()))
    figures = dict(policy.update(batch))
    return figures, sums, sum(widths)


def same(folder: Path, batch: Sequence[Experience], budget: int, **settings: object) -> tuple[int, int]:
    """Assert that sharing changes nothing; tokens through the model with it and without."""
    (ours, found, shared), (theirs, expected, plain) = (
        update(learner(folder, share, micro_batch_tokens=size, **settings), batch)
        for share, size in ((True, budget), (False, 10_000))
    )
    assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-9)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        largest = float(gradient.abs().max())
        torch.testing.assert_close(found[name], gradient, rtol=1e-6, atol=ROUNDING * largest, msg=name)
    return shared, plain


def sampled(prompt: list[int], lengths: Sequence[int], first: int = 0) -> list[Experience]:
    """Responses of these `lengths` to one prompt."""
    return [
        experience(prompt, [2 + (5 * row + 3 * place) % 40 for place in range(length)], 0.2, (-1.0) ** row, "solve")
        for row, length in enumerate(lengths, first)
    ]


BATCH = [*sampled([5, 6, 7, 8, 9], [3, 1, 8, 2]), *sampled([4], [5]), *sampled([5, 6], [9, 9]), *sampled([7], [2, 30])]


@pytest.mark.parametrize("budget", [12, 45, 10_000])
@pytest.mark.parametrize("shape", ["llama", "qwen2", "qwen3", "gemma"])
def test_a_shared_prompt_changes_no_gradient(shapes, shape, budget):
    shared, plain = same(shapes[shape], BATCH, budget)
    assert shared < plain


@pytest.mark.parametrize("way", [{"rank": 3}, {"checkpointing": True}, {"head": torch.float32}], ids=str)
def test_nor_under_an_adapter_nor_with_checkpoints_nor_under_a_head_of_its_own_type(folder, way):
    if "rank" in way:
        pytest.importorskip("peft", reason="the extra [lora] is not installed")
    if "head" in way:
        batches = [update(learner(folder, share, **way), BATCH)[0] for share in (True, False)]
        assert batches[0] == pytest.approx(batches[1], rel=1e-4)
    else:
        same(folder, BATCH, 45, **way)


tokens = st.integers(2, 48)
rows = st.tuples(
    st.sampled_from([[5, 6, 7], [5, 6], [9], list(range(2, 30))]),
    st.lists(tokens, min_size=1, max_size=9),
    st.floats(-2, 2),
)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.lists(rows, min_size=1, max_size=9), budget=st.integers(1, 120))
def test_no_batch_of_any_families_in_any_micro_batches_changes(folder, drawn, budget):
    shared, plain = same(folder, [experience(*row[:2], 0.3, row[2], "solve") for row in drawn], budget)
    assert 0 < shared <= plain


def test_the_prompt_is_computed_once_for_all_its_responses(folder):
    prompt = list(range(2, 42))
    batch = sampled(prompt, [4] * 8)
    policy = learner(folder, True, micro_batch_tokens=10_000)
    figures, _, tokens = update(policy, batch)
    assert (figures["tokens"], tokens) == (32, 40 + 32)


texts = st.lists(
    st.tuples(st.sampled_from([(1,), (1, 2), (3,) * 9]), st.lists(tokens, min_size=1, max_size=9)), max_size=12
)


@given(texts, st.integers(1, 60))
def test_each_row_is_in_one_micro_batch_which_is_within_the_budget(texts, budget):
    groups = shared_micro_batches(texts, budget)
    assert sorted(index for group in groups for index in group) == list(range(len(texts)))
    for group in groups:
        families = {texts[index][0] for index in group}
        once = sum(map(len, families)) + sum(len(texts[index][1]) for index in group)
        unshared = sum(len(texts[index][0]) + len(texts[index][1]) for index in group)
        assert len(group) == 1 or (once <= budget and unshared <= batching.EXPANSION * budget)
        runs = [texts[index][0] for place, index in enumerate(group) if texts[index][0] != texts[group[place - 1]][0]]
        assert len(runs) in (0, len(families)), "rows of one prompt are neighbours"


def test_responses_too_long_for_a_mask_are_plain_rows():
    long = [0] * 8000
    assert shared_micro_batches([((1,) * 1000, long), ((1,) * 1000, long), ((1,), [2])], 10**6) == [[0, 1, 2]]


def test_short_responses_are_not_padded_to_long_ones():
    _, _, layout = shared_prefix.pack([([1, 2], [3] * length) for length in (1, 100, 2, 90, 3)], torch.device("cpu"))
    [family] = layout.families
    assert [block.places.shape for block in family.blocks] == [(2, 100), (2, 3), (1, 1)]


WINDOW = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 8}


@pytest.mark.parametrize(
    ("kind", "sizes", "packs"),
    [
        ("mistral", {"sliding_window": None}, True),
        ("mistral", {"sliding_window": 8}, False),
        ("gemma3_text", WINDOW, False),
        ("gemma3_text", {"layer_types": ["full_attention"] * 2}, True),
        ("gemma2", {"layer_types": ["full_attention"] * 2}, False),
        ("gpt2", {"n_embd": 32, "n_layer": 2, "n_head": 2}, True),
        ("olmoe", {"num_experts": 4, "num_experts_per_tok": 2}, True),
    ],
    ids=str,
)
def test_what_may_be_packed_is_tried_and_the_rest_is_left_as_it_was(kind, sizes, packs):
    model = of_type(kind, **sizes)
    before = model(torch.arange(2, 30)[None]).logits
    kinds = model.config._attn_implementation
    assert shared_prefix.enable(model) is packs
    assert shared_prefix.enable(model) is packs
    assert packs or model.config._attn_implementation == kinds
    torch.testing.assert_close(model(torch.arange(2, 30)[None]).logits, before, rtol=0, atol=0)


def test_a_model_of_eager_attention_is_not_packed(folder):
    model = build("qwen2")
    model.set_attn_implementation("eager")
    assert not shared_prefix.enable(model)


def test_the_switch_is_not_written_into_a_checkpoint(folder, tmp_path):
    policy = learner(folder, True)
    policy.save(tmp_path)
    assert shared_prefix.NAME not in (tmp_path / "model" / "config.json").read_text()


def test_padded_rows_are_masked_as_before_once_a_model_takes_packed_texts(folder):
    model, _ = loading.load(folder, dtype=torch.float64, device="cpu")
    text, seen = torch.arange(2, 22).view(2, 10), torch.ones(2, 10, dtype=torch.long)
    seen[0, :4] = 0
    before = model(text, attention_mask=seen).logits
    assert shared_prefix.enable(model)
    torch.testing.assert_close(model(text, attention_mask=seen).logits, before, rtol=0, atol=0)
    assert Scorer(model, 1.0).shares is False


def test_a_learner_that_repeats_prompts_says_so():
    windows, plain = (LocalLearner(of_type("mistral", sliding_window=size), None) for size in (8, None))
    assert backends.notes(plain) == []
    assert "sliding attention takes no packed rows" in backends.notes(windows)[0]
