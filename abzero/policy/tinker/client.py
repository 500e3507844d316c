"""The one file that knows the Tinker SDK. Token ids in, token ids out; every call has a timeout and ends in words."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from threading import Thread
from types import TracebackType
from typing import TypeVar

from abzero.errors import AbzeroError, BackendError, ConfigError, RunError
from abzero.policy.base import RolloutEnded, unheard
from abzero.policy.tinker import health
from abzero.policy.tinker.records import Adam, SampledSequence
from abzero.types import Rollout

try:
    import httpx
    import tinker
    from tinker import types
    from tinker.lib.retryable_exception import RetryableException
except ImportError as error:
    raise ConfigError("model.engine 'tinker' needs the Tinker SDK: pip install 'abzero[tinker]'") from error

T = TypeVar("T")

ANY_KEY = "tml-abzero"
"""What the SDK wants to see where the server asks for no key."""
TELEMETRY = "TINKER_TELEMETRY"
"""Off unless it was asked for: the SDK would report to a server that is gone, for half a minute after the last word."""
LOOKS = 3
"""A server that was not well so many times in a row is taken for gone."""
ANSWERS = (tinker.APIStatusError, tinker.RequestFailedError, ValueError)
"""What the SDK raises when the server has answered, but not with a result."""
SILENCES = (tinker.TinkerError, httpx.HTTPError, TimeoutError, RetryableException)
"""What it raises when there was no answer that it understood; the answers above are to be caught first."""


class Link:
    """A session with the server at `url`, on its model `model`. Calls raise `BackendError` within `seconds`."""

    def __init__(
        self,
        url: str,
        model: str,
        *,
        key: str | None,
        seconds: float,
        connect_seconds: float,
        look_seconds: float = 5.0,
    ) -> None:
        """`key` is ``None`` where the SDK is to find one in its environment; `seconds` may be changed between calls.

        While a call is under way, the server is asked every `look_seconds` whether it is well.
        """
        health.check(url, connect_seconds)
        os.environ.setdefault(TELEMETRY, "0")
        self.url = url
        self._model = model
        self.seconds = seconds
        self._connect_seconds = connect_seconds
        self._look_seconds = look_seconds
        self._client = self.call("connect", lambda: tinker.ServiceClient(base_url=url, api_key=key))
        offered = self.call("get_server_capabilities", self._client.get_server_capabilities).supported_models
        names = [str(one.model_name) for one in offered]
        if model not in names:
            raise ConfigError(
                f"the Tinker server at {url} has no model {model!r}: give --tinker.model one of {', '.join(names)}"
            )

    def trainer(self, rank: int, seed: int) -> "Trainer":
        """A new model to train: an adapter of `rank`, or all weights for 0."""
        return Trainer(
            self,
            self.call(
                "create_lora_training_client",
                lambda: self._client.create_lora_training_client(base_model=self._model, rank=rank, seed=seed),
            ),
        )

    def base(self) -> "Sampler":
        """Samples from the weights that training began with."""
        return Sampler(
            self,
            self.call("create_sampling_client", lambda: self._client.create_sampling_client(base_model=self._model)),
        )

    def call(self, what: str, work: Callable[[], T], refusal: type[AbzeroError] = BackendError) -> T:
        """What `work` returns. Raises `refusal` where the server says no, `BackendError` where it says nothing."""
        running = _start(work)
        deadline = time.monotonic() + self.seconds
        missed = 0
        while not running.done():
            wait([running], timeout=min(self._look_seconds, max(deadline - time.monotonic(), 0.0)))
            if running.done():
                break
            if time.monotonic() >= deadline:
                raise BackendError(
                    f"{what} took the Tinker server at {self.url} more than {self.seconds:g} s: look at its log, or "
                    "raise tinker.timeout, then resume"
                )
            missed = self._look(what, missed)
        try:
            return running.result()
        except ANSWERS as error:
            raise refusal(
                f"the Tinker server at {self.url} refused {what} ({_brief(error)}); if that does not say why, it may "
                f"be of another version than the SDK here, {tinker.__version__}"
            ) from error
        except SILENCES as error:
            raise BackendError(
                f"{what} failed at the Tinker server at {self.url} ({_brief(error)}): look at its log, then resume"
            ) from error

    def _look(self, what: str, missed: int) -> int:
        """How many times in a row the server was not there, now that it was looked for once more."""
        try:
            health.check(self.url, self._connect_seconds)
        except BackendError as error:
            if missed + 1 < LOOKS:
                return missed + 1
            raise BackendError(
                f"the Tinker server went away during {what}; resume when it is back. Last seen: {error}"
            ) from error
        return 0


class Trainer:
    """The weights and the optimizer of one model on the server."""

    def __init__(self, link: Link, client: tinker.TrainingClient) -> None:
        self._link = link
        self._client = client

    def logprobs(self, rows: Sequence[Rollout]) -> list[list[float]]:
        """Of each row's response tokens, at temperature 1."""
        data = [_datum(row, weights=[1.0] * len(row.tokens)) for row in rows]
        output = self._link.call("forward", lambda: self._client.forward(data, "cross_entropy").result())
        found = [row["logprobs"].tolist() if "logprobs" in row else [] for row in output.loss_fn_outputs]
        if [len(values) for values in found] != [datum.model_input.length for datum in data]:
            raise BackendError(f"the Tinker server at {self._link.url} lost log-probabilities on the way")
        return [values[-len(row.tokens) :] for values, row in zip(found, rows, strict=True)]

    def backward(
        self,
        rows: Sequence[Rollout],
        coefficients: Sequence[Sequence[float]],
        logprobs: Sequence[Sequence[float]],
        loss: types.LossFnType = "importance_sampling",
    ) -> Mapping[str, float]:
        """Add up the gradient of -ratio * coefficient, token by token, reduced as the server does; its metrics.

        The ratio is that of the weights' probabilities to `logprobs`; the loss ``ppo`` clips it to [0.8, 1.2].
        """
        columns = zip(rows, coefficients, logprobs, strict=True)
        data = [_datum(row, advantages=some, logprobs=others) for row, some, others in columns]
        settings = {"clip_low_threshold": 0.8, "clip_high_threshold": 1.2} if loss == "ppo" else None
        output = self._link.call(
            "forward_backward", lambda: self._client.forward_backward(data, loss, settings).result()
        )
        return output.metrics

    def step(self, adam: Adam) -> Mapping[str, float]:
        """One optimizer step on the gradients so far; its metrics."""
        params = types.AdamParams(
            learning_rate=adam.learning_rate,
            beta1=adam.betas[0],
            beta2=adam.betas[1],
            eps=adam.eps,
            weight_decay=adam.weight_decay,
            grad_clip_norm=adam.clip_norm,
        )
        return self._link.call("optim_step", lambda: self._client.optim_step(params).result()).metrics or {}

    def save(self, name: str) -> str:
        """Keep weights and optimizer on the server; the path by which it finds them again."""
        return str(self._link.call("save_state", lambda: self._client.save_state(name).result()).path)

    def load(self, path: str) -> None:
        """Take up again what `save` kept. Raises `RunError` if the server does not have it."""
        self._link.call(
            f"load_state_with_optimizer of {path}",
            lambda: self._client.load_state_with_optimizer(path).result(),
            refusal=RunError,
        )

    def sampler(self) -> "Sampler":
        """Samples from the weights as they are now, whatever becomes of them."""
        return Sampler(
            self._link,
            self._link.call(
                "save_weights_and_get_sampling_client", lambda: self._client.save_weights_and_get_sampling_client()
            ),
        )


