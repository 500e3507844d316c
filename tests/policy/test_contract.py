"""What every policy must do, whatever runs it; `backends` has the policies and what each declares about itself."""

import random
from collections.abc import Callable
from functools import partial
from itertools import chain
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from abzero.errors import BackendError, RunError
from abzero.policy.base import Generator, Learner
from abzero.policy.scripted import ScriptedLearner
from abzero.types import Experience, Rollout
from tests.policy.backends import BACKENDS, MAX_TOKENS, Backend, Pair, local

flat = chain.from_iterable
PROMPTS = ["a", "hello (1)", "def f(x) 2, 3"]


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Backend:
    chosen = BACKENDS[request.param]
    if chosen.missing:
        pytest.skip(chosen.missing)
    return chosen


@pytest.fixture
def model_folder(backend: Backend, folders: dict[str, Path]) -> Path:
    return folders[backend.shape]


@pytest.fixture
def make(backend: Backend, model_folder: Path) -> Callable[..., Pair]:
    return lambda **settings: backend.make(model_folder, **settings)


@pytest.fixture
def published(backend: Backend, tmp_path: Path) -> Callable[[Learner], PreTrainedModel]:
    """The learner's weights as they are now, in float64."""
    read = backend.published
    if read is None:
        pytest.skip("it has no weights")

    def publish(learner: Learner) -> PreTrainedModel:
        folder = tmp_path / f"published-{learner.version}"
        folder.mkdir()
        return read(learner, folder)

    return publish


def batch(generator: Generator, seed: int) -> list[Experience]:
    rng = random.Random(seed)
    groups = generator.generate(PROMPTS, 4, rng)
    return [
        Experience(("solve", group), "deduction", group, rollout, (("score", 1.0),), rng.gauss(0, 1))
        for group, rollouts in enumerate(groups)
        for rollout in rollouts
    ]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_n_rollouts_of_each_prompt_in_order(make):
    generator, _ = make()
    alone = [generator.generate([prompt], 1, random.Random(0))[0][0].prompt_tokens for prompt in PROMPTS]
    groups = generator.generate(PROMPTS, 3, random.Random(0))
    assert [[list(r.prompt_tokens) for r in group] for group in groups] == [[list(tokens)] * 3 for tokens in alone]
    assert len({tuple(rollout.tokens) for rollout in groups[1]}) > 1


def test_nothing_asked_is_nothing_sampled(make):
    generator, _ = make()
    assert generator.generate([], 3, random.Random(0)) == []


def test_every_token_has_a_log_probability(make):
    generator, _ = make()
    for rollout in flat(generator.generate(PROMPTS, 8, random.Random(1))):
        assert len(rollout.logprobs) == len(rollout.tokens) > 0
        assert all(logprob <= 0 for logprob in rollout.logprobs)


def test_finished_is_told_from_truncated(make):
    generator, _ = make()
    rollouts = list(flat(generator.generate(PROMPTS, 40, random.Random(2))))
    assert {rollout.finish for rollout in rollouts} == {"stop", "length"}
    ends = {rollout.tokens[-1] for rollout in rollouts if rollout.finish == "stop"}
    assert len(ends) == 1
    for rollout in rollouts:
        assert not ends & set(rollout.tokens[:-1])
        if rollout.finish == "length":
            assert len(rollout.tokens) == MAX_TOKENS
            assert rollout.tokens[-1] not in ends
        assert len(rollout.text) == len(rollout.tokens) - (rollout.finish == "stop")


def test_prompts_beyond_the_limit_do_not_fit(make):
    generator, _ = make()
    assert generator.fits("x" * 20)
    assert not generator.fits("x" * 21)


def test_equal_random_states_give_equal_rollouts(make):
    generator, _ = make()
    first, second, third = (generator.generate(PROMPTS, 3, random.Random(seed)) for seed in (5, 5, 6))
    assert first == second != third


