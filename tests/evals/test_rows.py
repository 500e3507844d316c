"""Figures of rows, by hand."""

import pytest

from abzero.algo.intervals import wilson
from abzero.errors import ConfigError
from abzero.evals.paired import bootstrap, mcnemar, sign_flips
from abzero.evals.rows import SampleRow, figures, pass_at


@pytest.mark.parametrize(("n", "c", "k", "value"), [(10, 3, 5, 0.916667), (8, 1, 1, 0.125), (200, 1, 100, 0.5)])
def test_pass_at_k(n, c, k, value):
    assert pass_at(n, c, k) == pytest.approx(value, abs=1e-6)


def test_pass_at_more_than_there_is_is_refused():
    with pytest.raises(ConfigError, match="pass@9"):
        pass_at(8, 1, 9)


@pytest.mark.parametrize(("only_left", "only_right", "p"), [(10, 2, 0.0386), (6, 0, 0.0313), (0, 0, 1.0)])
def test_mcnemar(only_left, only_right, p):
    left = [True] * only_left + [False] * only_right + [True]
    right = [False] * only_left + [True] * only_right + [True]
    assert mcnemar(left, right) == pytest.approx(p, abs=1e-4)


def test_an_error_gives_bounds_and_never_counts_as_wrong():
    found = figures(
        [
            SampleRow("a", 0, "correct"),
            SampleRow("b", 0, "error"),
            SampleRow("c", 0, "timeout"),
            SampleRow("d", 0, "no_answer"),
        ]
    )
    assert (found.errors, found.low, found.high) == (1, 0.25, 0.5)


def test_pass_1_of_several_samples_divides_by_all_of_them():
    rows = [
        SampleRow("a", 0, "correct"),
        SampleRow("a", 1, "no_answer"),
        SampleRow("b", 0, "wrong"),
        SampleRow("b", 1, "wrong"),
    ]
    found = figures(rows)
    assert (found.n, found.samples, found.correct) == (2, 4, 0.25)
    assert found.low <= 0.25 <= found.high


@pytest.mark.parametrize("verdict", ["correct", "wrong"])
@pytest.mark.parametrize("problems", [1, 30])
def test_problems_that_are_all_alike_do_not_make_a_score_certain(verdict, problems):
    found = figures([SampleRow(f"{at}", sample, verdict) for at in range(problems) for sample in range(4)])
    assert (found.low, found.high) == wilson(float(verdict == "correct"), problems)
    assert found.high - found.low > 0.1


def test_no_difference_is_no_finding():
    assert sign_flips([0.0, 0.0]) == 1.0
    assert sign_flips([1.0] * 12) < 0.01
    assert bootstrap([1.0] * 5) == (1.0, 1.0)
