"""An engine is one row: what docs/extending.md says of backends is done here, step by step."""

import pytest

from abzero.cli.main import main
from abzero.config.backends import BACKENDS, Backend
from abzero.config.load import parse
from abzero.errors import ConfigError
from abzero.policy.scripted import ScriptedGenerator, ScriptedLearner
from abzero.run.journal import JournalReader
from tests.fakes import player

SMALL = (
    "--steps=2",
    "--batch-size=2",
    "--solve.attempts=2",
    "--propose.samples=2",
    "--seeding.factor=1",
    "--seeding.batches=2",
)


@pytest.fixture
def row(monkeypatch):
    """One row more in the table: a policy that plays from a script, and cannot take a KL penalty."""

    def policy(config, done):
        generator = ScriptedGenerator(player())
        return generator, generator, ScriptedLearner()

    def check(config):
        if config.loss.kl:
            raise ConfigError(f"loss.kl {config.loss.kl}: a script has no weights; set it to 0")

    monkeypatch.setitem(BACKENDS, "fake", Backend(policy, lambda config: "a script", check))


def test_a_row_in_the_table_trains(row, tmp_path, capsys):
    run = tmp_path / "run"
    assert main(["train", "tiny-cpu", f"--run={run}", "--model.engine=fake", *SMALL]) == 0
    assert "tiny on a script" in capsys.readouterr().out
    reader = JournalReader(run / "run.db")
    assert reader.steps() == [0, 1, 2]
    assert any(proposal.task for proposal in reader.proposals(2))
    reader.close()


def test_a_row_needs_no_memory_here_and_no_other_process(row, capsys):
    assert main(["plan", "tiny-cpu", "--model.engine=fake"]) == 0
    assert "a script holds the model" in capsys.readouterr().out


def test_a_setting_that_a_row_cannot_honour_is_refused(row):
    with pytest.raises(ConfigError, match=r"loss\.kl 0\.1"):
        parse(["--model.engine=fake", "--loss.kl=0.1"], "abzero train")


def test_an_unknown_engine_names_the_known_ones():
    with pytest.raises(ConfigError, match=r"model\.engine 'vlm' does not exist: choose from local, vllm, tinker"):
        parse(["--model.engine=vlm"], "abzero train")


@pytest.mark.parametrize("engine", ["vllm", "tinker"])
@pytest.mark.parametrize("flags", [["--sampling.stop", "</answer>"], ["--model.fp32-head", "True"]])
def test_what_the_local_engine_alone_can_do_is_refused_by_name_elsewhere(engine, flags):
    with pytest.raises(ConfigError, match=flags[0].removeprefix("--")):
        parse([f"--model.engine={engine}", *flags], "abzero train")
