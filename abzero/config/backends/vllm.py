"""The backend ``vllm``: the local learner, with vLLM to sample."""

from dataclasses import replace

from abzero.config.backends import local
from abzero.config.config import Config
from abzero.errors import ConfigError
from abzero.policy.base import Generator, Learner, RolloutEnded, unheard
from abzero.policy.frozen import FrozenGenerator
from abzero.policy.local import plan, sharding
from abzero.policy.vllm.engine import CacheBudget, VllmEngine
from abzero.policy.vllm.generator import ColocatedLearner, VllmGenerator


def policy(config: Config, done: RolloutEnded = unheard) -> tuple[Generator, Generator, Learner]:
    """The local learner, with vLLM to sample; a frozen proposer samples by transformers: vLLM holds one model.

    vLLM does not say how far it is, so `done` hears of the frozen proposer's rollouts alone.
    """
    if local.device(config) == "mps":
        raise ConfigError("model.engine 'vllm' samples on CUDA or CPU: set --model.device cpu, or --model.engine local")
    model, codec = local.load(config, config.model.name)
    learner = local.learner(config, model, codec, sharding.ALONE)
    sampling = config.sampling
    engine = VllmEngine(
        model,
        dtype=local.sampler_dtype(config),
        length=sampling.max_prompt_tokens + sampling.max_tokens,
        cache=CacheBudget(int(config.vllm.cache_gib * plan.GIB), config.vllm.sequences),
    )
    solver = VllmGenerator(
        engine,
        model,
        codec,
        temperature=sampling.temperature,
        max_prompt_tokens=sampling.max_prompt_tokens,
        max_tokens=sampling.max_tokens,
    )
    turns = ColocatedLearner(learner, solver)
    if not config.propose.frozen_copy:
        return solver, solver, turns
    copy = local.generator(config, *local.load(config, config.model.name), sampling.temperature, done)
    return FrozenGenerator(copy), solver, turns


def check(config: Config) -> None:
    """Refuse what only the local backend samples by."""
    for name, value in (("model.fp32-head", config.model.fp32_head), ("sampling.stop", config.sampling.stop)):
        if value:
            raise ConfigError(f"{name} {value}: leave it out, or set --model.engine local, which alone can do this")


def memory(config: Config) -> plan.Setup:
    """As the local backend's, but the sampler has weights of its own, and a cache of the size that the config says."""
    cache_bytes = int(config.vllm.cache_gib * plan.GIB)
    return replace(local.memory(config), cache_bytes=cache_bytes, separate_weights=True)