class Sampler:
    """Some weights on the server, to sample from."""

    def __init__(self, link: Link, client: tinker.SamplingClient) -> None:
        self._link = link
        self._client = client

    def sample(
        self,
        prompts: Sequence[Sequence[int]],
        n: int,
        seeds: Sequence[int],
        max_tokens: int,
        temperature: float,
        stops: Sequence[int],
        done: RolloutEnded = unheard,
    ) -> list[list[SampledSequence]]:
        """`n` completions of each prompt, in order; the server draws them from the prompt's seed."""

        def came(future: Future[types.SampleResponse]) -> types.SampleResponse:
            response = future.result()
            done(len(response.sequences))
            return response

        def work() -> list[types.SampleResponse]:
            waiting = [
                self._client.sample(
                    types.ModelInput.from_ints(list(prompt)),
                    n,
                    types.SamplingParams(
                        max_tokens=max_tokens, seed=seed, stop=list(stops), temperature=temperature, top_k=-1, top_p=1.0
                    ),
                )
                for prompt, seed in zip(prompts, seeds, strict=True)
            ]
            return [came(future) for future in waiting]

        groups = [response.sequences for response in self._link.call("sample", work)]
        if any(len(group) != n for group in groups):
            raise BackendError(f"the Tinker server at {self._link.url} did not send {n} samples of each prompt")
        return [[self._whole(one.tokens, one.logprobs) for one in group] for group in groups]

    def _whole(self, tokens: Sequence[int], logprobs: Sequence[float] | None) -> SampledSequence:
        if logprobs is None or len(logprobs) != len(tokens):
            raise BackendError(f"the Tinker server at {self._link.url} sampled tokens without their log-probabilities")
        return SampledSequence(list(tokens), list(logprobs))


def metric(metrics: Mapping[str, float], name: str) -> float | None:
    """The one whose name holds `name`: servers put a prefix of their own before it, or a reduction behind it."""
    return next((value for key, value in metrics.items() if name in key), None)


class _Errand(Future[T]):
    """A future whose block hands all that it raises to whoever waits."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is not None:
            self.set_exception(error)
        return True


def _start(work: Callable[[], T]) -> Future[T]:
    """Run `work` in a thread of its own, which this process will not wait for when it ends."""
    errand = _Errand[T]()

    def run() -> None:
        with errand:
            errand.set_result(work())

    Thread(target=run, daemon=True).start()
    return errand


def _datum(row: Rollout, **columns: Sequence[float]) -> types.Datum:
    """A row as the server takes it: each position and the token that follows; zeros over the prompt's positions."""
    text = [*row.prompt_tokens, *row.tokens]
    before = [0.0] * (len(row.prompt_tokens) - 1)
    inputs = {
        name: types.TensorData(data=[*before, *values], dtype="float32", shape=[len(text) - 1])
        for name, values in columns.items()
    }
    inputs["target_tokens"] = types.TensorData(data=text[1:], dtype="int64", shape=[len(text) - 1])
    return types.Datum(model_input=types.ModelInput.from_ints(text[:-1]), loss_fn_inputs=inputs)


def _brief(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__
