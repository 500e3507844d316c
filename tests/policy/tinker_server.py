"""An honest small Tinker server: the wire that the SDK really speaks, in front of a real torch model, in a thread.

It reduces its losses as SkyRL's JAX backend does or as the others do, tells what those tell, and can be made ill.
"""

import asyncio
import copy
import hashlib
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from abzero.algo import losses
from abzero.policy.base import Generator, Learner
from abzero.policy.local.generator import engine
from abzero.policy.local.sampling import sample
from abzero.policy.models import loading
from abzero.policy.tinker.servers import SERVERS

Json = dict[str, Any]
Checkpoints = dict[str, tuple[Json, Json]]
"""Weights and moments, by their path."""
TRUTH: dict[str, dict[str, bool]] = {
    "skyrl-jax": {"mean": True, "norms": True},
    "verl": {"mean": False, "norms": False},
    "hosted": {"mean": False, "norms": False},
}
"""What each kind of server really does."""
TORCH = ThreadPoolExecutor(1, "stub of Tinker", torch.set_num_threads, (1,))
"""All of torch's work is done in one thread that lives as long as the process. While each request had a thread of its
own do it, a run of the whole suite once died in a thread without a Python frame: threads that end and take torch's
state along were suspected."""


@dataclass
class Model:
    """One training client's weights and optimizer, and the gradients that it has gathered."""

    model: PreTrainedModel
    adam: torch.optim.AdamW
    rows: int = 0
    steps: list[Json] = field(default_factory=list)
    """The parameters of each optimizer step."""
    gradients: list[dict[str, Tensor]] = field(default_factory=list)
    """What each optimizer step was taken on."""


