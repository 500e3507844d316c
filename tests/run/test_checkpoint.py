import errno
import hashlib
import json
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abzero.errors import RunError
from abzero.policy.scripted import ScriptedLearner
from abzero.run.checkpoint import Checkpoints, find_damage
from abzero.tasks.buffer import Buffer
from tests.fakes import row, task


class FullDisk(ScriptedLearner):
    """Writes half of its state, and then there is no room."""

    def save(self, folder: Path) -> None:
        (folder / "half").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")


class WithFolder(ScriptedLearner):
    """Saves some of its state in a folder of its own, as large models do."""

    def save(self, folder: Path) -> None:
        super().save(folder)
        (folder / "model").mkdir()
        (folder / "model" / "shard").write_bytes(b"\0\1\2")


def state(updates: int, learner: ScriptedLearner | None = None) -> tuple[ScriptedLearner, Buffer]:
    learner, buffer = learner or ScriptedLearner(), Buffer()
    for number in range(updates):
        learner.update([row(float(number))])
        buffer.add(task(number))
    return learner, buffer


def restored(checkpoints: Checkpoints) -> tuple[int | None, str, int, list[str]]:
    learner, buffer, warnings = ScriptedLearner(), Buffer(), []
    step = checkpoints.load(learner, buffer, warnings.append)
    return step, learner.digest, buffer.size("deduction"), warnings


@pytest.fixture
def checkpoints(tmp_path):
    """With whole checkpoints of steps 1 and 2."""
    made = Checkpoints(tmp_path / "checkpoints")
    for step in (1, 2):
        made.save(step, *state(step))
    return made


def test_what_was_saved_is_restored(checkpoints):
    assert restored(checkpoints) == (2, state(2)[0].digest, 2, [])


def test_where_there_is_none_there_is_none(tmp_path):
    assert restored(Checkpoints(tmp_path / "none")) == (None, "", 0, [])
    assert Checkpoints(tmp_path / "none").newest() is None


def test_a_checkpoint_is_its_format(checkpoints):
    """The golden form: what is in a folder, by name, and how the sums are written."""
    folder = checkpoints.newest()
    assert folder.name == "step-000002"
    assert sorted(path.name for path in folder.iterdir()) == [
        "SHA256SUMS",
        "buffer.jsonl",
        "scripted.json",
        "state.json",
    ]
    assert json.loads((folder / "state.json").read_text()) == {"format": 1, "step": 2, "version": 2}
    first = json.loads((folder / "buffer.jsonl").read_text().splitlines()[0])
    assert first == {
        "mode": "deduction",
        "program": "def f(x):\n    return x + 0",
        "cases": [["1", "1"]],
        "message": "",
        "offered": 1,
    }
    sums = [line.split("  ") for line in (folder / "SHA256SUMS").read_text().splitlines()]
    assert [name for _, name in sums] == ["buffer.jsonl", "scripted.json", "state.json"]
    assert all(len(digest) == 64 for digest, _ in sums)


def test_the_newest_two_stay(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=2)
    for step in (0, 5, 10, 15):
        checkpoints.save(step, *state(1))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000010", "step-000015"]


DAMAGES = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "emptied": lambda path: path.write_bytes(b""),
    "grown": lambda path: path.write_bytes(path.read_bytes() + b"\n{"),
    "one bit": lambda path: path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:]),
    "removed": lambda path: path.unlink(),
    "binary": lambda path: path.write_bytes(b"\xff\xfe\0"),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a dangling link": lambda path: (path.unlink(), path.symlink_to("nowhere")),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["buffer.jsonl", "scripted.json", "state.json", "SHA256SUMS"])
def test_a_damaged_file_is_named_and_the_checkpoint_before_is_used(checkpoints, name, damage):
    folder = checkpoints.newest()
    DAMAGES[damage](folder / name)
    assert find_damage(folder)
    step, digest, size, warnings = restored(checkpoints)
    assert (step, digest, size) == (1, state(1)[0].digest, 1)
    assert len(warnings) == 1
    assert str(folder) in warnings[0]
    assert checkpoints.newest().name == "step-000001"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_byte_changed_or_cut_anywhere_is_damage(checkpoints, data):
    copy = checkpoints.folder / ".copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(checkpoints.newest(), copy)
    path = data.draw(st.sampled_from(sorted(path for path in copy.iterdir())))
    content = path.read_bytes()
    at = data.draw(st.integers(0, len(content) - 2))
    if data.draw(st.booleans()):
        path.write_bytes(content[:at])
    else:
        path.write_bytes(content[:at] + bytes([content[at] ^ data.draw(st.integers(1, 255))]) + content[at + 1 :])
    assert find_damage(copy)
    shutil.rmtree(copy)


