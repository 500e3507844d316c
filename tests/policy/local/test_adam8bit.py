"""Eight-bit AdamW beside AdamW, on gradients that do not depend on the weights."""

import pytest
import torch
from torch import Tensor

from abzero.policy.local.adam8bit import SECOND, Adam8bit, first_moment, pack_first, pack_second, second_moment

ROWS = {"constant": 0, "noise": 1, "heavy tails": 2, "sparse": 3}
"""One row of weights for each distribution; the weights of a row differ in the size of their gradients, too."""
SPANS = ((1, 20), (180, 200), (480, 500), (980, 1000), (2900, 3000))


def gradients(sizes: Tensor, rng: torch.Generator) -> Tensor:
    noise = torch.randn(sizes.shape, generator=rng)
    rows = sizes.clone()
    rows[1] = noise[1]
    rows[2] *= noise[2] / (torch.randn(sizes[2].shape, generator=rng).abs() + 0.1)
    rows[3] *= noise[3] * (torch.rand(sizes[3].shape, generator=rng) < 0.1)
    return rows


@pytest.fixture(scope="module")
def ratios() -> dict[tuple[int, int], Tensor]:
    """By span of steps: how far each row moved in eight bits, as a share of how far it moved under AdamW."""
    rng = torch.Generator().manual_seed(0)
    sizes = torch.randn((len(ROWS), 512), generator=rng).exp()
    ours, theirs = (torch.zeros_like(sizes).requires_grad_() for _ in range(2))
    coarse, exact = Adam8bit([ours], 1e-3, (0.9, 0.999), 0.0), torch.optim.AdamW([theirs], lr=1e-3, weight_decay=0.0)
    moved = torch.zeros(2, len(ROWS))
    found = {}
    for step in range(1, SPANS[-1][1] + 1):
        before = torch.stack([ours.detach(), theirs.detach()])
        ours.grad = gradients(sizes, rng)
        theirs.grad = ours.grad.clone()
        coarse.step()
        exact.step()
        moved += (torch.stack([ours.detach(), theirs.detach()]) - before).abs().mean(2)
        for span in SPANS:
            if step == span[0]:
                moved.zero_()
            if step == span[1]:
                found[span] = moved[0] / moved[1]
    return found


@pytest.mark.parametrize("distribution", ROWS)
@pytest.mark.parametrize("span", SPANS)
def test_steps_are_as_long_as_adamw_s_from_the_first_to_the_three_thousandth(ratios, span, distribution):
    assert float(ratios[span][ROWS[distribution]]) == pytest.approx(1, abs=0.03)


def test_a_moment_that_each_step_changes_by_less_than_a_code_arrives_all_the_same():
    """0.999 of a square is nearer to its own code than to the next."""
    square = torch.ones(1, 64)
    square[0, 1:] = 0.5
    for step in range(1, 2001):
        kept = second_moment(*pack_second(square, step), square)
        square = kept * 0.999
        square[0, 0] = 1.0
    assert float(square[0, 1:].mean()) == pytest.approx(0.5 * 0.999**2000, rel=0.1)


def test_codes_are_right_on_average_and_never_further_than_their_neighbour():
    values = torch.tensor([[1.0, 0.3, 0.02, 1e-3, -1e-3, -0.7, 0.0]])
    drawn = torch.stack([first_moment(*pack_first(values, step), values) for step in range(600)])
    torch.testing.assert_close(drawn.mean(0), values, rtol=0.04, atol=5e-5)
    assert float((drawn - values).abs().max()) < 2 / 127
    squares = values.square()
    drawn = torch.stack([second_moment(*pack_second(squares, step), squares) for step in range(600)])
    torch.testing.assert_close(drawn.mean(0), squares, rtol=0.04, atol=1e-8)


def test_a_square_is_never_lost_beside_a_large_one():
    squares = torch.tensor([[0.0, 1e-30, 1e-12, 1.0]])
    codes, _ = pack_second(squares, 1)
    assert codes.flatten().tolist()[::3] == [0, SECOND]
    assert bool((codes.flatten()[1:3] >= 1).all())


@pytest.mark.parametrize("shape", [(7,), (7, 300), (7, 256), (7, 3, 100), (0, 5), (0,)])
def test_moments_of_eight_bits_can_be_cut_between_rows(shape):
    values = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    whole = pack_first(values, 5)
    parts = [pack_first(part, 5) for part in (values[:4], values[4:])]
    assert all(torch.equal(torch.cat([a, b]), both) for a, b, both in zip(*parts, whole, strict=True))
    assert first_moment(*whole, values).shape == values.shape
    assert sum(tensor.nbytes for tensor in whole) <= 1.05 * values.numel() or len(shape) == 1
