import random

import pytest
import torch

from abzero.algo.losses import Objective
from abzero.errors import RunError
from abzero.policy.local.optimizer import Optimisation
from abzero.policy.models import loading, lora
from abzero.types import Experience
from tests.policy.conftest import local_policy

PROMPTS = ["a", "hello (1)", "zz"]


def trained(folder, steps: int = 2, **settings):
    fast = Optimisation(learning_rate=1e-2)
    generator, learner = local_policy(folder, rank=4, optimisation=fast, **settings)
    for step in range(steps):
        generator.sync(learner)
        groups = generator.generate(PROMPTS, 4, random.Random(step))
        rows = [rollout for group in groups for rollout in group]
        metrics = learner.update(
            [Experience(("solve", 0), "deduction", 0, r, (), (-1.0) ** i) for i, r in enumerate(rows)]
        )
    return generator, learner, metrics


def test_a_new_adapter_changes_nothing_and_the_base_never_moves(folder):
    base, _ = loading.load(folder, dtype=torch.float32, device="cpu")
    _, learner = local_policy(folder, rank=4)
    text = torch.arange(2, 12)[None]
    with torch.no_grad():
        assert torch.equal(learner.model(text).logits, base(text).logits)
    _, learner, _ = trained(folder)
    weights = dict(base.named_parameters())
    held = {name.replace(".base_layer", ""): value for name, value in learner.model.named_parameters()}
    assert all(torch.equal(held[name], value) for name, value in weights.items())


def test_the_sampler_merges_the_adapter(folder):
    _, _, metrics = trained(folder, steps=4)
    assert metrics["logprob_gap_max"] < 1e-4


def test_the_reference_is_the_model_without_its_adapter(folder):
    _, learner, metrics = trained(folder, steps=3, objective=Objective(kl=0.1))
    assert metrics["kl_reference"] > 1e-4
    assert learner._reference is None


def test_a_saved_adapter_loads_as_a_model(folder, tmp_path):
    _, learner, _ = trained(folder)
    learner.save(tmp_path)
    assert not (tmp_path / "model" / "model.safetensors").exists()
    model, _ = loading.load(tmp_path / "model", dtype=torch.float32, device="cpu")
    text = torch.arange(2, 12)[None]
    with torch.no_grad():
        assert torch.equal(model(text).logits, learner.model(text).logits)


def test_an_adapter_of_another_rank_is_refused(folder, tmp_path):
    _, learner, _ = trained(folder)
    learner.save(tmp_path)
    _, other = local_policy(folder, rank=2)
    with pytest.raises(RunError):
        other.load(tmp_path)


def test_adapters_start_alike(folder):
    first, second = (local_policy(folder, rank=4)[1].model.state_dict() for _ in range(2))
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert lora.present(local_policy(folder, rank=4)[1].model)
