"""vLLM in this process (extra ``[vllm]``): its kernels and its scheduler sample, on CUDA or CPU; the learner is ours.

The engine starts on random weights and gets the learner's by the same hand-over as at every `sync`, each one proved by
the parity probe. It runs in this process so that tensors are handed over as they are, without disk or wire between.
"""

import os
import random
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import torch
from torch import Tensor
from transformers import PreTrainedModel

from abzero.errors import BackendError, ConfigError
from abzero.policy import lora, parity
from abzero.policy.base import Learner
from abzero.policy.cached import cache_bytes_per_token
from abzero.policy.codec import Codec
from abzero.policy.learner import LocalLearner
from abzero.policy.local import rollout
from abzero.policy.sampling import Sample
from abzero.types import Experience, Rollout

ENVIRONMENT = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_LOGGING_LEVEL": "ERROR", "VLLM_NO_USAGE_STATS": "1"}
"""What vLLM takes from nowhere else: the engine in this process, quiet, and telling nobody."""
BLOCK = 128
"""Tokens by which vLLM hands out its cache, at most."""
_FAILURES = (RuntimeError, ValueError, AssertionError, NotImplementedError, OSError)
"""What vLLM raises when it cannot start or go on; its own errors are of these."""


class Llm(Protocol):
    """As much of ``vllm.LLM`` as is used here."""

    def generate(self, prompts: object, sampling_params: object, *, use_tqdm: bool) -> list["Output"]: ...
    def collective_rpc(self, method: str, *, kwargs: Mapping[str, object]) -> object: ...
    def reset_prefix_cache(self) -> bool: ...
    def sleep(self, level: int) -> None: ...
    def wake_up(self, tags: list[str]) -> None: ...


class Completion(Protocol):
    token_ids: Sequence[int]
    logprobs: Sequence[Mapping[int, "Logprob"]]
    finish_reason: str


class Logprob(Protocol):
    logprob: float


class Output(Protocol):
    outputs: Sequence[Completion]
    prompt_logprobs: Sequence[Mapping[int, Logprob] | None]


@dataclass(frozen=True, slots=True)
class Room:
    """What the engine may take."""

    cache_bytes: int = 4 << 30
    """Keys and values held at once, at most."""
    sequences: int = 256
    """Rollouts that grow at once, at most."""


class VllmGenerator:
    """Samples from weights of its own: those of `model`, and after `sync` the learner's, computing in `dtype`."""

    def __init__(
        self,
        model: PreTrainedModel,
        codec: Codec,
        *,
        temperature: float = 1.0,
        max_prompt_tokens: int = 6144,
        max_tokens: int = 8096,
        dtype: torch.dtype = torch.float32,
        room: Room | None = None,
        weights: Callable[[PreTrainedModel], Iterable[tuple[str, Tensor]]] = lora.plain_weights,
    ) -> None:
        """`weights` says what is handed over of a model, by its names in a checkpoint.

        A head that is tied to the embeddings must be among them, although checkpoints leave it out: on CPU vLLM
        multiplies by packed copies of weights, and its reload makes new copies only of what it is given.
        """
        self._codec = codec
        self._temperature = temperature
        self._max_prompt_tokens = max_prompt_tokens
        self._max_tokens = max_tokens
        self._limit = max(parity.LIMITS[dtype], parity.LIMITS[model.dtype])
        self._weights = weights
        self._version = 0
        self._asleep = False
        length = max_prompt_tokens + max_tokens
        self._rows = parity.rows(model.config.get_text_config().vocab_size, length - 1)
        self._llm = start(model, dtype, length, room or Room())
        self._sleeps = model.device.type == "cuda"
        self._take(model)

    def sync(self, learner: Learner) -> None:
        local = learner.learner if isinstance(learner, TakingTurns) else learner
        if not isinstance(local, LocalLearner):
            raise BackendError(f"vLLM cannot take weights from a {type(learner).__name__}")
        self._take(local.whole())
        self._version = learner.version

    def sleep(self) -> None:
        """Give the device's memory back until the next `sync`, where the platform knows how."""
        if self._sleeps and not self._asleep:
            self._llm.sleep(level=2)
            self._asleep = True

    def _take(self, model: PreTrainedModel) -> None:
        if self._asleep:
            self._llm.wake_up(tags=["weights"])
        try:
            self._llm.collective_rpc("reload_weights", kwargs={"weights_iterator": self._weights(model)})
        except _FAILURES as error:
            raise BackendError(f"vLLM did not take the learner's weights: {_brief(error)}") from error
        if self._asleep:
            self._llm.wake_up(tags=["kv_cache"])
        self._asleep = False
        parity.check(self._score(self._rows), parity.logprobs(model, self._rows), self._limit, "vLLM")

    def _score(self, rows: Sequence[Sequence[int]]) -> list[list[float]]:
        """Log-probability of every token but the first of each row, at temperature 1."""
        outputs = self._run(rows, [{"max_tokens": 1, "prompt_logprobs": 0} for _ in rows])
        return [
            [found[token].logprob for token, found in zip(row, output.prompt_logprobs, strict=True) if found]
            for row, output in zip(rows, outputs, strict=True)
        ]

    def fits(self, prompt: str) -> bool:
        return len(self._codec.encode(prompt)) <= self._max_prompt_tokens

    def generate(self, prompts: Sequence[str], n: int, rng: random.Random) -> list[list[Rollout]]:
        if self._asleep:
            raise BackendError("vLLM gave its weights up for the update: sync before sampling again")
        texts = [tokens for tokens in map(self._codec.encode, prompts) for _ in range(n)]
        settings = {
            "temperature": self._temperature,
            "max_tokens": self._max_tokens,
            "stop_token_ids": sorted(self._codec.ends),
            "logprobs": 0,
        }
        outputs = self._run(texts, [settings | {"seed": rng.getrandbits(63)} for _ in texts])
        rollouts = [
            rollout(self._codec, tokens, _sample(output.outputs[0]), self._version)
            for tokens, output in zip(texts, outputs, strict=True)
        ]
        return [rollouts[start : start + n] for start in range(0, len(rollouts), n)] if n else [[] for _ in prompts]

    def _run(self, texts: Sequence[Sequence[int]], settings: Sequence[Mapping[str, object]]) -> list[Output]:
        """Top-p 1 and top-k off, vLLM's defaults. The cache of prompts is dropped, so that equal calls are equal."""
        from vllm import SamplingParams

        if not texts:
            return []
        self._llm.reset_prefix_cache()
        parameters = [SamplingParams(ignore_eos=True, detokenize=False, **row) for row in settings]
        try:
            return self._llm.generate([{"prompt_token_ids": list(row)} for row in texts], parameters, use_tqdm=False)
        except _FAILURES as error:
            raise BackendError(
                f"vLLM stopped: {_brief(error)}; abzero resume goes on from the last checkpoint"
            ) from error


