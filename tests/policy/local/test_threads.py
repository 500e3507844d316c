import time

import pytest
import torch

from abzero.policy.local.threads import candidates, quickest


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