def test_the_version_rises_with_each_update_and_reaches_rollouts_by_sync(make):
    generator, learner = make()
    generator.sync(learner)
    assert learner.version == 0
    metrics = learner.update(batch(generator, 0))
    assert learner.version == 1
    assert metrics["tokens"] > 0
    generator.sync(learner)
    assert {row.rollout.version for row in batch(generator, 0)} == {1}


def test_an_empty_batch_changes_nothing(make, tmp_path):
    _, learner = make()
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
        learner.save(tmp_path / name)
        learner.update([])
    assert learner.version == 0
    assert files(tmp_path / "before") == files(tmp_path / "after")


def test_a_run_restored_in_the_middle_ends_with_the_same_bytes(make, tmp_path):
    def train(learner: Learner, generator: Generator, steps: range) -> None:
        for step in steps:
            generator.sync(learner)
            learner.update(batch(generator, step))

    for name in ("whole", "half", "rest"):
        (tmp_path / name).mkdir()
    generator, whole = make()
    train(whole, generator, range(4))
    whole.save(tmp_path / "whole")
    generator, first = make()
    train(first, generator, range(2))
    first.save(tmp_path / "half")
    generator, second = make()
    second.load(tmp_path / "half")
    train(second, generator, range(2, 4))
    second.save(tmp_path / "rest")
    assert second.version == 4
    assert files(tmp_path / "rest") == files(tmp_path / "whole")
    assert files(tmp_path / "half") != files(tmp_path / "whole")


def test_a_folder_that_holds_no_checkpoint_is_refused(make, tmp_path):
    _, learner = make()
    with pytest.raises(RunError):
        learner.load(tmp_path)


def chosen_logprobs(model: PreTrainedModel, rollout: Rollout, temperature: float) -> Tensor:
    """Of a rollout's tokens: one row, no padding, no cache, the model as published."""
    text = torch.tensor([[*rollout.prompt_tokens, *rollout.tokens]])
    start = len(rollout.prompt_tokens)
    logp_TV = torch.log_softmax(model(text).logits[0, start - 1 : -1] / temperature, -1)
    return logp_TV.gather(1, text[0, start:, None])[:, 0]


@torch.no_grad()
def distance(model: PreTrainedModel, rollouts: list[Rollout], temperature: float = 1.0) -> float:
    """Mean over tokens of how far the sampler's log-probabilities are from the model's, in nats."""
    found = torch.tensor(list(flat(rollout.logprobs for rollout in rollouts)), dtype=torch.float64)
    return float((found - torch.cat([chosen_logprobs(model, row, temperature) for row in rollouts])).abs().mean())


@pytest.mark.parametrize("temperature", [0.7, 1.0])
def test_log_probabilities_equal_a_float64_reference_at_their_temperature(make, backend, published, temperature):
    if temperature not in backend.temperatures:
        pytest.skip("it trains at another temperature")
    generator, learner = make(temperature=temperature)
    generator.sync(learner)
    rollouts = list(flat(generator.generate(PROMPTS, 4, random.Random(0))))
    assert distance(published(learner), rollouts, temperature) < backend.gap


def test_after_sync_and_not_before_samples_come_from_the_new_weights(make, backend, published):
    generator, learner = make()
    generator.sync(learner)
    old = published(learner)
    for step in range(4):
        learner.update(batch(generator, step))
    new = published(learner)
    stale = list(flat(generator.generate(PROMPTS, 4, random.Random(1))))
    generator.sync(learner)
    fresh = list(flat(generator.generate(PROMPTS, 4, random.Random(1))))
    assert distance(old, stale) < backend.gap < distance(new, stale) / 2
    assert distance(new, fresh) < backend.gap < distance(old, fresh) / 2


def test_padding_and_batch_size_change_nothing(make, backend):
    if not backend.alone:
        pytest.skip("in its type, rounding depends on the batch")
    generator, _ = make()
    rng = random.Random(7)
    together = generator.generate(PROMPTS, 4, random.Random(7))
    alone = [generator.generate([prompt], 4, rng)[0] for prompt in PROMPTS]
    assert [[list(r.tokens) for r in group] for group in together] == [[list(r.tokens) for r in row] for row in alone]
    for one, other in zip(flat(together), flat(alone), strict=True):
        assert list(one.logprobs) == pytest.approx(list(other.logprobs), abs=1e-4)


