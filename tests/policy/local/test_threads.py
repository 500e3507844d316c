import time
from pathlib import Path

import pytest
import torch

from abzero.policy.local.threads import Crowding, candidates, quickest, scheduled


@pytest.fixture(autouse=True)
def _threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_one_half_and_all_of_the_cores_are_tried():
    assert [candidates(cores) for cores in (1, 2, 3, 8)] == [[1], [1, 2], [1, 3], [1, 4, 8]]


@pytest.mark.parametrize(
    ("seconds", "expected"), [({1: 0.2, 2: 0.02}, 2), ({1: 0.02, 2: 0.2}, 1), ({1: 0.2, 2: 0.195}, 1)]
)
def test_more_threads_are_taken_where_they_are_clearly_quicker(seconds, expected):
    assert quickest(lambda: time.sleep(seconds[torch.get_num_threads()]), [1, 2], rounds=1) == expected
    assert torch.get_num_threads() == expected


@pytest.mark.parametrize(("threads", "lines"), [(2, 2), (1, 0), (0, 0)])
def test_threads_that_wait_for_cores_are_noticed_once_each_time_it_begins(threads, lines):
    told = iter([(0.0, 0.0), (9.0, 1.0), (10.0, 9.0), (11.0, 19.0), (30.0, 20.0), (30.0, 20.0), (31.0, 22.0)])
    said: list[str] = []
    crowding = Crowding(threads, Path("runs/a"), said.append, lambda: next(told))
    for _ in range(6):
        crowding.observe(None)
    assert len(said) == lines
    assert all("abzero resume runs/a --model.threads 1" in line for line in said)
    assert "waited for one 89% of their time" in "".join(said) or not lines


def test_what_a_system_does_not_say_is_no_waiting(tmp_path):
    (tmp_path / "7").mkdir()
    (tmp_path / "8").mkdir()
    assert scheduled(tmp_path) == (0, 0)
    (tmp_path / "7" / "schedstat").write_text("2000000000 500000000 3\n")
    assert scheduled(tmp_path) == (2.0, 0.5)
