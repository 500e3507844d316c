"""Runs that go on with other settings, and runs that begin from a checkpoint of another."""

import json
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from abzero.cli.main import main
from abzero.config.backends import BACKENDS, Backend
from abzero.errors import ConfigError
from abzero.policy.scripted import ScriptedGenerator, ScriptedLearner
from abzero.run.checkpoint import Checkpoints
from abzero.run.journal import JournalReader
from tests.fakes import player

SMALL = (
    *("--model.engine=script", "--batch-size=4", "--solve.attempts=2", "--propose.samples=2", "--seeding.factor=1"),
    *("--checkpoint.every=1", "--checkpoint.keep=9"),
)


def policy(config, heard):
    if config.optimizer.lr > 1:
        raise ConfigError(f"optimizer.lr {config.optimizer.lr}: too much")
    generator = ScriptedGenerator(player())
    return generator, generator, ScriptedLearner()


@pytest.fixture(scope="module", autouse=True)
def engine():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(BACKENDS, "script", Backend(policy, lambda config: "a script"))
        yield


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four steps, all of whose checkpoints are kept."""
    folder = tmp_path_factory.mktemp("straight") / "run"
    assert main(["train", f"--run={folder}", "--steps=4", *SMALL]) == 0
    return folder


@pytest.fixture
def run(straight: Path, tmp_path: Path) -> Path:
    return shutil.copytree(straight, tmp_path / "run")


def about(run: Path) -> dict[str, str]:
    with closing(JournalReader(run / "run.db")) as reader:
        return reader.about()


def journal(run: Path) -> list[object]:
    with closing(JournalReader(run / "run.db")) as reader:
        return [row for row in reader.dump() if row[0] != "about"]


def settings(run: Path) -> dict[str, dict[str, object]]:
    return json.loads((run / "config.json").read_text())


def changes(run: Path) -> dict[str, str]:
    return {key: value for key, value in about(run).items() if key.startswith("changed")}


def test_a_setting_that_may_change_is_recorded_with_the_step_it_changes_from_and_shown(run, capsys):
    assert main(["resume", str(run), "--steps", "6", "--optimizer.lr=2e-5", "--batch-size", "1"]) == 0
    expected = {
        "changed from step 5: batch-size": "4 -> 1",
        "changed from step 5: optimizer.lr": "0.0001 -> 2e-05",
        "changed from step 5: solve.attempts": "2 -> 1",
        "changed from step 5: steps": "4 -> 6",
    }
    assert changes(run) == expected
    assert settings(run)["optimizer"]["lr"] == 2e-5
    said = capsys.readouterr().out
    assert "solve.attempts 1: 2 does not divide batch-size 1" in said
    assert "changed from step 5: optimizer.lr 0.0001 -> 2e-05" in said
    with closing(JournalReader(run / "run.db")) as reader:
        assert [len(reader.proposals(step)) for step in (4, 5)] == [12, 3]
    assert main(["resume", str(run)]) == 0
    assert changes(run) == expected
    assert main(["show", str(run)]) == 0
    assert "changed from step 5: optimizer.lr" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--reward.invalid=-0.5"], ["reward.invalid -0.5: this run has -0.3", "--run NEW --reward.invalid -0.5"]),
        (["--tasks.modes", "deduction"], ["tasks.modes deduction: this run has abduction deduction induction"]),
        (["--model.lora-rank=8", "--seed", "3"], ["model.lora-rank 8", "seed 3: this run has 1"]),
        (["--model.engine=local"], ["model.engine local: this run has script, and keeps it"]),
        (["--run=other"], ["run other", "abzero fork RUN --run other"]),
        (["--steps=3"], ["steps 3: 4 are done; set --steps 4 or more", "abzero fork"]),
        (["--optimizer.lr=-1"], ["optimizer.lr -1"]),
        (["--optimizer.lr=2"], ["too much"]),
    ],
)
def test_what_may_not_change_is_refused_by_name_and_nothing_is_written(run, capsys, flags, said):
    before = (run / "config.json").read_bytes(), about(run), journal(run)
    assert main(["resume", str(run), *flags]) == 1
    error = capsys.readouterr().err.replace("\n", " ")
    assert all(words in error for words in said), error
    assert ((run / "config.json").read_bytes(), about(run), journal(run)) == before


def test_a_fixed_setting_may_be_said_again(run):
    assert main(["resume", str(run), "--seed=1", "--reward.invalid=-0.3"]) == 0
    assert changes(run) == {}


def test_a_run_may_be_named_behind_its_flags_and_has_to_be_named(run, capsys):
    assert main(["resume", "--steps", "5", str(run)]) == 0
    assert Checkpoints(run / "checkpoints").done == 5
    assert main(["resume", "--steps=5"]) == 2
    assert "abzero resume runs/NAME" in capsys.readouterr().err


def test_help_shows_the_run_s_own_values(run, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["resume", str(run), "--help"])
    assert ended.value.code == 0
    assert "(default: 0.0001)" in capsys.readouterr().out


def test_a_fork_without_a_change_is_the_run_that_it_came_from(straight, run, tmp_path):
    new = tmp_path / "new"
    assert main(["fork", str(run), "--step", "2", "--run", str(new)]) == 0
    assert journal(new) == journal(straight)
    last = "checkpoints/step-000004/scripted.json"
    assert (new / last).read_bytes() == (straight / last).read_bytes()
    assert about(new)["forked from"] == f"{run}, step 2"
    assert about(new)["config"] == (new / "config.json").read_text()
    assert main(["oversight", "verify", str(new)]) == 0
    assert journal(run) == journal(straight)


def test_a_fork_may_change_the_rules_and_has_the_past_that_it_came_from(straight, run, tmp_path):
    new = tmp_path / "new"
    assert main(["fork", "--run", str(new), "--steps=6", "--reward.invalid=-1", str(run)]) == 0
    assert changes(new) == {
        "changed from step 5: reward.invalid": "-0.3 -> -1.0",
        "changed from step 5: steps": "4 -> 6",
    }
    assert journal(new) != journal(straight)
    with closing(JournalReader(new / "run.db")) as reader:
        assert reader.steps() == list(range(7))


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--steps=6"], "run: name the new run's folder"),
        (["--run={run}", "--steps=6"], "exists"),
        (["--run={new}"], "steps 4: the checkpoint is of step 4; set --steps 5"),
        (["--run={new}", "--step=7"], "step 7: '{run}' keeps no whole checkpoint of it; it has 0, 1, 2, 3, 4"),
        (["--run={new}", "--steps=6", "--model.lora-rank=2"], "model.lora-rank 2: this run has 0"),
        (["--run={new}", "--steps=6", "--optimizer.lr=2"], "too much"),
    ],
)
def test_a_fork_that_cannot_be_is_one_clear_error_and_leaves_no_folder(run, tmp_path, capsys, flags, said):
    fill = {"run": str(run), "new": str(tmp_path / "new")}
    assert main(["fork", str(run), *(flag.format(**fill) for flag in flags)]) == 1
    assert said.format(**fill) in capsys.readouterr().err.replace("\n", " ")
    assert not (tmp_path / "new").exists()
