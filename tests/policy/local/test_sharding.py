"""Two processes on one model are to do what one does: gloo on CPU, each process its own interpreter."""

import json
import os
import random
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from abzero.cli.main import main
from abzero.config import backends
from abzero.config.load import parse
from abzero.errors import ConfigError
from abzero.policy.local.sharding import ALONE, World, cut, gathered, own
from abzero.policy.models.export import export
from tests.policy.sharded import PROMPTS, WAYS, batch, group, learn

ROOT = Path(__file__).parents[3]
EXACT = [name for name in WAYS if name != "bf16"]
"""Ways whose arithmetic is fp32; in bf16 the order of a sum shows in the third digit."""


ROUNDED = {"8-bit": 1e-3}
"""The last bit of a gradient may decide which of two codes a moment gets."""


def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def start(rank: int, at: int, *arguments: object) -> subprocess.Popen[bytes]:
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": at}
    environment = os.environ | {name: str(value) for name, value in place.items()} | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.policy.sharded", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def found(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one process found, what two found, and the folder `out` with their checkpoints."""
    out = tmp_path_factory.mktemp("sharded")
    alone = learn(folder, out / "alone")
    at = port()
    processes = [start(rank, at, folder, out) for rank in range(2)]
    codes = [process.wait(timeout=240) for process in processes]
    assert codes == [0, 9], "the second process is told to die at the end"
    return json.loads((out / "found.json").read_text()) | {"alone": alone, "out": out}


def weights(folder: Path) -> dict[str, torch.Tensor]:
    [file] = (folder / "model").glob("*.safetensors")
    return load_file(file)


@pytest.mark.parametrize("name", WAYS)
def test_two_processes_learn_what_one_learns(found, name):
    exact = name in EXACT
    for ours, theirs in zip(found["together"][name], found["alone"][name], strict=True):
        assert ours.keys() == theirs.keys()
        assert ours["grad_norm"] == pytest.approx(theirs["grad_norm"], rel=1e-5 if exact else 0.01)
        assert ours["tokens"] == theirs["tokens"]
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-4 if exact else 0.05)
    ours, theirs = weights(found["out"] / "together" / name), weights(found["out"] / "alone" / name)
    assert ours.keys() == theirs.keys()
    for key, weight in theirs.items():
        torch.testing.assert_close(ours[key], weight, rtol=0, atol=ROUNDED.get(name, 1e-4 if exact else 0.03))


@pytest.mark.parametrize("name", WAYS)
def test_a_checkpoint_is_the_same_files_and_tensors_whatever_the_number_of_processes(found, name):
    ours, theirs = (found["out"] / kind / name for kind in ("together", "alone"))
    assert [path.relative_to(ours) for path in sorted(ours.rglob("*"))] == [
        path.relative_to(theirs) for path in sorted(theirs.rglob("*"))
    ]
    states = [load_file(folder / "optimizer.safetensors") for folder in (ours, theirs)]
    shapes = [{key: (value.shape, value.dtype) for key, value in state.items()} for state in states]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("name", EXACT)
def test_a_run_goes_on_with_another_number_of_processes(found, folder, tmp_path, name):
    """One step more, from the checkpoint of one process: by two, and by one from the checkpoint of two."""
    if not (found["out"] / "together-alone").exists():
        found["then alone"] = learn(folder, found["out"] / "together-alone", found["out"] / "together")
        found["still alone"] = learn(folder, found["out"] / "alone-alone", found["out"] / "alone")
    [straight] = found["still alone"][name]
    for [step] in (found["alone, then together"][name], found["then alone"][name]):
        assert step["grad_norm"] == pytest.approx(straight["grad_norm"], rel=1e-3)
    expected = weights(found["out"] / "alone-alone" / name)
    for kind in ("alone-together", "together-alone"):
        for key, weight in weights(found["out"] / kind / name).items():
            torch.testing.assert_close(weight, expected[key], rtol=0, atol=1e-3)


@pytest.mark.parametrize("name", ["full", "lora", "bf16"])
def test_what_two_processes_saved_is_exported_as_it_is(found, tmp_path, name):
    saved = found["out"] / "together" / name / "model"
    export(saved, tmp_path / "out", "card")
    text = torch.arange(2, 20)[None]
    with torch.no_grad():
        ours, theirs = (
            AutoModelForCausalLM.from_pretrained(path, dtype="auto").eval()(text).logits
            for path in (tmp_path / "out", saved)
        )
    assert float((ours - theirs).abs().max()) <= (1e-4 if name == "lora" else 0)


