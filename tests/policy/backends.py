"""The backends under contract: how each is made, and what it declares about itself. A new one adds an entry."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import torch
from transformers import PreTrainedModel

from abzero.algo.losses import Objective
from abzero.policy.base import Generator, Learner
from abzero.policy.local.learner import LocalLearner
from abzero.policy.local.optimizer import adam_8bit
from abzero.policy.models import loading
from abzero.policy.optimisation import Optimisation
from abzero.policy.scripted import ScriptedGenerator, ScriptedLearner
from abzero.policy.vllm.engine import VllmEngine
from abzero.policy.vllm.generator import ColocatedLearner, VllmGenerator
from tests.policy import tinker_server
from tests.policy.conftest import local_policy

MAX_TOKENS = 12
MAX_PROMPT_TOKENS = 20
Pair = tuple[Generator, Learner]


class Make(Protocol):
    def __call__(self, folder: Path, *, temperature: float = 1.0, micro_batch_tokens: int = 16_384) -> Pair:
        """A new policy on the model in `folder`, at a learning rate of 0.01, that knows no entropy bonus."""


@dataclass(frozen=True, slots=True)
class Backend:
    """A policy, and what the contract may ask of it."""

    make: Make
    shape: str = "qwen2"
    """Which of the models in `conftest` it runs."""
    published: Callable[[Learner, Path], PreTrainedModel] | None = None
    """The learner's weights as transformers has them, in float64, by way of an empty folder; None if it has none."""
    gap: float = 2e-5
    """Largest mean distance, in nats, of a rollout's log-probabilities to those of the float64 model."""
    trained: Callable[[Learner], PreTrainedModel] | None = None
    """The model whose gradients an update makes in this process; None where another process makes them."""
    gradient_gap: float = 1e-5
    """Largest norm of the error of that gradient, as a share of its own norm."""
    temperatures: frozenset[float] = frozenset({0.7, 1.0})
    """At which of these its sampler and its learner agree."""
    alone: bool = True
    """Whether a row's tokens are the same whatever shares its batch; rounding in narrow types moves some."""
    kill: Callable[[Generator], None] | None = None
    """End what the backend depends on, as if it had died; None where all is in this process."""
    missing: str = ""
    """Why it cannot run here."""


def scripted(folder: Path, *, temperature: float = 1.0, micro_batch_tokens: int = 16_384) -> Pair:
    def babble(prompt: str, rng: random.Random) -> str:
        return "".join(rng.choices("abc", k=rng.randrange(2 * MAX_TOKENS)))

    return ScriptedGenerator(babble, **LIMITS), ScriptedLearner()


def local(**settings: Any) -> Make:
    """Generator and learner in this process."""
    return lambda folder, **asked: local_policy(folder, **LIMITS, **STEPS, **settings, **asked)


def saved(learner: Learner, folder: Path) -> PreTrainedModel:
    """What a checkpoint's model folder loads as."""
    learner.save(folder)
    model, _ = loading.load(folder / "model", dtype=torch.float64, device="cpu")
    return model


def held(learner: Learner) -> PreTrainedModel:
    assert isinstance(learner, LocalLearner)
    return learner.model


STEPS = {"optimisation": Optimisation(learning_rate=1e-2), "objective": Objective(entropy=0.0), "gap_limit": 9.0}
LIMITS = {"max_prompt_tokens": MAX_PROMPT_TOKENS, "max_tokens": MAX_TOKENS}
NARROW = {"sampler_dtype": torch.bfloat16}
HALF = NARROW | {"dtype": torch.bfloat16}
LOCAL = {"published": saved, "trained": held}

BACKENDS = {
    "scripted": Backend(scripted),
    "local-fp32": Backend(local(), **LOCAL),
    "local-qwen3": Backend(local(), shape="qwen3", **LOCAL),
    "local-llama": Backend(local(), shape="llama", **LOCAL),
    "local-bf16-sampler": Backend(local(**NARROW), gap=0.1, alone=False, **LOCAL),
    "local-bf16": Backend(local(**HALF), gap=0.1, gradient_gap=0.15, alone=False, **LOCAL),
    "local-bf16-wide-head": Backend(local(wide_head=True, **HALF), gap=0.1, gradient_gap=0.15, alone=False, **LOCAL),
    "local-8bit": Backend(local(adam=adam_8bit), **LOCAL),
    "local-lora": Backend(local(rank=4), **LOCAL),
    "local-lora-bf16": Backend(local(rank=4, **HALF), gap=0.1, gradient_gap=0.15, alone=False, **LOCAL),
}


def vllm(**settings: Any) -> Make:
    """vLLM samples, the local learner learns."""

    def make(folder: Path, *, temperature: float = 1.0, **asked: Any) -> Pair:
        _, learner = local_policy(folder, temperature=temperature, **STEPS, **settings, **asked)
        engine = VllmEngine(learner.model, dtype=torch.float32, length=MAX_PROMPT_TOKENS + MAX_TOKENS)
        ALIVE.append(engine)
        generator = VllmGenerator(engine, learner.model, learner._codec, temperature=temperature, **LIMITS)
        return generator, ColocatedLearner(learner, generator)

    return make


ALIVE: list[VllmEngine] = []
"""Engines of this process: the end of one would be the end of all."""


NO_VLLM = "" if find_spec("vllm") else "vllm is not installed: make vllm-test"
VLLM = {"published": saved, "trained": lambda turns: turns.learner.model, "missing": NO_VLLM}
BACKENDS |= {
    "vllm-tied": Backend(vllm(), shape="wide", **VLLM),
    "vllm-untied": Backend(vllm(), shape="wide-untied", **VLLM),
    "vllm-lora": Backend(vllm(rank=4), shape="wide", **VLLM),
}


def tinker(kind: str) -> Make:
    """Generator and learner over the wire, behind a small server of their own that is a `kind`."""

    def make(folder: Path, *, temperature: float = 1.0, micro_batch_tokens: int = 16_384) -> Pair:
        server = tinker_server.TinkerServer(folder, disk=DISK, **tinker_server.TRUTH[kind])
        SERVERS.append(server)
        return tinker_server.policy(server, folder, kind, temperature=temperature, look_seconds=0.2, **LIMITS, **STEPS)

    return make


SERVERS: list[tinker_server.TinkerServer] = []
DISK: tinker_server.Checkpoints = {}


def close_last(generator: Generator) -> None:
    SERVERS[-1].close()


NO_TINKER = "" if find_spec("tinker") else "the extra [tinker] is not installed"
TINKER = {
    "published": tinker_server.published,
    "temperatures": frozenset({1.0}),
    "kill": close_last,
    "missing": NO_TINKER,
}
BACKENDS |= {
    "tinker-sum": Backend(tinker("verl"), trained=lambda learner: tinker_server.held(learner).model, **TINKER),
    "tinker-mean": Backend(tinker("skyrl-jax"), **TINKER),
}
