from pathlib import Path

import pytest

from abzero.errors import ConfigError, RunError
from abzero.run.directory import RunFolder


def test_a_run_is_worked_on_by_one_process_at_a_time(tmp_path: Path):
    with (
        RunFolder(tmp_path).locked(),
        pytest.raises(RunError, match="being worked on"),
        RunFolder(tmp_path).locked(),
    ):
        pass
    with RunFolder(tmp_path).locked():
        assert (tmp_path / ".lock").exists()


def test_a_folder_in_use_is_never_made_a_run(tmp_path: Path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ConfigError, match="choose another folder"):
        RunFolder(tmp_path).create("{}")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_run_that_exists_is_offered_for_resuming(tmp_path: Path):
    RunFolder(tmp_path / "run").create("{}")
    with pytest.raises(ConfigError, match="abzero resume"):
        RunFolder(tmp_path / "run").create("{}")


def test_a_run_that_never_began_is_discarded_and_one_with_a_checkpoint_stays(tmp_path: Path):
    run = RunFolder(tmp_path / "run")
    run.create("{}")
    run.checkpoints.mkdir()
    run.discard()
    assert run.read_config() == "{}"
    run.checkpoints.rmdir()
    run.discard()
    assert not run.path.exists()


def test_a_config_is_replaced_whole(tmp_path: Path):
    run = RunFolder(tmp_path / "run")
    run.create("{}")
    run.write_config('{"steps": 3}')
    assert run.read_config() == '{"steps": 3}'
    assert [path.name for path in run.path.iterdir()] == ["config.json"]


def test_a_folder_without_a_config_is_no_run(tmp_path: Path):
    with pytest.raises(ConfigError, match="is no run"):
        RunFolder(tmp_path).read_config()