@dataclass(frozen=True, slots=True)
class TakingTurns:
    """A learner on the sampler's device: `sampler` sleeps while it updates."""

    learner: LocalLearner
    sampler: VllmGenerator

    @property
    def version(self) -> int:
        return self.learner.version

    def update(self, batch: Sequence[Experience]) -> Mapping[str, float]:
        self.sampler.sleep()
        return self.learner.update(batch)

    def save(self, folder: Path) -> None:
        self.learner.save(folder)

    def load(self, folder: Path) -> None:
        self.learner.load(folder)


def start(model: PreTrainedModel, dtype: torch.dtype, length: int, room: Room) -> Llm:
    """An engine for models of this shape and texts of up to `length` tokens, on random weights."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        import vllm
    except ImportError as error:
        raise ConfigError("model.engine 'vllm' needs vLLM: pip install abzero[vllm]") from error
    per_token = cache_bytes_per_token(model) // model.dtype.itemsize * dtype.itemsize
    useful = (1 + room.sequences * -(-length // BLOCK)) * BLOCK * per_token
    threads, set_threads = torch.get_num_threads(), torch.set_num_threads
    on_cpu = model.device.type == "cpu"
    with tempfile.TemporaryDirectory(prefix="abzero-vllm-") as folder:
        model.config.save_pretrained(folder)
        try:
            llm = vllm.LLM(
                folder,
                skip_tokenizer_init=True,
                load_format="dummy",
                dtype=str(dtype).removeprefix("torch."),
                max_model_len=length,
                max_num_seqs=room.sequences,
                kv_cache_memory_bytes=min(room.cache_bytes, useful),
                logprobs_mode="processed_logprobs",
                generation_config="vllm",
                enable_sleep_mode=not on_cpu,
                enforce_eager=on_cpu,
                disable_log_stats=True,
            )
        except _FAILURES as error:
            raise BackendError(
                f"vLLM did not start: {_brief(error)}; vllm.* and sampling.* bound what it takes"
            ) from error
        finally:
            torch.set_num_threads = set_threads
            torch.set_num_threads(threads)
    return cast(Llm, llm)


def _sample(completion: Completion) -> Sample:
    chosen = zip(completion.token_ids, completion.logprobs, strict=True)
    return Sample(
        tokens=list(completion.token_ids),
        logprobs=[found[token].logprob for token, found in chosen],
        stopped=completion.finish_reason == "stop",
    )


def _brief(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300]
