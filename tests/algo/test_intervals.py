import pytest

from abzero.algo.intervals import wilson


@pytest.mark.parametrize(
    ("value", "n", "low", "high"),
    [(0.5, 100, 0.4038, 0.5962), (0.0, 10, 0.0, 0.2775), (1.0, 10, 0.7225, 1.0), (0.1, 50, 0.0435, 0.2136)],
)
def test_wilson_agrees_with_published_values(value: float, n: int, low: float, high: float):
    assert wilson(value, n) == pytest.approx((low, high), abs=1e-4)


def test_nothing_measured_is_nothing_known():
    assert wilson(0.0, 0) == (0.0, 1.0)
