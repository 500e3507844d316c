"""`abzero train` against SkyRL's real Tinker server, on its JAX backend on CPU: `make cluster-test`.

The model is the one in the box, in fp32 so that sampler and learner can be compared to the last digits: it writes real
tasks and answers, so that real rewards flow. The server is killed, and started again, as machines are.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from abzero.config.backends.local import TINY
from abzero.errors import BackendError, RunError
from abzero.policy.tinker import health
from abzero.run.journal import JournalReader

pytestmark = pytest.mark.cluster

ENVIRONMENT = Path(__file__).parents[2] / ".cluster"
LONG = 3600.0
"""Seconds: the machine may be busy with other things."""
RECIPE = """
steps = 2
batch-size = 4

[model]
name = "{model}"
engine = "tinker"
lora-rank = 8

[tinker]
url = "{url}"
server = "skyrl-jax"
timeout = 1200.0
connect-timeout = 30.0

[sampling]
max-tokens = 96
max-prompt-tokens = 320

[seeding]
factor = 1
batches = 8

[tasks]
prompts = "compact"
inputs = 4
max-output = 60

[propose]
references = 1
samples = 4

[reward]
invalid = -0.3

[loss]
entropy = 0.0
reduction = "role_token"
max-gap = 0.01

[optimizer]
lr = 1e-3
clip = 1e9
warmup = 2
minibatches = 2

[checkpoint]
every = 1
"""


class Server:
    """SkyRL's API server and the engine that it starts, in a process group of their own."""

    def __init__(self, model: Path, folder: Path) -> None:
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "server.log"
        self._command = [
            *("uv", "run", "--no-project", "--python", str(ENVIRONMENT / "bin" / "python"), "-m", "skyrl.tinker.api"),
            *("--base-model", str(model), "--backend", "jax", "--host", "127.0.0.1", "--port", str(self.port)),
            *("--checkpoints-base", str(folder / "checkpoints"), "--database-url", f"sqlite:///{folder / 'tinker.db'}"),
            "--backend-config",
            '{"max_lora_adapters": 8, "max_lora_rank": 8, "train_micro_batch_size": 1, "sample_max_num_sequences": 16}',
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Come up within some minutes, on the same port and the same disk as before."""
        paths = {"PATH": f"{ENVIRONMENT / 'bin'}:{os.environ['PATH']}", "JAX_PLATFORMS": "cpu"}
        cache = {"JAX_COMPILATION_CACHE_DIR": str(ENVIRONMENT / "jax")}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=os.environ | paths | cache, stdout=log, stderr=log, start_new_session=True
            )
        wait(self._well, lambda: self._process is not None and self._process.poll() is None, self.log)

    def _well(self) -> bool:
        try:
            health.check(self.url, 10.0)
        except BackendError:
            return False
        return True

    def kill(self) -> None:
        """End it all at once, as a power cut would."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def wait(done: Callable[[], bool], alive: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + LONG
    while not done():
        assert alive(), log.read_text(errors="replace")[-4000:]
        assert time.monotonic() < deadline, log.read_text(errors="replace")[-4000:]
        time.sleep(0.5)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if not (ENVIRONMENT / ".installed").exists():
        pytest.skip("SkyRL's server is not installed: run make cluster-test")
    folder = tmp_path_factory.mktemp("skyrl")
    model = folder / "model"
    tiny = AutoModelForCausalLM.from_pretrained(TINY, dtype=torch.float32)
    tiny.config.dtype = torch.float32
    tiny.save_pretrained(model)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(TINY / name, model)
    made = Server(model, folder)
    (folder / "recipe.toml").write_text(RECIPE.format(model=model, url=made.url))
    made.start()
    yield made
    made.kill()


class Program:
    """An `abzero` process, and all that it says."""

    def __init__(self, log: Path, *arguments: str) -> None:
        self.log = log
        with log.open("wb") as file:
            self._process = subprocess.Popen([sys.executable, "-m", "abzero", *arguments], stdout=file, stderr=file)

    def until(self, run: Path, step: int) -> None:
        """Wait until the journal has `step`."""
        wait(lambda: last_step(run) >= step, lambda: self._process.poll() is None, self.log)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def interrupt(self) -> None:
        self._process.send_signal(signal.SIGINT)

    def end(self) -> tuple[int, str]:
        """Its exit status and what it said, each run of spaces as one."""
        status = self._process.wait(LONG)
        return status, " ".join(self.log.read_text(errors="replace").split())


@pytest.fixture
def abzero(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Starts programs, and leaves none behind."""
    started: list[Program] = []

    def start(*arguments: str) -> Program:
        started.append(Program(tmp_path / f"{len(started)}.log", *arguments))
        return started[-1]

    yield start
    for program in started:
        program.kill()


def last_step(run: Path) -> int:
    if not (run / "run.db").exists():
        return -1
    try:
        with closing(JournalReader(run / "run.db")) as reader:
            found = reader.last_step()
    except RunError:  # it is being made
        return -1
    return -1 if found is None else found


def test_self_play_trains_is_interrupted_survives_the_server_s_death_and_goes_on(
    server: Server, abzero: Callable[..., Program], tmp_path: Path
):
    run = tmp_path / "run"

    program = abzero("train", str(server.log.parent / "recipe.toml"), "--run", str(run))
    program.until(run, 0)
    program.interrupt()
    status, said = program.end()
    assert (status, "go on with: abzero resume" in said) == (130, True), said
    interrupted = last_step(run)

    status, said = abzero("resume", str(run), "--steps", str(interrupted + 2)).end()
    assert status == 0, said

    program = abzero("resume", str(run), "--steps", str(interrupted + 50))
    program.until(run, interrupted + 3)
    server.kill()
    began = time.monotonic()
    status, said = program.end()
    assert status == 1, said
    assert "Tinker server" in said
    assert "Traceback" not in said
    print(f"the run ended {time.monotonic() - began:.0f} s after the server: {said[-300:]}")

    server.start()
    last = last_step(run) + 2
    status, said = abzero("resume", str(run), "--steps", str(last)).end()
    assert status == 0, said

    with closing(JournalReader(run / "run.db")) as reader:
        assert reader.steps() == list(range(last + 1))
        figures = [reader.metrics(step) for step in range(1, last + 1)]
        rewards = {row.reward.total for step in range(1, last + 1) for row in reader.attempts(step) if row.reward}
        valid = sum(bool(row.task) for step in range(1, last + 1) for row in reader.proposals(step))
    updated = [row for row in figures if "learner/grad_norm" in row]
    gaps = [row["learner/logprob_gap_max"] for row in updated]
    print(f"{last} steps, {valid} valid proposals, rewards {sorted(rewards)}, largest gap {max(gaps):.2g} nats")
    assert len(updated) >= last // 2
    assert valid > 0
    assert len(rewards) > 1
    assert max(gaps) < 1e-3
    assert all(row["learner/grad_norm"] > 0 for row in updated)
