"""What is particular to a policy behind a Tinker server; `test_contract` has what it shares with all others."""

import json
import math
import random
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from abzero.algo.losses import Objective, Weighting, role_token_weights, sequence_weights, token_weights
from abzero.errors import BackendError, ConfigError, RunError
from abzero.policy.base import Generator, Learner
from abzero.policy.models import loading
from abzero.policy.optimisation import Optimisation
from abzero.policy.scripted import ScriptedLearner
from abzero.types import Experience
from tests.policy import tinker_server
from tests.policy.conftest import local_policy
from tests.policy.tinker_server import TinkerServer, held

pytest.importorskip("tinker", reason="the extra [tinker] is not installed")

from abzero.policy.tinker import health, reduction_probe
from abzero.policy.tinker.client import ANY_KEY, Link
from abzero.policy.tinker.servers import SERVERS
from tests.policy.ragged import RAGGED, experience

KINDS = ["verl", "skyrl-jax"]
OFF_POLICY = Objective(clip_low=0.1, clip_high=0.3, importance_cap=1.5, kl=0.0, entropy=0.0)
WEIGHTINGS = {"sequence": sequence_weights, "token": token_weights, "role": role_token_weights}


@pytest.fixture
def server(folder: Path) -> Iterator[TinkerServer]:
    made = TinkerServer(folder, **tinker_server.TRUTH["verl"])
    yield made
    made.close()


def policy(kind: str, folder: Path, **settings: Any) -> tuple[Generator, Learner]:
    return tinker_server.policy(tinker_server.running(folder, kind), folder, kind, **settings)


def by_hand(folder: Path, batch: Sequence[Experience], weighting: str, objective: Objective) -> dict[str, Tensor]:
    """The gradient by autograd in float64, row by row, from the formulas."""
    model, _ = loading.load(folder, dtype=torch.float64, device="cpu")
    loss = torch.zeros((), dtype=torch.float64)
    total = sum(len(row.rollout.tokens) for row in batch)
    for row in batch:
        start, length = len(row.rollout.prompt_tokens), len(row.rollout.tokens)
        text = torch.tensor([[*row.rollout.prompt_tokens, *row.rollout.tokens]])
        logp = torch.log_softmax(model(text).logits[0, start - 1 : -1], -1).gather(1, text[0, start:, None])[:, 0]
        sampled = torch.tensor(row.rollout.logprobs, dtype=torch.float64)
        truncated = torch.minimum((logp - sampled).exp(), torch.tensor(objective.importance_cap)).detach()
        role = sum(len(other.rollout.tokens) for other in batch if other.role == row.role)
        share = {"sequence": len(batch) * length, "token": total, "role": role}[weighting]
        loss = loss - (truncated * (logp - logp.detach()).exp() * row.advantage).sum() / share
    loss.backward()
    return {name: parameter.grad for name, parameter in model.named_parameters()}


@pytest.mark.parametrize(("kind", "weighting"), [("verl", "token"), ("skyrl-jax", "sequence"), ("skyrl-jax", "role")])
def test_the_gradient_of_three_ragged_rows_is_ours_whatever_the_server_s_reduction(folder, kind, weighting):
    _, learner = policy(kind, folder, objective=OFF_POLICY, weighting=WEIGHTINGS[weighting], gap_limit=9.0)
    learner.update(RAGGED)
    expected = by_hand(folder, RAGGED, weighting, OFF_POLICY)
    [found] = held(learner).gradients
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name].double(), gradient, rtol=2e-3, atol=2e-5, msg=name)


@pytest.mark.parametrize(("kind", "weighting"), [("verl", role_token_weights), ("skyrl-jax", sequence_weights)])
def test_minibatches_move_the_weights_as_the_local_learner_s_do(folder, kind, weighting: Weighting):
    """The ratio leaves 1 behind the first optimizer step: clip, cap and warm-up count."""
    steps = Optimisation(learning_rate=1e-2, betas=(0.8, 0.9), clip_norm=1e9, warmup=2, minibatches=3)
    settings = {"objective": OFF_POLICY, "weighting": weighting, "optimisation": steps, "gap_limit": 9.0}
    _, local = local_policy(folder, **settings)
    _, remote = policy(kind, folder, **settings)
    for _ in range(2):
        expected, found = local.update(RAGGED), remote.update(RAGGED)
    weights = held(remote).model.state_dict()
    for name, value in local.model.state_dict().items():
        torch.testing.assert_close(weights[name], value, rtol=1e-3, atol=1e-4, msg=name)
    shared = set(expected) & set(found) - {"entropy"}
    assert shared >= {"loss", "clip_fraction", "kl_old", "kl_sampler", "importance", "logprob_gap", "learning_rate"}
    assert {name: found[name] for name in shared} == pytest.approx(
        {name: expected[name] for name in shared}, rel=1e-3, abs=1e-5
    )
    assert "grad_norm" in found or kind == "verl"


