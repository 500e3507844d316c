from hypothesis import given
from hypothesis import strategies as st

from abzero.policy.local.batching import micro_batches


@given(st.lists(st.integers(1, 60)), st.integers(1, 200))
def test_every_row_is_in_one_group_and_no_group_of_two_exceeds_the_budget(lengths, budget):
    groups = micro_batches(lengths, budget)
    assert sorted(index for group in groups for index in group) == list(range(len(lengths)))
    for group in groups:
        assert len(group) == 1 or len(group) * max(lengths[index] for index in group) <= budget


def test_rows_of_like_length_share_a_group():
    assert micro_batches([3, 9, 4, 8], 18) == [[1, 3], [2, 0]]
