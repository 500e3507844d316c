"""How much the cached engine holds at once, and that prompts computed in parts are prompts."""

from dataclasses import dataclass

import pytest
import torch

from abzero.policy.local import hf_engine, packed_engine
from abzero.policy.local.hf_engine import HFEngine, cache_bytes_per_token, prefill_bytes_per_token, spare
from abzero.policy.local.packed_engine import PackedEngine
from abzero.policy.local.sampling import sample
from abzero.policy.models import loading
from tests.policy.models.test_families import NARROW, of_type

GIB = 1 << 30


@dataclass
class Card:
    """A GPU of 80 GiB, of which torch has reserved some and uses some of that."""

    reserved: int
    allocated: int

    def mem_get_info(self, device: torch.device) -> tuple[int, int]:
        return 80 * GIB - self.reserved, 80 * GIB

    def memory_reserved(self, device: torch.device) -> int:
        return self.reserved

    def memory_allocated(self, device: torch.device) -> int:
        return self.allocated


def test_what_torch_keeps_of_a_card_after_an_update_is_not_lost_to_sampling():
    """From the second step on nearly all of a card is torch's, in use or not."""
    before, after = (spare(torch.device("cuda"), Card(reserved, 20 * GIB)) for reserved in (20 * GIB, 78 * GIB))
    assert before == after == 60 * GIB


def test_rows_leave_room_for_the_prompts_that_are_computed_at_once(folder):
    model, _ = loading.load(folder, dtype=torch.float32, device="cpu")
    engine = HFEngine(model)
    engine._cache_bytes = 100 * 500 * cache_bytes_per_token(model) + 8192 * prefill_bytes_per_token(model)
    assert engine.rows(400, 100, 8) == 100
    assert engine.rows(50_000, 0, 1) == 1


@pytest.mark.parametrize("kind", ["qwen2", "gemma3_text"])
@pytest.mark.parametrize("packed", [True, False])
def test_prompts_computed_in_parts_are_the_prompts(monkeypatch, kind, packed):
    """Of unlike lengths, some sampled more than once; the second model has a layer that sees the last tokens alone."""
    sight = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 8} if kind != "qwen2" else {}
    if kind != "qwen2" and packed:
        pytest.skip("it cannot be packed")
    model = of_type(kind, **(NARROW | sight | {"initializer_range": 0.3})).eval()
    prompts, seeds = [list(range(2, 2 + n)) for n in (3, 30, 12, 1, 29)], [[1, 2], [3], [4, 5, 6], [7], [8]]

    def run() -> list[list[list[float]]]:
        engine = PackedEngine(model, torch.float32) if packed else HFEngine(model)
        found = sample(engine, prompts, seeds, 12, 1.0, torch.tensor([0]))
        return [[[*row.tokens, *row.logprobs] for row in rows] for rows in found]

    whole = run()
    for module in (hf_engine, packed_engine):
        monkeypatch.setattr(module, "PREFILL_TOKENS", 64)
    for rows, expected in zip(run(), whole, strict=True):
        for row, like in zip(rows, expected, strict=True):
            assert row == pytest.approx(like, abs=1e-5)
