"""The backends that a policy may run on, a file and a row each. Nothing else compares ``model.engine`` with a string.

An *engine* below `abzero.policy` decodes: it turns prompts into tokens.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from abzero.config.backends import local, tinker, vllm
from abzero.config.config import Config
from abzero.errors import ConfigError
from abzero.policy.base import Generator, Learner, RolloutEnded
from abzero.policy.local import plan, sharding, shared_prefix, threads
from abzero.policy.local.learner import LocalLearner
from abzero.policy.local.worker_group import RemoteLearner, WorkerGroup
from abzero.policy.models import chat, loading
from abzero.policy.models.tokenizer import Codec
from abzero.policy.vllm.generator import ColocatedLearner
from abzero.tasks.prompts import ChatFrame, Prompts

Policy = tuple[Generator, Generator, Learner]
"""Proposer, solver and learner: one model in two roles, unless the proposer is a frozen copy."""


def accept(config: Config) -> None:
    """The check of a backend that can do whatever can be set."""


@dataclass(frozen=True)
class Backend:
    """What one value of ``model.engine`` stands for; every part is made from a run's settings."""

    policy: Callable[[Config, RolloutEnded], Policy]
    where: Callable[[Config], str]
    """Where the model runs, in words."""
    check: Callable[[Config], None] = accept
    """Raises `ConfigError` for a setting that it cannot honour. No setting is ever ignored."""
    memory: Callable[[Config], plan.Setup] | None = None
    """What its memory here depends on; None where the model is held elsewhere."""
    step_0_judge: Callable[[Config], Callable[[str, str], str]] | None = None
    """The untrained model as a judge of completions; None where the model is held elsewhere."""
    worker_group: Callable[[Config], WorkerGroup] | None = None
    """This process' part of a model that the processes of ``torchrun`` share; None where one process is all."""


BACKENDS: dict[str, Backend] = {
    "local": Backend(
        local.policy,
        local.where,
        memory=local.memory,
        step_0_judge=local.step_0_judge,
        worker_group=local.worker_group,
    ),
    "vllm": Backend(vllm.policy, local.where, vllm.check, memory=vllm.memory, step_0_judge=local.step_0_judge),
    "tinker": Backend(tinker.policy, tinker.where, tinker.check),
}
"""A new backend is a row here."""


def chosen(config: Config) -> Backend:
    """The row that ``model.engine`` names."""
    if config.model.engine not in BACKENDS:
        raise ConfigError(f"model.engine '{config.model.engine}' does not exist: choose from {', '.join(BACKENDS)}")
    return BACKENDS[config.model.engine]


def step_0_judge(config: Config) -> Callable[[str, str], str]:
    """(system prompt, user prompt) → the untrained model's answer."""
    if (made := chosen(config).step_0_judge) is None:
        raise ConfigError(
            f"oversight.judge 'step-0': with model.engine '{config.model.engine}' the model is held elsewhere; give a "
            "judge's address, as --oversight.judge http://host:8000/v1"
        )
    return made(config)


def positions(name: str) -> int | None:
    """How many tokens the model `name` sees at once; ``None`` where no bound is known, here or at all."""
    name = local.model_name(name)
    return None if plan.known(name) else loading.positions(name)


def settled(config: Config, name: str, report: Callable[[str], None] = lambda _: None) -> Config:
    """`config` with what the machine and the model `name` decide, decided once: threads, and how the model is asked.

    `report` is told before the threads are measured, which takes seconds.
    """
    config = _with_chat(config, name)
    if config.model.threads or chosen(config).memory is None or local.device(config) != "cpu":
        return config
    report("measuring how many threads are quickest …")
    model, _ = local.load(config, name)
    found = threads.measured(model, min(config.optimizer.microbatch_tokens, 2048))
    return replace(config, model=replace(config.model, threads=found))


def _with_chat(config: Config, name: str) -> Config:
    if config.model.chat != "auto":
        return config
    tuned = chat.tuned(loading.codec(local.model_name(name)))
    return replace(config, model=replace(config.model, chat="template" if tuned else "plain"))


def conversation(config: Config, name: str) -> tuple[Prompts, Codec, Config]:
    """How the model `name` is asked: the prompts, its codec, and `config` with what ``model.chat auto`` chose."""
    config = _with_chat(config, name)
    codec = local.ending(config, loading.codec(local.model_name(name)))
    return Prompts(config.tasks.prompts, frame(config, name)), codec, config


def notes(learner: Learner) -> list[str]:
    """What to know about how `learner` computes, a line each."""
    match learner:
        case RemoteLearner(group):
            return notes(group.learner)
        case ColocatedLearner():
            return notes(learner.learner)
        case LocalLearner() if not learner.shares_prompts:
            return [
                "each update computes a prompt again for every row of it: "
                f"{shared_prefix.obstacle(learner.model)} takes no packed rows"
            ]
    return []


def frame(config: Config, name: str) -> ChatFrame | None:
    """The chat template of the model `name`, if a settled config asks by it; None for plain text."""
    if config.model.chat != "template":
        return None
    return partial(chat.frame, loading.codec(local.model_name(name)))


@contextmanager
def worker_group(config: Config) -> Iterator[None]:
    """Meet the processes that ``torchrun`` started beside this one, if it did, and let them go at a good end."""
    if sharding.world().size > 1 and chosen(config).worker_group is None:
        raise ConfigError(f"model.engine '{config.model.engine}' is one process of ours: start it without torchrun")
    with sharding.joined(local.device(config)) as world:
        yield
        world.tell(None)


def worker_loop(config: Config) -> bool:
    """Whether this is a process that ``torchrun`` started to work for another one; when this returns, it has."""
    if sharding.world().leads:
        return False
    if group := chosen(config).worker_group:
        with sharding.joined(local.device(config)):
            group(config).worker_loop()
    return True