class TinkerServer:
    """Serves the model in `folder`, under the name `name`, until it is closed."""

    def __init__(
        self, folder: Path, *, mean: bool, norms: bool, name: str = "stub", disk: Checkpoints | None = None
    ) -> None:
        """`mean`: mean over each row's positions, then over rows, else the sum. `norms`: tells norms, else losses."""
        self.name, self.mean, self.norms = name, mean, norms
        self.health: Json = {"status": "ok"}
        self.stuck = threading.Event()
        """While set, no call ends."""
        self.errors: dict[str, str] = {}
        """By endpoint: what it says in place of doing its work."""
        self.shift = 0.0
        """Added to what the sampler says of its log-probabilities."""
        self.drops_end = False
        self.calls: list[str] = []
        self.requests: list[Json] = []
        """The last sampling requests."""
        self.models: dict[str, Model] = {}
        self.kept: Checkpoints = {} if disk is None else disk
        self._base, codec = loading.load(folder, dtype=torch.float32, device="cpu")
        self._stops = torch.tensor(sorted(codec.ends))
        self._samplers: dict[str, PreTrainedModel] = {}
        self._results: dict[str, Json] = {}
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self.port = self._http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        _end_heartbeats()
        self._http.shutdown()
        self._http.server_close()

    def answer(self, endpoint: str, body: Json) -> tuple[int, Json]:
        """Status and answer to one request."""
        if endpoint == "retrieve_future":
            if self.stuck.is_set():
                threading.Event().wait(0.1)
                return 200, {"type": "try_again"}
            return 200, self._results[body["request_id"]]
        plain: dict[str, Callable[[], Json]] = {
            "healthz": lambda: self.health,
            "client/config": dict,
            "create_session": lambda: {"type": "create_session", "session_id": "session"},
            "session_heartbeat": lambda: {"type": "session_heartbeat"},
            "telemetry": lambda: {"status": "accepted"},
            "get_server_capabilities": lambda: {"supported_models": [{"model_name": self.name}]},
            "create_sampling_session": self._base_sampler,
        }
        if endpoint in plain:
            return 200, plain[endpoint]()
        work = getattr(self, f"_{endpoint}", None)
        if work is None:
            return 404, {"detail": "Not Found"}
        request = TORCH.submit(self._work, endpoint, work, body).result()
        return 200, {"request_id": request, "model_id": body.get("model_id")}

    def _work(self, endpoint: str, work: Callable[[Json], Json], body: Json) -> str:
        """The name under which the result of `work` waits to be fetched."""
        self.calls.append(endpoint)
        said = self.errors.get(endpoint)
        try:
            result = {"error": said, "category": "server"} if said else work(body)
        except Exception as error:
            result = {"error": repr(error), "category": "server"}
        request = f"request-{len(self._results)}"
        self._results[request] = result
        return request

    def _base_sampler(self) -> Json:
        self._samplers["base"] = self._base
        return {"type": "create_sampling_session", "sampling_session_id": "base"}

    def _create_model(self, body: Json) -> Json:
        model = copy.deepcopy(self._base)
        name = f"model-{len(self.models)}"
        self.models[name] = Model(model, torch.optim.AdamW(model.parameters()))
        return {"type": "create_model", "model_id": name}

    def _forward(self, body: Json) -> Json:
        with torch.no_grad():
            rows = [_logprobs(self.models[body["model_id"]].model, row) for row in body["forward_input"]["data"]]
        return {"loss_fn_output_type": "logprobs", "loss_fn_outputs": [_output(row) for row in rows], "metrics": {}}

    def _forward_backward(self, body: Json) -> Json:
        kept, order = self.models[body["model_id"]], body["forward_backward_input"]
        loss, outputs = 0.0, []
        for row in order["data"]:
            logprobs = _logprobs(kept.model, row)
            per_token = LOSSES[order["loss_fn"]](logprobs, row["loss_fn_inputs"], order.get("loss_fn_config") or {})
            reduced = per_token.mean() if self.mean else per_token.sum()
            reduced.backward()
            loss += float(reduced.detach()) / (len(order["data"]) if self.mean else 1)
            outputs.append(_output(logprobs))
        kept.rows += len(order["data"])
        metrics = {} if self.norms else {"loss:sum": loss}
        return {"loss_fn_output_type": "logprobs", "loss_fn_outputs": outputs, "metrics": metrics}

    def _optim_step(self, body: Json) -> Json:
        kept, params = self.models[body["model_id"]], body["adam_params"]
        weights = dict(kept.model.named_parameters())
        for weight in weights.values():
            assert weight.grad is not None
            weight.grad /= kept.rows if self.mean else 1
        norm = torch.nn.utils.clip_grad_norm_(weights.values(), params["grad_clip_norm"] or float("inf"))
        kept.steps.append(params)
        kept.gradients.append({name: weight.grad.clone() for name, weight in weights.items()})
        for group in kept.adam.param_groups:
            group["lr"], group["eps"] = params["learning_rate"], params["eps"]
            group["betas"] = (params["beta1"], params["beta2"])
            group["weight_decay"] = params["weight_decay"]
        kept.adam.step()
        kept.adam.zero_grad()
        kept.rows = 0
        return {"metrics": {"skyrl.ai/grad_norm": float(norm)} if self.norms else None}

    def _save_weights(self, body: Json) -> Json:
        """Keep the state under its own hash: equal states have equal paths."""
        kept = self.models[body["model_id"]]
        state = copy.deepcopy((kept.model.state_dict(), kept.adam.state_dict()))
        digest = hashlib.sha256()
        for name, weight in kept.model.named_parameters():
            moments = kept.adam.state.get(weight, {})
            for value in (weight, *(moments[key] for key in sorted(moments))):
                digest.update(name.encode() + value.detach().contiguous().numpy().tobytes())
        path = f"tinker://stub/weights/{digest.hexdigest()[:16]}"
        self.kept[path] = state
        return {"type": "save_weights", "path": path}

    def _load_weights(self, body: Json) -> Json:
        if body["path"] not in self.kept:
            return {"error": f"Unknown checkpoint path: {body['path']}", "category": "user"}
        kept, (weights, moments) = self.models[body["model_id"]], copy.deepcopy(self.kept[body["path"]])
        kept.model.load_state_dict(weights)
        kept.adam = torch.optim.AdamW(kept.model.parameters())
        if body["optimizer"]:
            kept.adam.load_state_dict(moments)
        return {"type": "load_weights", "path": body["path"]}

    def _save_weights_for_sampler(self, body: Json) -> Json:
        name = f"sampler-{len(self._samplers)}"
        self._samplers[name] = copy.deepcopy(self.models[body["model_id"]].model)
        return {"type": "save_weights_for_sampler", "path": None, "sampling_session_id": name}

    @torch.no_grad()
    def _asample(self, body: Json) -> Json:
        params = body["sampling_params"]
        self.requests = [*self.requests[-99:], body]
        prompt = [token for chunk in body["prompt"]["chunks"] for token in chunk["tokens"]]
        running = engine(self._samplers[body["sampling_session_id"]], torch.float32)
        seeds = [[params["seed"] + number for number in range(body["num_samples"])]]
        [rows] = sample(
            running, [prompt], seeds, params["max_tokens"], params["temperature"], torch.tensor(params["stop"])
        )
        sequences = [
            {
                "stop_reason": "stop" if row.stopped else "length",
                "tokens": row.tokens[:-1] if row.stopped and self.drops_end else row.tokens,
                "logprobs": [
                    value + self.shift
                    for value in (row.logprobs[:-1] if row.stopped and self.drops_end else row.logprobs)
                ],
            }
            for row in rows
        ]
        return {"type": "sample", "sequences": sequences}


