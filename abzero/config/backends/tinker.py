"""The backend ``tinker``: everything on a server that speaks the Tinker API; only the tokenizer is here."""

from abzero.config.backends import local
from abzero.config.config import Config
from abzero.errors import ConfigError
from abzero.policy.base import Generator, Learner, RolloutEnded, unheard
from abzero.policy.frozen import FrozenGenerator
from abzero.policy.models import loading
from abzero.policy.tinker.servers import SERVERS

UNCLIPPED = 1e9
"""An ``optimizer.clip`` that no gradient reaches."""

SERVER_DECIDES = (
    *("model.device", "model.dtype", "model.sampler-dtype", "model.lora-alpha", "model.gradient-checkpointing"),
    *("optimizer.eight-bit", "optimizer.microbatch-tokens", "optimizer.skips", "model.fp32-head", "sampling.stop"),
)
"""Settings of a backend on this machine."""


def policy(config: Config, done: RolloutEnded = unheard) -> tuple[Generator, Generator, Learner]:
    """Proposer, solver and learner on the server, which is tried first."""
    from abzero.policy.tinker import reduction_probe
    from abzero.policy.tinker.client import ANY_KEY, Link
    from abzero.policy.tinker.generator import TinkerGenerator
    from abzero.policy.tinker.learner import TinkerLearner

    settings, name = config.tinker, local.model_name(config.model.name)
    server = SERVERS[settings.server]
    loading.check_context(name, config.sampling.max_prompt_tokens, config.sampling.max_tokens)
    codec = local.ending(config, loading.codec(name))
    link = Link(
        settings.url,
        settings.model or name,
        key=None if settings.server == "hosted" else ANY_KEY,
        seconds=settings.timeout,
        connect_seconds=settings.connect_timeout,
    )
    rank = config.model.lora_rank
    trainer = link.trainer(rank, config.seed)
    reduction_probe.prove(trainer, lambda: link.trainer(rank, config.seed), server, codec.encode(reduction_probe.TEXT))
    learner = TinkerLearner(
        trainer,
        server,
        objective=local.objective(config.loss),
        weighting=local.weighting(config.loss),
        optimisation=local.optimisation(config.optimizer, config.steps),
        gap_limit=config.loss.max_gap,
    )
    limits = {"max_prompt_tokens": config.sampling.max_prompt_tokens, "max_tokens": config.sampling.max_tokens}
    solver = TinkerGenerator(learner.sampler(), codec, temperature=config.sampling.temperature, done=done, **limits)
    if not config.propose.frozen_copy:
        return solver, solver, learner
    copy = TinkerGenerator(link.base(), codec, temperature=config.sampling.temperature, done=done, **limits)
    return FrozenGenerator(copy), solver, learner


def check(config: Config) -> None:
    """Refuse what a Tinker server cannot do, or decides by itself: a setting is never ignored."""
    for name in SERVER_DECIDES:
        group, _, field_ = name.replace("-", "_").partition(".")
        settings = getattr(config, group)
        value = getattr(settings, field_)
        if value != getattr(type(settings)(), field_):
            raise ConfigError(f"{name} {value}: a Tinker server decides this by itself; leave it out")
    for name, value, wanted in (
        ("sampling.temperature", config.sampling.temperature, 1.0),
        ("loss.entropy", config.loss.entropy, 0.0),
        ("loss.kl", config.loss.kl, 0.0),
    ):
        if value != wanted:
            raise ConfigError(f"{name} {value}: a Tinker server's learner cannot do this; set --{name} {wanted:g}")
    server, rank = SERVERS[config.tinker.server], config.model.lora_rank
    if not server.clips and config.optimizer.clip < UNCLIPPED:
        raise ConfigError(
            f"optimizer.clip {config.optimizer.clip}: a '{config.tinker.server}' server does not clip a gradient on "
            f"request; set --optimizer.clip {UNCLIPPED:g}, which is none"
        )
    if not (server.adapters if rank else server.full):
        remedy = "set --model.lora-rank 0, for all weights" if rank else "set --model.lora-rank 32, or another rank"
        raise ConfigError(f"model.lora-rank {rank}: a '{config.tinker.server}' server cannot train this; {remedy}")


def where(config: Config) -> str:
    """Where the model runs, in words."""
    return f"the Tinker server at {config.tinker.url}"
