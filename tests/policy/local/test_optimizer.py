import math

import pytest
import torch
from torch import nn

from abzero.errors import BackendError
from abzero.policy.local.optimizer import AdamFactory, MasterOptimizer, adam, adam_8bit
from abzero.policy.optimisation import Optimisation
from abzero.policy.schedules import constant, cosine, linear

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
def test_it_arrives(make: AdamFactory):
    parameters = weights()
    steady = Optimisation(learning_rate=0.02, weight_decay=0.0, clip_norm=math.inf)
    descend(parameters, MasterOptimizer(parameters.items(), steady, make), 800)
    assert float((parameters["a"].detach() - TARGET).abs().max()) <= 0.03


@pytest.mark.parametrize("make", [adam, adam_8bit])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_restored_in_the_middle_it_ends_in_the_same_place(make: AdamFactory, dtype: torch.dtype):
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


def test_masters_of_narrow_weights_become_the_weights_where_these_are_wide_now():
    narrow = weights(torch.bfloat16)
    before = MasterOptimizer(narrow.items(), FAST, adam)
    descend(narrow, before, 3)
    saved = {name: value.clone() for name, value in before.state().items()}
    wide = {"a": nn.Parameter(narrow["a"].detach().float())}
    after = MasterOptimizer(wide.items(), FAST, adam)
    after.restore(saved, saved.__getitem__, before.steps)
    assert torch.equal(wide["a"], saved["a.master"])
    assert not torch.equal(wide["a"], narrow["a"].float())
    descend(wide, after, 1)


def test_eight_bits_follow_adamw_closely_and_cost_two_bytes_a_weight():
    exact, coarse = weights(), weights()
    descend(exact, MasterOptimizer(exact.items(), FAST, adam), 30)
    optimizer = MasterOptimizer(coarse.items(), FAST, adam_8bit)
    start = coarse["a"].detach().clone()
    descend(coarse, optimizer, 30)
    found, expected = coarse["a"].detach() - start, exact["a"].detach() - start
    assert float((found - expected).abs().mean() / expected.abs().mean()) < 0.05
    assert sum(value.nbytes for value in optimizer.state().values()) < 2.1 * TARGET.numel()


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
def test_so_many_gradients_in_a_row_may_be_not_finite(bad):
    parameters = weights()
    optimizer = MasterOptimizer(parameters.items(), Optimisation(learning_rate=0.1, skips=2), adam)
    before = parameters["a"].detach().clone()
    for value, expected in ((bad, True), (bad, True), (1.0, False), (bad, True), (bad, True)):
        parameters["a"].grad = torch.full_like(TARGET, value)
        assert (optimizer.step() is None) == expected
        assert torch.equal(parameters["a"].detach(), before) == (optimizer.steps == 0)
    parameters["a"].grad = torch.full_like(TARGET, bad)
    with pytest.raises(BackendError, match=r"not finite: its norm is .*--optimizer\.skips 4"):
        optimizer.step()
    assert optimizer.steps == 1


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


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        (constant, [0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
        (linear, [0.5, 1.0, 1.0, 0.75, 0.5, 0.25, 0.0]),
        (cosine, [0.5, 1.0, 1.0, (1 + 0.5**0.5) / 2, 0.5, (1 - 0.5**0.5) / 2, 0.0]),
    ],
)
def test_the_learning_rate_falls_as_scheduled_once_it_is_warm(schedule, rates):
    """Two steps of warm-up and four of decay; a run that goes on stays at the end."""
    settings = Optimisation(learning_rate=0.4, warmup=2, total=6, schedule=schedule)
    assert [settings.rate(step) / 0.4 for step in range(1, 8)] == pytest.approx(rates)


def test_warm_up_raises_the_learning_rate_step_by_step():
    parameters = weights()
    optimizer = MasterOptimizer(parameters.items(), Optimisation(learning_rate=0.4, warmup=4), adam)
    rates = []
    for _ in range(6):
        descend(parameters, optimizer, 1)
        rates.append(optimizer.learning_rate)
    assert rates == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.4, 0.4])