def test_adam_s_settings_reach_the_server(folder):
    steps = Optimisation(learning_rate=0.5, betas=(0.7, 0.8), weight_decay=0.03, clip_norm=0.25, warmup=2)
    _, hosted = policy("hosted", folder, optimisation=steps, gap_limit=9.0)
    hosted.update(RAGGED)
    [sent] = held(hosted).steps
    names = ("learning_rate", "beta1", "beta2", "eps", "weight_decay", "grad_clip_norm")
    assert [sent[name] for name in names] == pytest.approx([0.25, 0.7, 0.8, 1e-8, 0.03, 0.25])


def test_sampling_asks_for_the_whole_distribution_and_a_seed_for_each_prompt(folder, server):
    generator, _ = tinker_server.policy(server, folder, "verl")
    generator.generate(["a", "a", "b"], 2, random.Random(0))
    params = [body["sampling_params"] for body in server.requests]
    assert {(row["temperature"], row["top_p"], row["top_k"], tuple(row["stop"])) for row in params} == {
        (1, 1, -1, (0,))
    }
    assert len({row["seed"] for row in params}) == 3
    assert max(row["seed"] for row in params) < 2**30


@pytest.mark.parametrize("claimed", ["verl", "hosted"])
def test_a_server_that_takes_means_is_not_taken_for_one_that_adds_up(folder, claimed):
    liar = TinkerServer(folder, mean=True, norms=False)
    with pytest.raises(BackendError, match=r"otherwise than declared.*tinker\.server"):
        tinker_server.policy(liar, folder, claimed)
    liar.close()


def test_a_server_that_adds_up_is_not_taken_for_one_that_takes_means(folder):
    liar = TinkerServer(folder, mean=False, norms=True)
    with pytest.raises(BackendError, match=r"gradient norm.*tinker\.server"):
        tinker_server.policy(liar, folder, "skyrl-jax")
    liar.close()


def test_a_server_that_reports_nothing_cannot_be_tried(folder, server):
    with pytest.raises(BackendError, match="does not report 'grad_norm'"):
        tinker_server.policy(server, folder, "skyrl-jax")


@pytest.mark.parametrize("kind", KINDS)
def test_the_proof_leaves_weights_moments_and_gradients_alone(folder, kind):
    _, learner = policy(kind, folder)
    mine = held(learner)
    fresh, _ = loading.load(folder, dtype=torch.float32, device="cpu")
    assert not mine.steps
    assert not mine.adam.state
    for (name, weight), (_, before) in zip(mine.model.named_parameters(), fresh.named_parameters(), strict=True):
        assert weight.grad is None or not weight.grad.any(), name
        assert torch.equal(weight, before), name


def test_a_row_without_advantage_is_not_sent(folder, server):
    _, learner = tinker_server.policy(server, folder, "verl")
    done = len(server.calls)
    assert learner.update([experience([5], [6, 7], 0.0, 0.0, "solve")]) == {}
    assert (server.calls[done:], learner.version) == ([], 0)


def test_one_sync_serves_both_roles(folder, server):
    generator, learner = tinker_server.policy(server, folder, "verl", gap_limit=9.0)
    learner.update(RAGGED)
    generator.sync(learner)
    generator.sync(learner)
    assert server.calls.count("save_weights_for_sampler") == 2


def test_a_gap_above_the_limit_stops_before_the_weights_move(folder, server):
    generator, learner = tinker_server.policy(server, folder, "verl", gap_limit=0.5)
    server.shift = -0.75
    rollouts = [group[0] for group in generator.generate(["a", "b"], 1, random.Random(0))]
    with pytest.raises(BackendError, match=r"disagree by 0\.750 nats"):
        learner.update([Experience(("solve", 0), "deduction", 0, row, (), 1.0) for row in rollouts])
    assert server.calls[-1] == "forward"
    assert learner.version == 0


def test_log_probabilities_that_are_not_finite_are_called_so(folder, server):
    generator, learner = tinker_server.policy(server, folder, "verl", gap_limit=0.5)
    [[row]] = generator.generate(["a"], 1, random.Random(0))
    rollouts = [replace(row, logprobs=[math.nan] * len(row.tokens))]
    with pytest.raises(BackendError, match="not finite") as raised:
        learner.update([Experience(("solve", 0), "deduction", 0, row, (), 1.0) for row in rollouts])
    assert "stale" not in str(raised.value)
    assert learner.version == 0


def test_a_server_that_swallows_end_tokens_is_refused(folder, server):
    generator, _ = tinker_server.policy(server, folder, "verl")
    server.drops_end = True
    with pytest.raises(BackendError, match="without its end-of-sequence token"):
        generator.generate(["a", "hello (1)"], 20, random.Random(0))


def test_a_checkpoint_names_the_server_s_own(folder, server, tmp_path):
    _, learner = tinker_server.policy(server, folder, "verl", gap_limit=9.0, optimisation=Optimisation(warmup=4))
    learner.update(RAGGED)
    learner.save(tmp_path)
    state = json.loads((tmp_path / "tinker.json").read_text())
    assert state == {"path": next(iter(server.kept)), "version": 1, "steps": 1}


