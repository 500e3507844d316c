"""The backend ``local``: torch and transformers, in this process or in all those that ``torchrun`` started."""

import random
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

import torch
import transformers
from transformers import PreTrainedModel

from abzero.algo import losses
from abzero.config.config import Config
from abzero.config.schema import Loss, Optimizer
from abzero.errors import ConfigError
from abzero.policy.base import Generator, Learner, RolloutEnded, unheard
from abzero.policy.frozen import FrozenGenerator
from abzero.policy.local import plan, sharding
from abzero.policy.local.generator import LocalGenerator
from abzero.policy.local.hf_engine import CACHE_BYTES
from abzero.policy.local.learner import LocalLearner
from abzero.policy.local.optimizer import adam, adam_8bit
from abzero.policy.local.sharding import World
from abzero.policy.local.worker_group import RemoteGenerator, RemoteLearner, WorkerGroup
from abzero.policy.models import chat, gguf, loading, lora
from abzero.policy.models.tokenizer import Codec
from abzero.policy.optimisation import Optimisation
from abzero.policy.schedules import SCHEDULES
from abzero.run.checkpoint import Checkpoints
from abzero.types import Prompt, Role

TINY = Path(__file__).parents[2] / "tiny" / "weights"
"""The model in the box, which goes by the name ``tiny``."""

VERSION = f"torch {torch.__version__}, transformers {transformers.__version__}"
"""Of the libraries that compute what a model says."""

WEIGHTINGS = {
    "sequence": losses.sequence_weights,
    "token": losses.token_weights,
    "role_token": losses.role_token_weights,
}
"""How tokens are weighed in the loss, by the name of ``loss.reduction``."""

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def policy(config: Config, done: RolloutEnded = unheard) -> tuple[Generator, Generator, Learner]:
    """Proposer, solver and learner: one model in two roles, unless the proposer is a frozen copy."""
    group = worker_group(config, done)
    generators: Sequence[Generator] = group.generators
    learner: Learner = group.learner
    if group.world.size > 1:
        generators = [RemoteGenerator(group, number) for number in range(len(group.generators))]
        learner = RemoteLearner(group)
    solver, *copies = generators
    return FrozenGenerator(copies[0]) if copies else solver, solver, learner


def worker_group(config: Config, done: RolloutEnded = unheard) -> WorkerGroup:
    """This process' learner, the generator that follows it and, where the config asks for it, one that does not."""
    world = sharding.world()
    if world.size > 1:
        done = partial(_times, done, world.size)
    model, codec = load(config, config.model.name)
    trained = learner(config, model, codec, world)
    generators = [generator(config, trained.whole(), codec, config.sampling.temperature, done)]
    if config.propose.frozen_copy:
        generators.append(generator(config, *load(config, config.model.name), config.sampling.temperature, done))
    return WorkerGroup(world, trained, generators)


def _times(done: RolloutEnded, size: int, count: int) -> None:
    """Tell `done` of all processes, as if the others were as far as this one."""
    done(count * size)


def learner(config: Config, model: PreTrainedModel, codec: Codec, world: World) -> LocalLearner:
    """A learner that trains `model` in place, or an adapter on it."""
    if config.model.lora_rank:
        if gguf.named(config.model.name):
            raise ConfigError(
                f"model.lora-rank {config.model.lora_rank}: an adapter needs a folder to refer to as its base; write "
                f"one first, abzero export {config.model.name} FOLDER, and give --model.name FOLDER"
            )
        lora.add(model, config.model.lora_rank, config.model.lora_alpha, config.seed)
    return LocalLearner(
        model,
        codec,
        objective=objective(config.loss),
        weighting=weighting(config.loss),
        optimisation=optimisation(config.optimizer, config.steps),
        adam=adam_8bit if config.optimizer.eight_bit else adam,
        temperature=config.sampling.temperature,
        micro_batch_tokens=config.optimizer.microbatch_tokens,
        checkpointing=config.model.gradient_checkpointing,
        gap_limit=config.loss.max_gap,
        head=torch.float32 if config.model.fp32_head else None,
        world=world,
    )


def generator(
    config: Config, model: PreTrainedModel, codec: Codec, temperature: float, done: RolloutEnded = unheard
) -> LocalGenerator:
    """A generator that holds the weights of `model`, until it is synced."""
    return LocalGenerator(
        model,
        codec,
        temperature=temperature,
        max_prompt_tokens=config.sampling.max_prompt_tokens,
        max_tokens=config.sampling.max_tokens,
        dtype=sampler_dtype(config),
        wide_head=config.model.fp32_head,
        stop=config.sampling.stop,
        done=done,
    )


VERDICT_TOKENS = 300
"""Tokens of a verdict, at most."""
_PLACE = "[the text to be judged]"