def test_an_added_file_is_damage(checkpoints):
    (checkpoints.newest() / "weights.pkl").write_bytes(b"")
    assert find_damage(checkpoints.folder / "step-000002") == "weights.pkl is missing, or was added"
    assert restored(checkpoints)[0] == 1


def test_a_file_in_a_folder_counts(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, *state(1, WithFolder()))
    assert restored(checkpoints)[0] == 1
    (checkpoints.newest() / "model" / "shard").write_bytes(b"\0\1\3")
    assert find_damage(tmp_path / "step-000001") == "model/shard has changed"


def test_another_format_is_damage(checkpoints):
    folder = checkpoints.newest()
    old = (folder / "state.json").read_bytes()
    new = old.replace(b'"format": 1', b'"format": 2')
    (folder / "state.json").write_bytes(new)
    sums = (folder / "SHA256SUMS").read_text()
    (folder / "SHA256SUMS").write_text(sums.replace(hashlib.sha256(old).hexdigest(), hashlib.sha256(new).hexdigest()))
    assert find_damage(folder) == "its format is 2, not 1"


def test_when_all_are_damaged_it_says_so(checkpoints):
    for folder in checkpoints.folder.iterdir():
        (folder / "state.json").unlink()
    with pytest.raises(RunError, match="is whole: start the run again"):
        restored(checkpoints)


def test_a_full_disk_leaves_the_older_ones_and_nothing_half_written(checkpoints):
    with pytest.raises(RunError, match=r"step-000003 cannot be written \(No space left on device\): make room"):
        checkpoints.save(3, *state(3, FullDisk()))
    assert sorted(path.name for path in checkpoints.folder.iterdir()) == ["step-000001", "step-000002"]
    assert restored(checkpoints)[0] == 2


def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        Checkpoints(tmp_path / "file" / "checkpoints").save(1, *state(1))


@pytest.mark.parametrize("left", [".partial-step-000003", ".replaced-step-000002"])
def test_what_a_kill_left_behind_is_cleared_by_the_next_save_and_ignored_by_a_load(checkpoints, left):
    (checkpoints.folder / left).mkdir()
    (checkpoints.folder / left / "half").write_text("half")
    assert restored(checkpoints)[0] == 2
    checkpoints.save(3, *state(3))
    assert sorted(path.name for path in checkpoints.folder.iterdir()) == ["step-000002", "step-000003"]


def test_a_hidden_file_that_is_not_ours_is_left_alone(checkpoints):
    (checkpoints.folder / ".DS_Store").write_text("")
    checkpoints.save(3, *state(3))
    assert (checkpoints.folder / ".DS_Store").exists()
    assert restored(checkpoints)[0] == 3


def test_a_damaged_checkpoint_is_replaced_when_its_step_comes_again(checkpoints):
    (checkpoints.newest() / "scripted.json").unlink()
    checkpoints.save(2, *state(2))
    assert restored(checkpoints) == (2, state(2)[0].digest, 2, [])
    assert sorted(path.name for path in checkpoints.folder.iterdir()) == ["step-000001", "step-000002"]


def test_damaged_ones_ahead_do_not_push_whole_ones_out(tmp_path):
    """Going on from step 1, past damaged checkpoints of later steps: two whole ones stay."""
    checkpoints = Checkpoints(tmp_path, keep=2)
    for step in (1, 8, 9):
        Checkpoints(tmp_path, keep=9).save(step, *state(step))
    for step in (8, 9):
        (tmp_path / f"step-00000{step}" / "state.json").unlink()
    for step in (2, 3):
        checkpoints.save(step, *state(step))
    whole = [path.name for path in sorted(tmp_path.iterdir()) if not find_damage(path)]
    assert whole == ["step-000002", "step-000003"]
    assert restored(checkpoints)[0] == 3
