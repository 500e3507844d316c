import json

import pytest

from abzero.errors import RunError
from abzero.views.report.results import Change, MeanScore, difference, mean, paired, points, read, student
from tests.views.report.folders import rows


def test_what_eval_writes_is_read(tmp_path):
    (tmp_path / "e.json").write_text(json.dumps(rows(0.5, modes=("abduction",), lengths=(3,), metrics=("greedy",))))
    [(cell, share)] = read(tmp_path / "e.json").items()
    assert cell == ("abduction", 3, "greedy")
    assert (share.n, share.value) == (300, 0.5)
    assert read(tmp_path / "absent.json") is None


@pytest.mark.parametrize(
    "content", ["", "{}x", "3", '{"a": 1}', '[{"mode": "m"}]', '[{"mode": "m", "k": "x"}]', "\xff"]
)
def test_a_file_that_is_no_evaluation_is_one_clear_error(tmp_path, content):
    (tmp_path / "e.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(RunError, match=r"e\.json is not a file of `abzero eval"):
        read(tmp_path / "e.json")


def test_newcombes_interval_of_a_difference():
    # Newcombe 1998, example (a): 56/70 - 48/80 = 0.2, interval 0.0524 to 0.3339
    left = MeanScore(80, 0.6, 0.4904, 0.7002)
    right = MeanScore(70, 0.8, 0.6919, 0.8773)
    change = difference(left, right)
    assert change.value == pytest.approx(0.2)
    assert (change.low, change.high) == (pytest.approx(0.0526, abs=5e-4), pytest.approx(0.3341, abs=5e-4))


def test_answers_to_the_same_problems_are_compared_problem_by_problem():
    left = MeanScore(10, 0.4, 0.17, 0.69, (1.0,) * 4 + (0.0,) * 6)
    right = MeanScore(10, 0.7, 0.4, 0.89, (1.0,) * 7 + (0.0,) * 3)
    change = difference(left, right)
    changes = [0.0] * 7 + [1.0] * 3 + [1.0, -1.0]
    half = 1.959964 * (sum((c - 0.25) ** 2 for c in changes) / 11 / 12) ** 0.5
    assert change.value == pytest.approx(0.3)
    assert (change.low, change.high) == (pytest.approx(0.3 - half), pytest.approx(0.3 + half))
    apart = difference(MeanScore(10, 0.4, 0.17, 0.69), MeanScore(10, 0.7, 0.4, 0.89))
    assert change.high - change.low < apart.high - apart.low


def test_one_pair_has_the_interval_over_problems():
    left, right = MeanScore(300, 0.3, 0.25, 0.35), MeanScore(300, 0.5, 0.44, 0.56)
    assert paired([(left, right)]) == difference(left, right)


def test_seeds_that_disagree_widen_the_interval():
    narrow = [
        (MeanScore(10_000, 0.30, 0.29, 0.31), MeanScore(10_000, end, end - 0.01, end + 0.01)) for end in (0.4, 0.5, 0.6)
    ]
    change = paired(narrow)
    # differences 0.1, 0.2, 0.3: mean 0.2, s = 0.1, t(2) = 4.303, half-width 0.2484
    assert change.value == pytest.approx(0.2)
    assert (change.low, change.high) == (pytest.approx(-0.0484, abs=1e-4), pytest.approx(0.4484, abs=1e-4))


def test_seeds_that_agree_keep_the_interval_over_problems():
    pairs = [(MeanScore(300, 0.3, 0.25, 0.35), MeanScore(300, 0.5, 0.44, 0.56))] * 3
    one = difference(*pairs[0])
    assert paired(pairs) == Change(*map(pytest.approx, (one.value, one.low, one.high)))


def test_a_mean_of_shares_stays_a_share():
    shares = [MeanScore(300, 0.02, 0.01, 0.04), MeanScore(300, 0.10, 0.07, 0.14)]
    assert mean(shares).value == pytest.approx(0.06)
    assert mean(shares).low == 0.0
    assert mean([MeanScore(300, 0.98, 0.96, 0.99), MeanScore(300, 0.7, 0.6, 0.8)]).high == 1.0


@pytest.mark.parametrize(("values", "half"), [([1.0], 0.0), ([1.0, 3.0], 12.706), ([0.0, 1.0, 2.0], 2.4843)])
def test_students_interval(values, half):
    assert student(values) == pytest.approx(half, rel=1e-3)


def test_student_for_many_seeds_comes_near_the_normal():
    assert student([0.0, 1.0] * 15) == pytest.approx(2.0452 * 0.50855 / 30**0.5, rel=5e-3)  # t(29) = 2.0452


def test_a_change_reads_in_points():
    assert points(Change(0.221, 0.139, 0.29)) == "+22 [14, 29]"
