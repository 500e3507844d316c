import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from abzero.errors import ConfigError, RunError
from abzero.run.directory import RunFolder
from abzero.run.files import append_text, check_output, read_text, replace_text, replacing


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    file = tmp_path / "rows"
    file.write_text("before")
    with pytest.raises(UnicodeEncodeError), replacing(file) as new:
        new.write("half \ud800")
    assert file.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["rows"]
    with replacing(file) as new:
        new.write(file.read_text() + " and after")
    assert file.read_text() == "before and after"


def test_what_a_link_points_to_is_not_written(tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("mine")
    link = tmp_path / "link"
    link.symlink_to(outside)
    replace_text(link, "theirs")
    assert (outside.read_text(), link.read_text(), link.is_symlink()) == ("mine", "theirs", False)


def test_a_link_to_a_device_is_replaced_but_in_dev(tmp_path):
    link = tmp_path / "link"
    link.symlink_to("/dev/full")
    replace_text(link, "theirs")
    assert (link.read_text(), link.is_symlink()) == ("theirs", False)
    with pytest.raises(RunError, match="No space left"):
        replace_text(Path("/dev/full"), "theirs")


def test_what_is_appended_is_there_whole_or_not_at_all_and_behind_no_link(tmp_path):
    file, link = tmp_path / "file", tmp_path / "link"
    append_text(file, "ä\n")
    append_text(file, "b\n")
    assert file.read_text() == "ä\nb\n"
    link.symlink_to(file)
    with pytest.raises(RunError, match=r"link' cannot be written \(Too many levels of symbolic links\)"):
        append_text(link, "c\n")
    with limited(len("ä\nb\n".encode()) + 3), pytest.raises(RunError, match="File too large"):
        append_text(file, "too long\n")
    assert file.read_text() == "ä\nb\n"


@contextmanager
def limited(size: int) -> Iterator[None]:
    """No file of this process grows beyond `size` bytes."""
    before, ignored = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def test_a_link_a_pipe_and_a_flood_are_not_read(tmp_path):
    (tmp_path / "file").write_text("text")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")
    assert read_text(tmp_path / "file") == "text"
    for name, most in (("link", 9), ("pipe", 9), ("file", 3), ("none", 9)):
        with pytest.raises(RunError, match="cannot be read"):
            read_text(tmp_path / name, most)


@pytest.mark.parametrize("place", [".", "none/file", "n" * 300])
def test_where_nothing_can_be_written_is_said_before_the_work(tmp_path, place):
    with pytest.raises(ConfigError, match="--out"):
        check_output(tmp_path / place, "--out")
    check_output(tmp_path / "file", "--out")


@pytest.mark.parametrize("name", [".lock", "run.db", "checkpoints", "refused-seeds.jsonl", "tensorboard/events"])
def test_a_run_with_a_link_in_it_is_not_worked_on(tmp_path, name):
    (tmp_path / "outside").write_text("mine")
    run = RunFolder(tmp_path / "run")
    run.create("{}")
    (run.path / name).parent.mkdir(exist_ok=True)
    (run.path / name).symlink_to(tmp_path / "outside")
    with pytest.raises(RunError, match="is a symbolic link"), run.locked():
        pass
    assert (tmp_path / "outside").read_text() == "mine"


def test_results_of_a_run_are_not_written_behind_a_link(tmp_path):
    from abzero.cli.ask_model import _folder

    weights = tmp_path / "run" / "checkpoints" / "step-000002" / "model"
    weights.mkdir(parents=True)
    assert _folder(str(tmp_path / "run"), str(weights)) == tmp_path / "run" / "evals" / "step-000002"
    (tmp_path / "run" / "evals").symlink_to(tmp_path)
    with pytest.raises(RunError, match="evals' is a symbolic link"):
        _folder(str(tmp_path / "run"), str(weights))


def test_a_pipe_in_the_place_of_a_report_does_not_keep_it_waiting(tmp_path):
    os.mkfifo(tmp_path / "report.html")
    with pytest.raises(RunError, match="it is a pipe or a device"):
        replace_text(tmp_path / "report.html", "text")