def test_the_leading_process_sees_one_policy(found, folder):
    """The same samples, at the same seeds, as one process makes; each process holds half of every weight."""
    single = group(folder, ALONE, WAYS["full"])
    norm = single.learner.update(batch(0))["grad_norm"]
    single.generators[0].sync(single.learner)
    rollouts = single.generators[0].generate(PROMPTS, 2, random.Random(3))
    assert found["grad_norm"] == pytest.approx(norm, rel=1e-5)
    assert found["texts"] == [[rollout.text for rollout in group] for group in rollouts]
    assert (found["version"], found["versions"]) == (1, [1])
    whole = [list(weight.shape) for weight in single.learner.model.parameters()]
    assert found["shards"] == [[-(-rows // 2), *rest] for rows, *rest in whole]


def test_an_error_of_any_process_is_the_leading_one_s_to_raise(found):
    assert found["nothing there"].startswith("RunError: ")
    assert found["no room"].startswith("NotADirectoryError: ")
    assert found["one refuses"] == "ConfigError: the second refuses"


def test_a_dead_process_is_a_clear_error_at_once(found):
    assert found["one dies"].startswith("BackendError: the processes of this run lost each other")
    assert found["and then"].startswith("BackendError: the processes of this run lost each other")


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("count", range(7))
def test_work_is_dealt_out_in_equal_rounds_and_comes_back_in_order(size, count):
    worlds = [World(rank, size) for rank in range(size)]
    rounds = [world.rounds(range(count)) for world in worlds]
    assert len({len(part) for part in rounds}) == 1
    assert sorted(value for part in rounds for value in part if value is not None) == list(range(count))
    assert worlds[0].whole([world.part(range(count)) for world in worlds]) == list(range(count))


def test_a_plain_tensor_is_its_own_slice_and_its_own_whole():
    weight = torch.ones(3)
    assert own(weight) is weight
    assert cut(weight, weight) is weight
    assert gathered(weight, weight) is weight


def test_engines_that_are_one_process_say_so_under_torchrun(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    config = parse(["--model.engine=vllm"], "abzero train")
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(ConfigError, match="start it without torchrun"), backends.worker_group(config):
        pass
    assert not backends.worker_loop(config)
    monkeypatch.setenv("RANK", "1")
    assert backends.worker_loop(config)


def test_a_process_alone_leads_and_follows_nobody():
    config = parse([], "abzero train")
    assert not backends.worker_loop(config)
    with backends.worker_group(config):
        assert "processes" not in backends.chosen(config).where(config)


def torchrun(*arguments: str) -> int:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "-m", "--", "abzero", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL).returncode


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("rank", [0, 4])
def test_a_run_of_two_processes_is_resumed_by_one_and_by_two_and_exported(tmp_path, rank):
    run = str(tmp_path / "run")
    small = ["--batch-size=4", "--propose.samples=2", "--seeding.factor=1", "--tasks.inputs=3", "--model.threads=1"]
    small += ["--solve.attempts=2"]
    flags = [f"--run={run}", f"--model.lora-rank={rank}", "--sampling.max-tokens=64", *small]
    assert torchrun("train", "tiny-cpu", "--steps=1", *flags) == 0
    assert main(["resume", run, "--steps=2"]) == 0
    assert torchrun("resume", run, "--steps=3") == 0
    assert main(["export", run, str(tmp_path / "model")]) == 0
    saved = Path(run, "checkpoints", "step-000003", "model")
    models = [
        AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32) for folder in (saved, tmp_path / "model")
    ]
    with torch.no_grad():
        first, second = (model(torch.arange(2, 30)[None]).logits for model in models)
    # what is exported is the sum of weights and adapter, rounded to bf16
    rounded = {"rtol": 0.02, "atol": 0.05} if rank else {"rtol": 0, "atol": 0}
    torch.testing.assert_close(second, first, **rounded)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_run_that_cannot_begin_ends_for_all_processes(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "precious").write_text("")
    assert torchrun("train", "tiny-cpu", f"--run={tmp_path / 'run'}") == 1
