"""vLLM itself (extra ``[vllm]``), in this process: the one file that imports it."""

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar, cast

import torch
from torch import Tensor
from transformers import PreTrainedModel

from abzero.errors import BackendError, ConfigError
from abzero.policy.local.hf_engine import cache_bytes_per_token
from abzero.policy.local.sampling import SampledRow
from abzero.policy.models import lora

ENVIRONMENT = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_LOGGING_LEVEL": "ERROR", "VLLM_NO_USAGE_STATS": "1"}
"""What vLLM is told in no other way: to run in this process, to be quiet, and to report to nobody."""
BLOCK = 128
"""Tokens by which vLLM hands out its cache, at most."""
RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""Ranks of adapters that vLLM makes room for."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CacheBudget:
    """What the engine may take."""

    cache_bytes: int = 4 << 30
    """Keys and values held at once, at most."""
    sequences: int = 256
    """Rollouts that grow at once, at most."""


class Logprob(Protocol):
    logprob: float


class Completion(Protocol):
    token_ids: Sequence[int]
    logprobs: Sequence[Mapping[int, Logprob]]
    finish_reason: str


class Output(Protocol):
    outputs: Sequence[Completion]
    prompt_logprobs: Sequence[Mapping[int, Logprob] | None]


class Llm(Protocol):
    """As much of ``vllm.LLM`` as is used here."""

    def generate(
        self, prompts: object, sampling_params: object, *, use_tqdm: bool, lora_request: object
    ) -> list[Output]: ...
    def collective_rpc(self, method: str, *, kwargs: Mapping[str, object]) -> object: ...
    def reset_prefix_cache(self) -> bool: ...
    def sleep(self, level: int) -> object: ...
    def wake_up(self, tags: list[str]) -> object: ...
    @property
    def llm_engine(self) -> "Adapters": ...


class Adapters(Protocol):
    """What ``vllm.LLM`` keeps its adapters in."""

    def add_lora(self, lora_request: object) -> bool: ...
    def remove_lora(self, lora_id: int) -> bool: ...


class VllmEngine:
    """An engine for models of this one's shape, on random weights; `sleeps` says whether it can give memory back.

    One is enough for a process: when one ends, so does what vLLM keeps for the process and all engines in it.
    """

    def __init__(
        self, model: PreTrainedModel, *, dtype: torch.dtype, length: int, cache: CacheBudget | None = None
    ) -> None:
        """For texts of up to `length` tokens, computing in `dtype` on the model's device. Raises `BackendError`."""
        self.dtype = dtype
        self.sleeps = model.device.type == "cuda"
        self._llm = start(model, dtype, length, cache or CacheBudget())
        self._adapters = 0
        self._adapter: object | None = None

    def load(self, weights: Iterable[tuple[str, Tensor]]) -> None:
        """Take over `weights`, named as in a checkpoint, in any type.

        A head that is tied to the embeddings must be among them, although checkpoints leave it out: on CPU vLLM
        multiplies by packed copies of weights, and its reload makes new copies only of what it is given.
        """
        _tried(lambda: self._llm.collective_rpc("reload_weights", kwargs={"weights_iterator": weights}))

    def adapt(self, save: Callable[[str], object]) -> None:
        """Take over the adapter that `save` writes into a folder, in place of the one before it."""
        from vllm.lora.request import LoRARequest

        with tempfile.TemporaryDirectory(prefix="abzero-vllm-") as folder:
            save(folder)
            if self._adapters:
                _tried(lambda: self._llm.llm_engine.remove_lora(self._adapters))
            self._adapters += 1
            request = LoRARequest("policy", self._adapters, folder)
            if not _tried(lambda: self._llm.llm_engine.add_lora(request)):
                raise BackendError("vLLM: the adapter was not taken")
        self._adapter = request

    def sleep(self) -> None:
        """Give back the memory of weights and cache; both are lost."""
        _tried(lambda: self._llm.sleep(level=2))

    def wake(self, part: str) -> None:
        """Take memory again for ``weights`` or ``kv_cache``."""
        _tried(lambda: self._llm.wake_up(tags=[part]))

    def score(self, rows: Sequence[Sequence[int]]) -> list[list[float]]:
        """Log-probability of every token but the first of each row, at temperature 1."""
        outputs = self._run(rows, [{"max_tokens": 1, "prompt_logprobs": 0} for _ in rows])
        return [
            [found[token].logprob for token, found in zip(row, output.prompt_logprobs, strict=True) if found]
            for row, output in zip(rows, outputs, strict=True)
        ]

    def sample(
        self, texts: Sequence[Sequence[int]], seeds: Sequence[int], new: int, temperature: float, stops: Sequence[int]
    ) -> list[SampledRow]:
        """One sample after each of `texts`, of at most `new` tokens, with nothing of the distribution cut off."""
        common = {"temperature": temperature, "max_tokens": new, "stop_token_ids": list(stops), "logprobs": 0}
        outputs = self._run(texts, [common | {"seed": seed} for seed in seeds])
        return [_sample(output.outputs[0]) for output in outputs]

    def _run(self, texts: Sequence[Sequence[int]], settings: Sequence[Mapping[str, object]]) -> list[Output]:
        """Prompts that were seen before are computed again: whether they were must not show in the last digits."""
        from vllm import SamplingParams

        if not texts:
            return []
        self._llm.reset_prefix_cache()
        given = [{"prompt_token_ids": list(text)} for text in texts]
        parameters = [
            SamplingParams(top_p=1.0, top_k=0, min_p=0.0, ignore_eos=True, detokenize=False, **row) for row in settings
        ]
        return _tried(lambda: self._llm.generate(given, parameters, use_tqdm=False, lora_request=self._adapter))


