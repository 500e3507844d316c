import random

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abzero.policy.local.packed_engine import MIN_ROWS, PackedEngine
from abzero.policy.models import loading


@pytest.fixture(scope="module", params=["llama", "qwen3"])
def engine(folders, request):
    """Grouped heads; keys are normed in the second."""
    return PackedEngine(loading.load(folders[request.param], dtype=torch.float32, device="cpu")[0], torch.float32)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(copies=st.lists(st.integers(1, 5), min_size=1, max_size=5), seed=st.integers(0, 2**32))
def test_rows_of_a_shared_prompt_go_on_as_if_each_had_it_to_itself(engine, copies, seed):
    """Of unlike lengths and numbers of rows, which drop out and change places in any order, across growths."""
    rng = random.Random(seed)
    prompts = [[rng.randrange(2, 40) for _ in range(rng.randint(1, 40))] for _ in copies]
    shared, first = engine.start(prompts, copies, 40)
    rows = [prompt for prompt, n in zip(prompts, copies, strict=True) for _ in range(n)]
    alone, expected = engine.start(rows, [1] * len(rows), 40)
    assert alone.prompts is None
    assert (shared.prompts is not None) == (max(copies) > 1)
    torch.testing.assert_close(first, expected, rtol=0, atol=1e-4)
    live = len(rows)
    for _ in range(40):
        if live > 1 and rng.random() < 0.15:
            kept = torch.tensor(rng.sample(range(live), rng.randint(1, live)))
            shared.keep(kept)
            alone.keep(kept)
            live = len(kept)
        tokens = torch.tensor([rng.randrange(2, 40) for _ in range(live)])
        torch.testing.assert_close(shared.advance(tokens), alone.advance(tokens), rtol=0, atol=1e-4)


def test_prompts_that_no_row_continues_are_let_go(engine):
    session, _ = engine.start([[3, 4], [5], [6, 7, 8]], [2, 2, 2], 4)
    session.keep(torch.tensor([5, 4]))
    assert len(session.prompts._cache) == 1
    assert all(len(keys) == 1 for keys in session.prompts._cache.keys)


def test_more_rows_are_held_where_their_prompt_is_held_once(engine):
    alone, shared = (engine.rows(1000, 10, copies) for copies in (1, 8))
    assert MIN_ROWS <= alone < shared
