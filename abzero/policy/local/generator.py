"""The local generator: samples from a transformers model in this process, on CPU or one GPU."""

import copy
import random
from collections.abc import Sequence

import torch
from torch import nn
from transformers import PreTrainedModel

from abzero.errors import BackendError
from abzero.policy.base import Learner, RolloutEnded, unheard
from abzero.policy.local import packed_engine
from abzero.policy.local.cuda_graphs import CudaGraphEngine
from abzero.policy.local.hf_engine import HFEngine
from abzero.policy.local.learner import LocalLearner
from abzero.policy.local.sampling import Engine, SampledRow, sample
from abzero.policy.local.stops import StopStrings
from abzero.policy.models.tokenizer import Codec
from abzero.types import Rollout


class LocalGenerator:
    """Samples from `model`, and after `sync` from the learner's weights, computing in `dtype`."""

    def __init__(
        self,
        model: PreTrainedModel,
        codec: Codec,
        *,
        temperature: float = 1.0,
        max_prompt_tokens: int = 6144,
        max_tokens: int = 8096,
        dtype: torch.dtype = torch.float32,
        wide_head: bool = False,
        stop: Sequence[str] = (),
        done: RolloutEnded = unheard,
    ) -> None:
        """`wide_head` computes logits in fp32; a completion also ends with the token that completes one of `stop`."""
        self._codec = codec
        self._temperature = temperature
        self._max_prompt_tokens = max_prompt_tokens
        self._max_tokens = max_tokens
        self._dtype = dtype
        self._wide_head = wide_head
        self._stops = torch.tensor(sorted(codec.ends))
        self._strings = StopStrings(codec, stop) if stop else None
        self._done = done
        self._version = 0
        self._engine = engine(model, dtype, wide_head)

    def sync(self, learner: Learner) -> None:
        if not isinstance(learner, LocalLearner):
            raise BackendError(f"the local generator cannot take weights from a {type(learner).__name__}")
        del self._engine
        self._engine = engine(learner.whole(), self._dtype, self._wide_head)
        self._version = learner.version

    def fits(self, prompt: str) -> bool:
        return len(self._codec.encode(prompt)) <= self._max_prompt_tokens

    def generate(self, prompts: Sequence[str], n: int, rng: random.Random) -> list[list[Rollout]]:
        return self.sample(prompts, draw_seeds(len(prompts), n, rng))

    def sample(self, prompts: Sequence[str], seeds: Sequence[Sequence[int]]) -> list[list[Rollout]]:
        """One rollout of ``prompts[i]`` for each of its ``seeds[i]``."""
        encoded = [self._codec.encode(prompt) for prompt in prompts]
        limits = (self._max_tokens, self._temperature, self._stops, self._strings)
        rows = sample(self._engine, encoded, seeds, *limits, self._done)
        return [
            [rollout(self._codec, tokens, row, self._version) for row in samples]
            for tokens, samples in zip(encoded, rows, strict=True)
        ]


def draw_seeds(prompts: int, n: int, rng: random.Random) -> list[list[int]]:
    """What the `n` rollouts of each prompt draw from."""
    return [[rng.getrandbits(63) for _ in range(n)] for _ in range(prompts)]


def rollout(codec: Codec, prompt: list[int], row: SampledRow, version: int) -> Rollout:
    """The record of one sample."""
    last = row.tokens[-1:]
    return Rollout(
        prompt_tokens=prompt,
        tokens=row.tokens,
        logprobs=row.logprobs,
        text=codec.decode(row.tokens[:-1] if row.stopped and last[0] in codec.ends else row.tokens),
        finish="stop" if row.stopped else "length",
        version=version,
    )


def engine(model: PreTrainedModel, dtype: torch.dtype, wide_head: bool = False) -> Engine:
    """The quickest way to run `model` in `dtype` here: dense models packed on CPU if small, captured on CUDA.

    Logits are computed in `dtype`, too, or in fp32 with a `wide_head`.
    """
    known = packed_engine.fits(model)
    if known and model.device.type == "cpu" and model.num_parameters() <= packed_engine.PACKED_PARAMETERS:
        return packed_engine.PackedEngine(model, dtype, wide_head)
    same = model if model.dtype == dtype else converted(model, dtype)
    head = model.get_output_embeddings().weight.detach().float() if wide_head else None
    return CudaGraphEngine(same, head) if known and model.device.type == "cuda" else HFEngine(same, head)


def converted(model: PreTrainedModel, dtype: torch.dtype) -> PreTrainedModel:
    """A copy whose weights are in `dtype`. Buffers keep theirs: in bf16, rotary frequencies would be off by more with
    each position.
    """
    weights = {id(weight): nn.Parameter(weight.detach().to(dtype), False) for weight in model.parameters()}
    return copy.deepcopy(model, weights)