def start(model: PreTrainedModel, dtype: torch.dtype, length: int, cache: CacheBudget) -> Llm:
    """Its threads are the process', so they are put back as they were."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        import vllm
    except ImportError as error:
        raise ConfigError(f"model.engine 'vllm' needs vLLM ({error}): pip install 'abzero[vllm]'") from error
    except RuntimeError as error:
        raise BackendError(f"vLLM does not import, perhaps for a torchvision of another torch: {error}") from error
    on_cpu = model.device.type == "cpu"
    per_token = cache_bytes_per_token(model) // model.dtype.itemsize * dtype.itemsize
    least, useful = ((1 + texts * -(-length // BLOCK)) * BLOCK * per_token for texts in (1, cache.sequences))
    if cache.cache_bytes < least:
        raise ConfigError(
            f"vllm.cache-gib {cache.cache_bytes / 2**30:.2g}: one text of {length} tokens takes {least / 2**30:.2g}; "
            "raise it, or lower sampling.max-tokens"
        )
    rank = lora.rank(model)
    if rank > RANKS[-1]:
        raise ConfigError(f"model.lora-rank {rank}: vLLM takes adapters of rank {RANKS[-1]} at most")
    adapters = {"max_loras": 1, "max_lora_rank": min(size for size in RANKS if size >= rank)} if rank else {}
    threads, set_threads = torch.get_num_threads(), torch.set_num_threads
    with tempfile.TemporaryDirectory(prefix="abzero-vllm-") as folder:
        model.config.save_pretrained(folder)
        try:
            llm = _tried(
                lambda: vllm.LLM(
                    folder,
                    skip_tokenizer_init=True,
                    load_format="dummy",
                    dtype=str(dtype).removeprefix("torch."),
                    max_model_len=length,
                    max_num_seqs=cache.sequences,
                    kv_cache_memory_bytes=min(cache.cache_bytes, useful),
                    logprobs_mode="processed_logprobs",
                    generation_config="vllm",
                    enable_sleep_mode=not on_cpu,
                    enforce_eager=on_cpu,
                    disable_log_stats=True,
                    enable_lora=rank > 0,
                    **adapters,
                )
            )
        finally:
            torch.set_num_threads = set_threads
            torch.set_num_threads(threads)
    return cast(Llm, llm)


def _tried(call: Callable[[], T]) -> T:
    """What `call` returns; what vLLM raises, of its own kinds or not, becomes a `BackendError`."""
    from vllm.exceptions import VLLMError

    try:
        return call()
    except (VLLMError, RuntimeError, ValueError, AssertionError, OSError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise BackendError(f"vLLM: {lines[0][:300]}") from error


def _sample(completion: Completion) -> SampledRow:
    chosen = zip(completion.token_ids, completion.logprobs, strict=True)
    return SampledRow(
        tokens=list(completion.token_ids),
        logprobs=[found[token].logprob for token, found in chosen],
        stopped=completion.finish_reason == "stop",
    )
