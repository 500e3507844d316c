import math

import pytest
import torch
from torch import nn

from abzero.errors import BackendError
from abzero.policy.local.adam8bit import first_moment, pack_first, pack_second, second_moment
from abzero.policy.local.optimizer import Adam, MasterOptimizer, Optimisation, adam, adam_8bit

FAST = Optimisation(learning_rate=0.01, clip_norm=math.inf)


def weights(dtype: torch.dtype = torch.float32) -> dict[str, nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    return {"a": nn.Parameter(torch.randn(5, 512, generator=generator).to(dtype))}


TARGET = torch.linspace(-2, 2, 5 * 512).view(5, 512)


def descend(parameters: dict[str, nn.Parameter], optimizer: MasterOptimizer, steps: int) -> None:
    """Towards `TARGET`, by the gradient of half the squared distance."""
    for _ in range(steps):
        ((parameters["a"].float() - TARGET) ** 2).sum().div(2).backward()
        optimizer.step()


def test_fp32_weights_are_their_own_masters_and_move_as_adamw_moves_them():
    ours, theirs = weights(), weights()
    descend(ours, MasterOptimizer(ours.items(), FAST, adam), 10)
    plain = torch.optim.AdamW(theirs.values(), lr=0.01, weight_decay=0.01, fused=True)
    for _ in range(10):
        ((theirs["a"] - TARGET) ** 2).sum().div(2).backward()
        plain.step()
        plain.zero_grad()
    assert torch.equal(ours["a"], theirs["a"])


def test_bf16_weights_move_by_steps_that_bf16_alone_would_lose():
    small = Optimisation(learning_rate=1e-4, weight_decay=0.0)
    parameters = {"a": nn.Parameter(torch.full((4,), 1.0, dtype=torch.bfloat16))}
    optimizer = MasterOptimizer(parameters.items(), small, adam)
    for _ in range(100):
        parameters["a"].sum().backward()
        optimizer.step()
    assert parameters["a"].tolist() == pytest.approx([0.99] * 4, abs=0.003)


def test_bf16_gradients_add_up_in_fp32():
    parameters = {"a": nn.Parameter(torch.ones(1, dtype=torch.bfloat16))}
    optimizer = MasterOptimizer(parameters.items(), FAST, adam)
    for _ in range(1000):
        parameters["a"].sum().backward()
    assert parameters["a"].grad is None
    assert optimizer.step() == 1000


@pytest.mark.parametrize("make", [adam, adam_8bit])
def test_it_arrives(make: Adam):
    parameters = weights()
    steady = Optimisation(learning_rate=0.02, weight_decay=0.0, clip_norm=math.inf)
    descend(parameters, MasterOptimizer(parameters.items(), steady, make), 800)
    torch.testing.assert_close(parameters["a"].detach(), TARGET, rtol=0, atol=0.03)


@pytest.mark.parametrize("make", [adam, adam_8bit])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_restored_in_the_middle_it_ends_in_the_same_place(make: Adam, dtype: torch.dtype):
    whole, first = weights(dtype), weights(dtype)
    straight = MasterOptimizer(whole.items(), FAST, make)
    descend(whole, straight, 6)
    half = MasterOptimizer(first.items(), FAST, make)
    descend(first, half, 3)
    second = {"a": nn.Parameter(first["a"].detach().clone())}
    rest = MasterOptimizer(second.items(), FAST, make)
    saved = {name: value.clone() for name, value in half.state().items()}
    rest.restore(saved, saved.__getitem__, half.steps)
    descend(second, rest, 3)
    assert torch.equal(second["a"], whole["a"])
    assert rest.state().keys() == straight.state().keys()
    assert all(torch.equal(value, straight.state()[name]) for name, value in rest.state().items())


def test_eight_bits_follow_adamw_closely_and_cost_two_bytes_a_weight():
    exact, coarse = weights(), weights()
    descend(exact, MasterOptimizer(exact.items(), FAST, adam), 30)
    optimizer = MasterOptimizer(coarse.items(), FAST, adam_8bit)
    start = coarse["a"].detach().clone()
    descend(coarse, optimizer, 30)
    found, expected = coarse["a"].detach() - start, exact["a"].detach() - start
    assert float((found - expected).abs().mean() / expected.abs().mean()) < 0.05
    assert sum(value.nbytes for value in optimizer.state().values()) < 2.1 * TARGET.numel()


def test_moments_of_eight_bits_keep_sign_and_size_and_never_lose_a_square():
    values = torch.tensor([[0.0, 1e-3, -1e-3, 0.5, -1.0]])
    assert first_moment(*pack_first(values), values)[0].tolist() == pytest.approx(values[0].tolist(), abs=4e-3)
    squares = torch.tensor([[0.0, 1e-12, 1e-4, 1.0]])
    found = second_moment(*pack_second(squares), squares)
    assert bool((found >= squares * (1 - 1e-6)).all())
    assert found[0].tolist() == pytest.approx(squares[0].tolist(), rel=0.3, abs=3e-10)


@pytest.mark.parametrize("shape", [(7,), (7, 300), (7, 256), (7, 3, 100), (0, 5), (0,)])
def test_moments_of_eight_bits_can_be_cut_between_rows(shape):
    values = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    whole = pack_first(values)
    parts = [pack_first(part) for part in (values[:4], values[4:])]
    assert all(torch.equal(torch.cat([a, b]), both) for a, b, both in zip(*parts, whole, strict=True))
    assert first_moment(*whole, values).shape == values.shape
    assert sum(tensor.nbytes for tensor in whole) <= 1.05 * values.numel() or len(shape) == 1


def test_frozen_weights_stay():
    parameters = weights() | {"b": nn.Parameter(torch.ones(2), requires_grad=False)}
    descend(parameters, MasterOptimizer(parameters.items(), FAST, adam), 2)
    assert parameters["b"].tolist() == [1, 1]


def test_the_gradient_is_clipped_to_its_norm():
    parameters = weights()
    optimizer = MasterOptimizer(parameters.items(), Optimisation(clip_norm=1e-4), adam)
    parameters["a"].grad = torch.full_like(TARGET, 3.0)
    assert optimizer.step() == pytest.approx(3.0 * TARGET.numel() ** 0.5)
    assert float(optimizer.state()["a.exp_avg"].norm()) == pytest.approx(0.1 * 1e-4, rel=1e-3)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_gradient_that_is_not_finite_moves_nothing(bad):
    parameters = weights()
    optimizer = MasterOptimizer(parameters.items(), FAST, adam)
    before = parameters["a"].detach().clone()
    parameters["a"].grad = torch.full_like(TARGET, bad)
    with pytest.raises(BackendError, match="norm is"):
        optimizer.step()
    assert torch.equal(parameters["a"].detach(), before)
    assert optimizer.steps == 0


def test_warm_up_raises_the_learning_rate_step_by_step():
    parameters = weights()
    optimizer = MasterOptimizer(parameters.items(), Optimisation(learning_rate=0.4, warmup=4), adam)
    rates = []
    for _ in range(6):
        descend(parameters, optimizer, 1)
        rates.append(optimizer.learning_rate)
    assert rates == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.4, 0.4])
