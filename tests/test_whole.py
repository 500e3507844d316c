"""The program as a user runs it: the model in the box, the real sandbox, real updates."""

import contextlib
import json
import random
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from abzero.cli.main import main
from abzero.policy.models import loading
from abzero.run.journal import JournalReader

SMALL = (
    *("--batch-size=4", "--propose.samples=2", "--seeding.factor=1", "--sampling.max-tokens=64", "--tasks.inputs=3"),
    *("--model.threads=1", "--solve.attempts=2"),
)


def journal(run: Path) -> list[object]:
    with closing(JournalReader(run / "run.db")) as reader:
        return list(reader.dump())


def abzero(*arguments: str, stdout: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "abzero", *arguments], stdout=stdout)


def sums(run: Path, step: int) -> str:
    """The checksums of a checkpoint, less the note of the record's head: that one tells the time."""
    lines = (run / "checkpoints" / f"step-{step:06d}" / "SHA256SUMS").read_text().splitlines(keepends=True)
    return "".join(line for line in lines if not line.endswith("  oversight.json\n"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two real steps."""
    folder = tmp_path_factory.mktemp("runs") / "two"
    assert main(["train", "tiny-cpu", f"--run={folder}", "--steps=2", *SMALL]) == 0
    return folder


def test_two_real_steps_leave_a_checkpoint_and_a_journal_of_all_they_did(run: Path):
    with closing(JournalReader(run / "run.db")) as reader:
        assert reader.steps() == [0, 1, 2]
        assert any(row.task for row in reader.proposals(0))
        assert len(reader.proposals(1)) == 12
        assert reader.metrics(2)["learner/grad_norm"] > 0
        assert reader.about()["isolation"] == "strict"
    names = {line.split("  ")[1] for line in sums(run, 2).splitlines()}
    assert {"model/model.safetensors", "optimizer.safetensors", "buffer.jsonl", "state.json"} <= names
    assert sums(run, 0) != sums(run, 2)


def test_measuring_held_out_problems_changes_no_bit_of_a_run(run: Path, tmp_path: Path):
    flags = ("--eval.every=1", "--eval.limit=18")
    assert main(["train", "tiny-cpu", f"--run={tmp_path / 'measured'}", "--steps=2", *SMALL, *flags]) == 0
    assert [sums(tmp_path / "measured", step) for step in (0, 2)] == [sums(run, step) for step in (0, 2)]
    rows = [row for row in journal(tmp_path / "measured") if row[0] != "about"]
    held_out = [row for row in rows if row[0] == "metric" and row[1][1].startswith("eval/")]
    assert [row for row in rows if row not in held_out] == [row for row in journal(run) if row[0] != "about"]
    assert {name for _, (_, name, _) in held_out} == {
        "eval/nursery",
        *(f"eval/nursery/{mode}" for mode in ("abduction", "deduction", "induction")),
    }


@pytest.mark.parametrize("fault", [MemoryError, RuntimeError, ImportError, KeyboardInterrupt])
def test_whatever_ends_the_loading_of_a_run_leaves_no_folder_behind(tmp_path: Path, monkeypatch, fault):
    def load(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr(loading, "load", load)
    with contextlib.suppress(fault):
        main(["train", "tiny-cpu", f"--run={tmp_path / 'new'}", *SMALL])
    assert not (tmp_path / "new").exists()


def test_what_was_recorded_replays_identically(run: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["replay", str(run)]) == 0
    assert capsys.readouterr().out.strip().endswith("identical")


def test_threads_that_were_not_set_are_measured_once_and_kept(tmp_path: Path):
    folder = tmp_path / "run"
    assert main(["train", "tiny-cpu", f"--run={folder}", "--steps=1", *SMALL, "--model.threads=0"]) == 0
    kept = (folder / "config.json").read_text()
    assert json.loads(kept)["model"]["threads"] >= 1
    assert main(["resume", str(folder)]) == 0
    assert (folder / "config.json").read_text() == kept


def test_a_run_can_be_looked_at(run: Path, capsys: pytest.CaptureFixture[str]):
    with closing(JournalReader(run / "run.db")) as reader:
        task = next(row.task for row in reader.proposals(0) if row.task)
    assert main(["show", str(run)]) == main(["show", str(run), "--step", "1"]) == 0
    assert main(["show", str(run), "--task", task[:8]]) == 0
    assert task in capsys.readouterr().out


def test_a_run_and_a_model_are_measured_on_the_suite(run: Path, tmp_path: Path):
    for model in (str(run), "tiny"):
        out = tmp_path / "rows.json"
        assert main(["eval", model, "--suite", "nursery", "--seed", "3", "--n", "3", "--json", str(out)]) == 0
        rows = json.loads(out.read_text())
        assert {"mode", "k", "metric", "n", "value", "low", "high", "scores"} == set(rows[0])
        assert all(len(row["scores"]) == row["n"] for row in rows)
        assert {row["mode"] for row in rows} == {"abduction", "deduction", "induction"}
        assert all(0.0 <= row["low"] <= row["value"] <= row["high"] <= 1.0 for row in rows)


def test_the_dev_split_is_still_known_by_its_former_name(tmp_path: Path):
    with pytest.warns(FutureWarning, match="is now called 'dev'"):
        assert main(["eval", "tiny", "--split", "watch", "--n", "1", "--json", str(tmp_path / "old")]) == 0
    assert main(["eval", "tiny", "--split", "dev", "--n", "1", "--json", str(tmp_path / "new")]) == 0
    assert (tmp_path / "old").read_text() == (tmp_path / "new").read_text()


def test_the_same_settings_give_the_same_run_and_another_seed_another(run: Path, tmp_path: Path):
    assert main(["train", "tiny-cpu", f"--run={tmp_path / 'again'}", "--steps=2", *SMALL]) == 0
    assert sums(tmp_path / "again", 2) == sums(run, 2)
    assert [row for row in journal(tmp_path / "again") if row[0] != "about"] == [
        row for row in journal(run) if row[0] != "about"
    ]
    assert main(["train", "tiny-cpu", f"--run={tmp_path / 'other'}", "--steps=1", "--seed=2", *SMALL]) == 0
    assert sums(tmp_path / "other", 1) != sums(run, 2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "nowhere.toml"], "recipe 'nowhere.toml' cannot be read"),
        (["train", "--run", "{run}"], "abzero resume {run}"),
        (["train", "--run", "{new}", "--model.name", "/no/such/folder"], "/no/such/folder"),
        (["train", "--run", "{new}", "--seeds", "/no/such/file"], "seeds '/no/such/file' cannot be read"),
        (["train", "--run", "{new}", "--tasks.modes", "deduction", "poetry"], "tasks.modes 'poetry' does not exist"),
        (["train", "--run", "{new}", "--tasks.modes", "induction"], "needs programs"),
        (["train", "--run", "{new}", "--sampling.temperature", "0"], "sampling.temperature 0.0"),
        (["resume", "/no/such/run"], "is no run"),
        (["show", "{run}", "--step", "99"], "holds no step 99"),
        (["show", "{run}", "--task", "zzz"], "zzz"),
        (["eval", "tiny", "--suite", "poems"], "suite 'poems' does not exist"),
        (["validate", "/no/such/file", "--out", "{new}"], "No such file"),
    ],
)
def test_bad_input_gets_one_clear_error(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
):
    fill = {"run": str(run), "new": str(tmp_path / "new")}
    assert main([argument.format(**fill) for argument in arguments]) == (2 if arguments[0] == "eval" else 1)
    error = capsys.readouterr().err
    assert error.startswith("abzero: ")
    assert said.format(**fill) in error.replace("\n", "")
    assert not (tmp_path / "new").exists() or arguments[0] == "validate"


def test_seeds_from_a_file_are_verified_again_and_refused_with_a_reason(tmp_path: Path):
    rows = [
        json.dumps({"program": "def f(x):\n    return x[::-1]", "inputs": ["[1, 2]", "'ab'"]}),
        json.dumps({"snippet": "def f(n):\n    return math.gcd(n, 12)", "input": "8", "imports": ["import math"]}),
        "no json",
        json.dumps({"program": "import random\ndef f(x):\n    return random.random()", "inputs": ["1"]}),
        json.dumps({"program": "def f(x):\n    return x + 1", "inputs": ["1", "2", "3"], "message": "one more"}),
    ]
    (tmp_path / "seeds.jsonl").write_text("\n".join(rows))
    run = tmp_path / "run"
    assert main(["train", "tiny-cpu", f"--run={run}", "--steps=1", f"--seeds={tmp_path / 'seeds.jsonl'}", *SMALL]) == 0
    refused = [json.loads(line) for line in (run / "refused-seeds.jsonl").read_text().splitlines()]
    assert [row["line"] for row in refused] == [3, 4]
    assert "random" in refused[1]["reason"]
    with closing(JournalReader(run / "run.db")) as reader:
        figures = reader.metrics(0)
        assert {name: value for name, value in figures.items() if not name.startswith("oversight/")} == {
            "buffer/size/abduction": 3.0,
            "buffer/size/deduction": 3.0,
            "buffer/size/induction": 1.0,
        }


def killed(process: subprocess.Popen[bytes], lines: int, pause: float) -> bool:
    """Kill `process` a moment after it has printed so many lines; whether it was still there to be killed."""
    assert process.stdout is not None
    with process.stdout:
        for _ in range(lines):
            process.stdout.readline()
        time.sleep(pause)
        alive = process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
    return alive


@pytest.mark.slow
def test_a_run_killed_at_any_moment_and_resumed_ends_as_one_never_killed(tmp_path: Path):
    settings = ("--steps=6", "--checkpoint.every=2", *SMALL)
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    assert main(["train", "tiny-cpu", f"--run={whole}", *settings]) == 0
    moments = random.Random(0)
    kills = 0
    for _ in range(6):
        begin = ("resume", str(torn)) if (torn / "config.json").exists() else ("train", "tiny-cpu", f"--run={torn}")
        process = abzero(*begin, *(settings if begin[0] == "train" else ()), stdout=subprocess.PIPE)
        kills += killed(process, moments.randrange(5), moments.uniform(0.0, 1.0))
    assert kills > 1
    assert main(["resume", str(torn)]) == 0
    assert sums(torn, 6) == sums(whole, 6)
    named = [row for row in journal(torn) if row[0] != "about"]
    assert named == [row for row in journal(whole) if row[0] != "about"]


def test_a_run_exports_a_model_that_transformers_loads(run: Path, tmp_path: Path):
    assert main(["export", str(run), str(tmp_path / "model")]) == 0
    exported = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    trained = load_file(run / "checkpoints" / "step-000002" / "model" / "model.safetensors")
    assert torch.equal(exported.state_dict()["model.norm.weight"], trained["model.norm.weight"])
    assert "abzero" in (tmp_path / "model" / "README.md").read_text()


def test_a_plan_says_what_fits_and_what_would(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["plan", "tiny-cpu"]) == 0
    assert "826,240" in capsys.readouterr().out
    recipe = tmp_path / "huge.toml"
    recipe.write_text('[model]\nname = "tiny"\n[optimizer]\nmicrobatch-tokens = 1000000000\n')
    assert main(["plan", str(recipe)]) == 1
    assert "it does not fit" in capsys.readouterr().out


def test_an_adapter_and_eight_bit_moments_train_and_resume(tmp_path: Path):
    settings = ("--model.lora-rank=4", "--optimizer.eight-bit=True", *SMALL)
    assert main(["train", "tiny-cpu", f"--run={tmp_path / 'whole'}", "--steps=2", *settings]) == 0
    assert main(["train", "tiny-cpu", f"--run={tmp_path / 'two'}", "--steps=1", *settings]) == 0
    assert main(["resume", str(tmp_path / "two"), "--steps=2"]) == 0
    assert sums(tmp_path / "two", 2) == sums(tmp_path / "whole", 2)


def test_the_doctor_looks_at_machine_and_model(capsys: pytest.CaptureFixture[str]):
    assert main(["doctor", "--model", "tiny"]) == 0
    said = capsys.readouterr().out
    assert "sandbox: seccomp" in said
    assert "model: ends" in said
    assert "plain text, with the prompts 'compact': it has no chat template" in said
    assert "<abduce><program>def f(a):" in said