@pytest.fixture
def trained(backend: Backend) -> Callable[[Learner], PreTrainedModel]:
    if backend.trained is None:
        pytest.skip("no gradient is made in this process")
    return backend.trained


def ragged(generator: Generator) -> list[Experience]:
    """Three rollouts of unlike length, with advantages."""
    rollouts = [group[0] for group in generator.generate(PROMPTS, 1, random.Random(3))]
    assert len({len(row.tokens) + len(row.prompt_tokens) for row in rollouts}) == 3
    advantages = (1.3, -0.7, 0.4)
    return [
        Experience(("solve", 0), "deduction", 0, row, (), worth)
        for row, worth in zip(rollouts, advantages, strict=True)
    ]


def by_hand(model: PreTrainedModel, rows: list[Experience], names: set[str]) -> dict[str, Tensor]:
    """The gradient of -w A log p, mean over each row's tokens and over rows, w = p / p of the sampler, at most 2."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in names)
    for row in rows:
        logp_T = chosen_logprobs(model, row.rollout, 1.0)
        weight_T = (logp_T - torch.tensor(row.rollout.logprobs)).exp().clamp(max=2.0).detach()
        (-row.advantage * (weight_T * logp_T).mean() / len(rows)).backward()
    return {name: parameter.grad for name, parameter in model.named_parameters() if name in names}


def accumulated(model: PreTrainedModel, update: Callable[[], object]) -> dict[str, Tensor]:
    """Sum of the gradients of all backward passes of an update, in float64."""
    trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    sums = {name: torch.zeros_like(parameter, dtype=torch.float64) for name, parameter in trained.items()}

    def add(name: str, gradient: Tensor) -> None:
        sums[name] += gradient

    hooks = [parameter.register_hook(partial(add, name)) for name, parameter in trained.items()]
    update()
    for hook in hooks:
        hook.remove()
    return sums


def error(found: dict[str, Tensor], expected: dict[str, Tensor]) -> float:
    """Norm of the difference, as a share of the norm of what was expected."""
    assert found.keys() == expected.keys()
    wrong, whole = (
        sum(float(gradient.double().square().sum()) for gradient in gradients) ** 0.5
        for gradients in ([found[name] - expected[name] for name in found], expected.values())
    )
    return wrong / whole


def test_the_gradient_of_three_ragged_rows_equals_autograd_by_hand(make, backend, published, trained):
    generator, learner = make()
    generator.sync(learner)
    rows, reference = ragged(generator), published(learner)
    found = accumulated(trained(learner), lambda: learner.update(rows))
    assert error(found, by_hand(reference, rows, set(found))) < backend.gradient_gap


def test_any_micro_batch_split_gives_the_same_gradient(make, backend, trained):
    generator, learner = make()
    rows = ragged(generator)
    whole = accumulated(trained(learner), lambda: learner.update(rows))
    for tokens in (1, 40):
        _, split = make(micro_batch_tokens=tokens)
        _, split = make(micro_batch_tokens=tokens)
        assert error(accumulated(trained(split), lambda split=split: split.update(rows)), whole) < backend.gradient_gap


def test_a_dead_backend_is_a_clear_error(make, backend):
    if backend.kill is None:
        pytest.skip("nothing that it depends on can die without it")
    generator, learner = make()
    generator.sync(learner)
    backend.kill(generator)
    with pytest.raises(BackendError):
        generator.generate(PROMPTS, 1, random.Random(0))


def test_a_local_generator_takes_no_foreign_weights(folder):
    generator, _ = local()(folder)
    with pytest.raises(BackendError, match="ScriptedLearner"):
        generator.sync(ScriptedLearner())