def _end_heartbeats() -> None:
    """The SDK has no way to end a session: its heartbeats would go on, and complain of a server that is gone."""
    from tinker.lib import internal_client_holder

    loop = internal_client_holder._internal_client_holder_thread_singleton.get_loop()

    def cancel() -> None:
        for task in asyncio.all_tasks(loop):
            if "_session_heartbeat" in repr(task.get_coro()):
                task.cancel()

    loop.call_soon_threadsafe(cancel)


@cache
def running(folder: Path, kind: str) -> TinkerServer:
    """A server of `kind`, kept for the whole session."""
    return TinkerServer(folder, **TRUTH[kind])


def policy(
    server: TinkerServer,
    folder: Path,
    kind: str,
    *,
    max_prompt_tokens: int = 100,
    max_tokens: int = 20,
    temperature: float = 1.0,
    seconds: float = 60.0,
    look_seconds: float = 5.0,
    objective: losses.Objective | None = None,
    **settings: Any,
) -> tuple[Generator, Learner]:
    """Generator and learner behind `server`, declared to be a `kind`, and proved to be one."""
    pytest.importorskip("tinker", reason="the extra [tinker] is not installed")
    from abzero.policy.tinker import reduction_probe
    from abzero.policy.tinker.client import ANY_KEY, Link
    from abzero.policy.tinker.generator import TinkerGenerator
    from abzero.policy.tinker.learner import TinkerLearner

    codec = loading.codec(folder)
    link = Link(server.url, server.name, key=ANY_KEY, seconds=seconds, connect_seconds=5.0, look_seconds=look_seconds)
    trainer = link.trainer(8, 0)
    reduction_probe.prove(trainer, lambda: link.trainer(8, 0), SERVERS[kind], codec.encode(reduction_probe.TEXT))
    learner = TinkerLearner(trainer, SERVERS[kind], objective=objective or losses.Objective(entropy=0.0), **settings)
    limits = {"max_prompt_tokens": max_prompt_tokens, "max_tokens": max_tokens}
    MADE[learner] = (server, server.models[trainer._client.model_id])
    return TinkerGenerator(learner.sampler(), codec, temperature=temperature, **limits), learner


MADE: dict[Learner, tuple[TinkerServer, Model]] = {}


def held(learner: Learner) -> Model:
    """What the server holds for `learner`."""
    return MADE[learner][1]


def published(learner: Learner, folder: Path) -> PreTrainedModel:
    """The model of the checkpoint that the server keeps when `learner` saves into `folder`, in float64."""
    learner.save(folder)
    [note] = folder.iterdir()
    server, model = MADE[learner]
    weights, _ = server.kept[json.loads(note.read_text())["path"]]
    copied = copy.deepcopy(model.model).requires_grad_(False).double()
    copied.load_state_dict(weights)
    return copied.eval()


def _cross_entropy(logprobs: Tensor, inputs: Json, config: Json) -> Tensor:
    return -logprobs * torch.tensor(inputs["weights"]["data"])


def _importance_sampling(logprobs: Tensor, inputs: Json, config: Json) -> Tensor:
    ratio = torch.exp(logprobs - torch.tensor(inputs["logprobs"]["data"]))
    return -ratio * torch.tensor(inputs["advantages"]["data"])


def _ppo(logprobs: Tensor, inputs: Json, config: Json) -> Tensor:
    ratio = torch.exp(logprobs - torch.tensor(inputs["logprobs"]["data"]))
    clipped = ratio.clamp(config["clip_low_threshold"], config["clip_high_threshold"])
    advantages = torch.tensor(inputs["advantages"]["data"])
    return -torch.minimum(ratio * advantages, clipped * advantages)


LOSSES = {"cross_entropy": _cross_entropy, "importance_sampling": _importance_sampling, "ppo": _ppo}


def _logprobs(model: PreTrainedModel, row: Json) -> Tensor:
    """Of each target, at temperature 1."""
    tokens = [token for chunk in row["model_input"]["chunks"] for token in chunk["tokens"]]
    targets = torch.tensor(row["loss_fn_inputs"]["target_tokens"]["data"])
    logits = model(torch.tensor([tokens]), use_cache=False).logits[0]
    return torch.log_softmax(logits.float(), -1).gather(1, targets[:, None])[:, 0]


def _output(logprobs: Tensor) -> Json:
    values = logprobs.detach().tolist()
    return {"logprobs": {"data": values, "dtype": "float32", "shape": [len(values)]}}


def _handler(server: TinkerServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._reply({})

        def do_POST(self) -> None:
            self._reply(json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}"))

        def _reply(self, body: Json) -> None:
            status, answer = server.answer(self.path.removeprefix("/api/v1/"), body)
            payload = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler
