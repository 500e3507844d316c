"""What a run says it is at: a file that anybody may have written."""

import json
import os

import pytest

from abzero.run.now import NAME, Now
from abzero.views.now import FILE, moment
from abzero.views.run_folders import ServedRun
from tests.views.folders import run


def test_what_a_run_writes_is_read(tmp_path):
    now = Now(tmp_path, lambda: 100.0)
    now.step(7)
    now.begun("propose", 64)
    now.begun("sandbox", 64)
    found = moment(ServedRun("one", tmp_path), lambda: 101.5)
    assert (found.step, found.phase, found.count, found.seconds, found.reached) == (7, "sandbox", 64, 1.5, 0)
    assert FILE == NAME


GOOD = {"step": 7, "phase": "solve", "done": 1, "count": 2, "since": 1.0, "took": {}}


@pytest.mark.parametrize(
    "text",
    [
        *("", "[", "[]", "7", "null", "[" * 4000, "{}"),
        *(
            json.dumps(GOOD | {name: value})
            for name in GOOD
            for value in (None, "x", [], {"a": "b"}, float("nan"), -1e999)
        ),
        json.dumps(GOOD | {"took": {"a": "x" * 5000}}),
    ],
)
def test_a_file_that_says_something_else_is_passed_over(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    found = moment(ServedRun("one", tmp_path))
    assert found is None or all(isinstance(value, int) for value in (found.step, found.done, found.count))


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/etc/passwd")])
def test_what_is_no_file_is_not_read(tmp_path, make):
    folder = run(tmp_path / "one")
    make(folder / "thing")
    assert ServedRun("one", folder).file("thing", 100) is None
    assert ServedRun("one", folder).file("config.json", 3) == b"0}}"
