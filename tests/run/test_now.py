import json

from abzero.algo.metrics import Stopwatch
from abzero.run.now import NAME, Now
from tests.steps import history


class Clock:
    def __init__(self):
        self.time = 100.0

    def __call__(self):
        return self.time


def read(folder):
    return json.loads((folder / NAME).read_text(encoding="ascii"))


def test_the_file_says_which_phase_is_how_far(tmp_path):
    clock = Clock()
    now = Now(tmp_path, clock)
    now.step(7)
    now.begun("propose", 64)
    clock.time = 102.0
    now.done(40)
    assert read(tmp_path) == {"step": 7, "phase": "propose", "done": 40, "count": 64, "since": 100.0, "took": {}}
    now.begun("sandbox", 64)
    clock.time = 103.0
    now.begun("estimate", 200)
    clock.time = 104.0
    now.begun("sandbox", 200)
    clock.time = 106.0
    now.begun("update", 9)
    assert read(tmp_path)["took"] == {"propose": 2.0, "sandbox": 3.0, "estimate": 1.0}


def test_a_phase_is_written_at_most_four_times_a_second_and_never_over_its_count(tmp_path):
    clock = Clock()
    now = Now(tmp_path, clock)
    now.begun("solve", 8)
    clock.time += 0.2
    now.done(4)
    assert read(tmp_path)["done"] == 0
    clock.time += 0.1
    now.done(6)
    assert read(tmp_path)["done"] == 8


def test_a_committed_step_begins_the_next_and_the_end_of_a_run_leaves_no_file(tmp_path):
    now = Now(tmp_path, Clock())
    now.observe(history(3)[-1])
    now.begun("propose", 1)
    assert read(tmp_path)["step"] == 4
    now.close()
    assert list(tmp_path.iterdir()) == []
    now.close()


def test_a_disk_that_refuses_the_file_ends_nothing(tmp_path):
    now = Now(tmp_path / "gone", Clock())
    now.begun("propose", 1)
    now.close()
    assert list(tmp_path.iterdir()) == [], "no folder is made for it either"


def test_a_stopwatch_says_what_it_times(tmp_path):
    heard = []
    stopwatch = Stopwatch(begun=lambda phase, count: heard.append((phase, count)))
    with stopwatch("propose", 64), stopwatch("sandbox"):
        pass
    assert heard == [("propose", 64), ("sandbox", 0)]
