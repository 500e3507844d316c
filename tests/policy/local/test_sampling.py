import math
from collections import Counter
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from abzero.errors import BackendError
from abzero.policy.local.sampling import by_blocks, draw, running_sum, sample

STOP = 5


class Counting:
    """A deterministic model: each row's next token is its last plus one; a prompt's first token offsets the start."""

    def __init__(self, at_once: int) -> None:
        self.at_once = at_once
        self.sessions: list[list[int]] = []

    def rows(self, prompt: int, new: int, copies: int) -> int:
        return self.at_once

    def start(
        self, prompts: Sequence[Sequence[int]], copies: Sequence[int], new: int
    ) -> tuple["CountingSession", Tensor]:
        last = torch.tensor([prompt[-1] for prompt, times in zip(prompts, copies, strict=True) for _ in range(times)])
        self.sessions.append([len(last)])
        return CountingSession(last, self.sessions[-1]), logits(last + 1)


class CountingSession:
    def __init__(self, last: Tensor, sizes: list[int]) -> None:
        self.last, self.sizes = last, sizes

    def advance(self, tokens_B: Tensor) -> Tensor:
        alive = self.last + 1 < STOP
        assert torch.equal(tokens_B[alive], self.last[alive] + 1)
        self.last = self.last + 1
        self.sizes.append(len(tokens_B))
        return logits(self.last + 1)

    def keep(self, rows: Tensor) -> None:
        self.last = self.last[rows]


def logits(favourite: Tensor) -> Tensor:
    return torch.nn.functional.one_hot(favourite.clamp(max=STOP), STOP + 1) * 50.0


@pytest.mark.parametrize("at_once", [1, 2, 100])
def test_rows_end_at_the_stop_token_or_at_the_limit_whatever_shares_their_batch(at_once):
    prompts = [[0], [9, 3], [4], [2]]
    found = sample(Counting(at_once), prompts, [[1, 2], [3], [4], [5, 6]], 3, 1.0, torch.tensor([STOP]))
    assert [[row.tokens for row in rows] for rows in found] == [[[1, 2, 3]] * 2, [[4, 5]], [[5]], [[3, 4, 5]] * 2]
    assert [[row.stopped for row in rows] for rows in found] == [[False] * 2, [True], [True], [True] * 2]
    assert all(len(row.logprobs) == len(row.tokens) for rows in found for row in rows)


def test_finished_rows_leave_the_batch():
    engine = Counting(100)
    sample(engine, [[0], [4], [3], [2]], [[1], [2], [3], [4]], 9, 1.0, torch.tensor([STOP]))
    assert engine.sessions == [[4, 3, 2, 1, 1]]


def test_no_prompts_and_no_samples_are_fine():
    assert sample(Counting(2), [], [], 3, 1.0, torch.tensor([STOP])) == []
    assert sample(Counting(2), [[1]], [[]], 3, 1.0, torch.tensor([STOP])) == [[]]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_the_draw_inverts_the_distribution_at_its_temperature(temperature):
    row = torch.tensor([0.3, -1.0, 2.0, 0.0])
    uniform = (torch.arange(10_000, dtype=torch.float64) + 0.5) / 10_000
    choices, logprobs = draw(row.expand(10_000, 4), uniform, temperature)
    expected = torch.log_softmax(row.double() / temperature, 0)
    counts = Counter(choices.tolist())
    for token in range(4):
        assert counts[token] / 10_000 == pytest.approx(float(expected[token].exp()), abs=1e-4)
    torch.testing.assert_close(logprobs.double(), expected[choices], rtol=0, atol=1e-6)


def test_the_draw_never_takes_a_token_without_mass():
    row = torch.tensor([[-torch.inf, 1.0, -torch.inf, 1.0, -torch.inf]]).expand(4, 5)
    choices, _ = draw(row, torch.tensor([0.0, 0.4999, 0.5001, 1 - 2**-53], dtype=torch.float64), 1.0)
    assert choices.tolist() == [1, 1, 3, 3]


@pytest.mark.parametrize("size", [4097, 5000, 9 * 256])
def test_a_draw_by_blocks_takes_the_tokens_that_one_running_sum_takes(size):
    rng = torch.Generator().manual_seed(size)
    logits = 4 * torch.randn(300, size, generator=rng)
    logits[:, ::3] = -torch.inf
    uniform = torch.rand(300, generator=rng, dtype=torch.float64)
    uniform[:2] = torch.tensor([0.0, 1 - 2**-53])
    (choices, logprobs), (expected, exact) = (way(logits, uniform) for way in (by_blocks, running_sum))
    assert torch.equal(choices, expected)
    assert (choices % 3 != 0).all(), "none is without mass"
    torch.testing.assert_close(logprobs, exact, rtol=0, atol=1e-5)


def test_a_large_vocabulary_is_drawn_from_by_blocks_row_by_row():
    logits, uniform = torch.randn(40, 20_000), torch.linspace(0, 0.999, 40, dtype=torch.float64)
    choices, logprobs = draw(logits, uniform, 0.5)
    expected, exact = by_blocks(logits / 0.5, uniform)
    assert torch.equal(choices, expected)
    assert torch.equal(logprobs, exact)


@pytest.mark.parametrize("size", [5, 5000])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_logits_that_make_no_distribution_are_refused(size, value, dtype):
    logits = torch.zeros(3, size, dtype=dtype)
    logits[1] = value
    with pytest.raises(BackendError, match="not finite"):
        draw(logits, torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64), 1.0)


@pytest.mark.parametrize("size", [300, 5000])
def test_the_last_number_of_a_coarser_type_falls_on_a_token_with_mass(size):
    """Where numbers are fp32 throughout, the largest below 1 may round up."""
    logits = torch.zeros(1, size)
    logits[:, 270:] = -torch.inf
    choices, _ = draw(logits, torch.tensor([1.0]), 1.0)
    assert choices.tolist() == [269]


def test_temperature_zero_takes_the_likeliest_token_for_certain():
    choices, logprobs = draw(torch.tensor([[0.0, 3.0, 1.0]]), torch.tensor([0.99]), 0.0)
    assert (choices.tolist(), logprobs.tolist()) == ([1], [0.0])