def test_a_checkpoint_that_the_server_lost_is_named(folder, server, tmp_path):
    _, learner = tinker_server.policy(server, folder, "verl")
    learner.save(tmp_path)
    server.kept.clear()
    with pytest.raises(RunError, match=r"refused load_state_with_optimizer of tinker://stub.*Unknown checkpoint"):
        learner.load(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", '{"path": "tinker://stub/weights/1"}'])
def test_a_damaged_note_of_a_checkpoint_is_named(folder, server, tmp_path, text):
    _, learner = tinker_server.policy(server, folder, "verl")
    (tmp_path / "tinker.json").write_text(text)
    with pytest.raises(RunError, match="does not hold a checkpoint of a Tinker server"):
        learner.load(tmp_path)


def test_what_the_server_says_of_a_failure_is_passed_on(folder, server):
    generator, _ = tinker_server.policy(server, folder, "verl")
    server.errors["asample"] = "out of memory on rank 3"
    with pytest.raises(BackendError, match=r"refused sample.*out of memory on rank 3.*SDK"):
        generator.generate(["a"], 1, random.Random(0))


def test_a_call_that_takes_too_long_is_named_with_its_setting(server):
    link = Link(server.url, server.name, key=ANY_KEY, seconds=60.0, connect_seconds=5.0)
    sampler = link.base()
    server.stuck.set()
    link.seconds = 0.5
    with pytest.raises(BackendError, match=r"sample took .* more than 0\.5 s.*tinker\.timeout"):
        sampler.sample([[5]], 1, [0], 3, 1.0, [0])


def test_a_server_that_dies_during_a_call_is_missed_within_seconds(folder):
    server = TinkerServer(folder, **tinker_server.TRUTH["verl"])
    generator, _ = tinker_server.policy(server, folder, "verl", seconds=250.0, look_seconds=0.2)
    server.close()
    with pytest.raises(BackendError, match="went away during sample; resume when it is back"):
        generator.generate(["a"], 1, random.Random(0))


def test_a_model_that_the_server_lacks_is_named_with_those_it_has(folder, server):
    with pytest.raises(ConfigError, match=r"no model 'other'.*give --tinker\.model one of stub"):
        Link(server.url, "other", key=ANY_KEY, seconds=60.0, connect_seconds=5.0)


def test_nobody_there_is_said_at_once(server):
    server.close()
    with pytest.raises(BackendError, match=r"no Tinker server answers.*tinker\.url"):
        Link(server.url, "stub", key=ANY_KEY, seconds=60.0, connect_seconds=5.0)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"status": "initializing"}, "is not ready, it says 'initializing'"),
        ({"hello": "world"}, "does not answer as a Tinker server"),
        ([1], "does not answer as a Tinker server"),
    ],
)
def test_a_server_that_is_not_ready_or_another_one_is_told_apart(server, answer, words):
    server.health = answer
    with pytest.raises(BackendError, match=words):
        health.check(server.url, 5.0)


class Mute(BaseHTTPRequestHandler):
    """Says nothing at all to a GET, and 404 to the rest."""

    def do_GET(self) -> None:
        threading.Event().wait(1)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_a_server_too_slow_to_answer_is_named_with_its_setting():
    server = HTTPServer(("127.0.0.1", 0), Mute)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with pytest.raises(BackendError, match=r"did not answer within 0\.2 s.*tinker\.connect-timeout"):
        health.check(f"http://127.0.0.1:{server.server_address[1]}", 0.2)
    server.shutdown()
    server.server_close()


def test_another_web_server_is_not_taken_for_a_tinker_server(server):
    with pytest.raises(BackendError, match=r"404.*tinker\.url"):
        health.check(f"{server.url}/elsewhere", 5.0)


def test_a_tinker_generator_takes_no_foreign_weights(folder, server):
    generator, _ = tinker_server.policy(server, folder, "verl")
    with pytest.raises(BackendError, match="ScriptedLearner"):
        generator.sync(ScriptedLearner())


def test_the_initial_weights_can_be_sampled_for_ever(folder, server):
    from abzero.policy.tinker.generator import TinkerGenerator

    _, learner = tinker_server.policy(server, folder, "verl", gap_limit=9.0, optimisation=Optimisation(0.1))
    link = Link(server.url, server.name, key=ANY_KEY, seconds=60.0, connect_seconds=5.0)
    settings = {"temperature": 1.0, "max_prompt_tokens": 100, "max_tokens": 20}
    frozen = TinkerGenerator(link.base(), loading.codec(folder), **settings)
    before = frozen.generate(["a"], 2, random.Random(0))
    learner.update(RAGGED)
    assert frozen.generate(["a"], 2, random.Random(0)) == before


def test_a_tokenizer_that_says_it_all_in_a_word_cannot_try_a_server(folder, server):
    link = Link(server.url, server.name, key=ANY_KEY, seconds=60.0, connect_seconds=5.0)
    with pytest.raises(ConfigError, match="too few"):
        reduction_probe.prove(link.trainer(8, 0), lambda: link.trainer(8, 0), SERVERS["verl"], [1, 2, 3])