def step_0_judge(config: Config) -> Callable[[str, str], str]:
    """The model as it was before training, as a judge: (system prompt, user prompt) → its answer, greedy.

    It is a copy of its own, in the sampler's type, loaded when it is first asked. Raises `ValueError`, when asked, for
    what is longer than the prompts of the run.
    """

    @cache
    def loaded() -> tuple[LocalGenerator, Codec]:
        model, codec = load(config, config.model.name)
        generator = LocalGenerator(
            model,
            codec,
            temperature=0.0,
            max_prompt_tokens=config.sampling.max_prompt_tokens,
            max_tokens=VERDICT_TOKENS,
            dtype=sampler_dtype(config),
        )
        return generator, codec

    def ask(system: str, user: str) -> str:
        base, codec = loaded()
        whole = f"{system}\n\n{_PLACE}\n"
        if codec.tokenizer.chat_template:
            messages = [{"role": "system", "content": system}, {"role": "user", "content": _PLACE}]
            whole = str(codec.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
        before, _, after = whole.partition(_PLACE)
        prompt = Prompt.of(before, user, after)
        if not base.fits(prompt):
            raise ValueError("the completion is longer than the step-0 model reads at once")
        return base.generate([prompt], 1, random.Random(0))[0][0].text

    return ask


def load(config: Config, name: str) -> tuple[PreTrainedModel, Codec]:
    loading.check_context(model_name(name), config.sampling.max_prompt_tokens, config.sampling.max_tokens)
    if config.model.threads:
        torch.set_num_threads(config.model.threads)
    model, codec = loading.load(model_name(name), dtype=_DTYPES[config.model.dtype], device=device(config))
    return model, ending(config, codec)


def ending(config: Config, codec: Codec) -> Codec:
    """`codec`, which ends a reply where the chat template closes a turn, too, if the model is asked in that."""
    closer = chat.closer(codec) if config.model.chat == "template" else None
    if closer is not None:
        codec.ends |= {closer}
    return codec


def model_name(name: str) -> str:
    """What to load for a model's name: a folder, or a Hugging Face name. A run's folder is its newest model."""
    if name == "tiny":
        return str(TINY)
    checkpoints = Checkpoints(Path(name) / "checkpoints")
    if not checkpoints.folder.is_dir():
        return name
    newest = checkpoints.latest()
    if newest is None or not (newest / "model").is_dir():
        raise ConfigError(f"run '{name}' holds no model yet, or on another engine: name another run, or a model")
    return str(newest / "model")


def device(config: Config) -> str:
    chosen = loading.device() if config.model.device == "auto" else config.model.device
    if chosen == "cuda" and not torch.cuda.is_available():
        raise ConfigError("model.device 'cuda': this machine has no CUDA device; set --model.device cpu")
    if chosen == "mps" and not torch.backends.mps.is_available():
        raise ConfigError("model.device 'mps': this machine has no Metal device; set --model.device cpu")
    return chosen


def quickest_dtype(device: str) -> torch.dtype:
    """What to sample in: bfloat16 where the hardware multiplies it."""
    if device == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return torch.bfloat16 if device == "cpu" and capabilities.get("avx512_bf16") else torch.float32


def sampler_dtype(config: Config) -> torch.dtype:
    dtype = config.model.sampler_dtype
    return quickest_dtype(device(config)) if dtype == "auto" else _DTYPES[dtype]


def memory(config: Config) -> plan.Setup:
    """What a run's memory depends on."""
    return plan.Setup(
        width=_DTYPES[config.model.dtype].itemsize,
        sampler_width=sampler_dtype(config).itemsize,
        moments=2 if config.optimizer.eight_bit else 8,
        rank=config.model.lora_rank,
        reference=config.loss.kl > 0,
        frozen=config.propose.frozen_copy or config.oversight.judge == "step-0",
        checkpointing=config.model.gradient_checkpointing,
        micro_batch_tokens=config.optimizer.microbatch_tokens,
        rows=max(config.solve.attempts, config.propose.samples if config.solve.reuse_estimates else 1),
        max_prompt_tokens=config.sampling.max_prompt_tokens,
        max_tokens=config.sampling.max_tokens,
        cache_bytes=CACHE_BYTES,
        on_cpu=device(config) == "cpu",
        wide_head=config.model.fp32_head,
    )


def where(config: Config) -> str:
    """Where the model runs, in words."""
    chosen, count = device(config), config.model.threads
    words = f"cpu ({count} thread{'s' * (count > 1)})" if chosen == "cpu" else chosen
    size = sharding.world().size
    return words if size == 1 else f"{words}, {size} processes"


def objective(loss: Loss) -> losses.Objective:
    return losses.Objective(
        clip_low=loss.clip_low,
        clip_high=loss.clip_high,
        importance_cap=loss.importance_cap,
        kl=loss.kl,
        entropy=loss.entropy,
        dual_clip=loss.dual_clip,
        ratio=losses.RATIOS[loss.ratio],
        surrogate=losses.SURROGATES[loss.surrogate],
    )


def weighting(loss: Loss) -> losses.Weighting:
    roles: dict[Role, float] = {"propose": loss.propose_weight, "solve": loss.solve_weight}
    return losses.scaled(WEIGHTINGS[loss.reduction], loss.truncated, roles)


def optimisation(optimizer: Optimizer, steps: int) -> Optimisation:
    return Optimisation(
        learning_rate=optimizer.lr,
        betas=optimizer.betas,
        weight_decay=optimizer.weight_decay,
        clip_norm=optimizer.clip,
        warmup=optimizer.warmup,
        minibatches=optimizer.minibatches,
        schedule=SCHEDULES[optimizer.schedule],
        total=steps * optimizer.minibatches,
        skips=optimizer.skips,
    )
