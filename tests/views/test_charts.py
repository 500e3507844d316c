import json
import math
import re
from html import unescape
from xml.etree import ElementTree

import pytest

from abzero.views.charts import Series, area_chart, line_chart, rolling_mean, thinned, ticks
from abzero.views.report.dots import Dot, DotRow, dot_chart
from abzero.views.report.results import MeanScore


def drawing(figure):
    return ElementTree.fromstring(figure)


def numbers(figure):
    return json.loads(unescape(re.search('data-numbers="([^"]*)"', figure)[1]))


def test_a_line_chart_is_well_formed_and_carries_its_numbers():
    figure = line_chart("title <&>", [Series("a", [(1, 0.25), (2, 0.5)], "c0")], (1, 2), share=True, marks=[2.0])
    assert len(drawing(figure).findall(".//polyline")) == 1
    assert len(drawing(figure).findall(".//line[@class='mark']")) == 1
    assert numbers(figure)["series"] == [["a", [[1, 0.25], [2, 0.5]]]]
    assert numbers(figure)["share"] is True


def test_the_curve_is_where_its_numbers_are():
    [curve] = drawing(line_chart("t", [Series("a", [(0, 0.0), (10, 1.0)], "c0")], (0, 10), share=True)).findall(
        ".//polyline"
    )
    (x0, y0), (x1, y1) = [tuple(map(float, point.split(","))) for point in curve.get("points").split()]
    assert (x0, x1) == (42.0, 362.0)
    assert (y0, y1) == (166.0, 8.0)


def test_many_points_get_a_bold_mean_over_a_faint_curve():
    series = Series("a", [(x, x % 2) for x in range(100)], "c0")
    curves = drawing(line_chart("t", [series], (0, 99), share=True)).findall(".//polyline")
    assert [("raw" in curve.get("class").split()) for curve in curves] == [True, False]
    heights = [float(point.split(",")[1]) for point in curves[1].get("points").split()]
    assert max(heights) - min(heights) < 60


@pytest.mark.parametrize("points", [[], [(1, math.nan)], [(1, math.inf)]])
def test_a_figure_that_was_not_logged_says_so(points):
    assert "nothing was logged" in line_chart("t", [Series("a", points, "c0")], (1, 3))


@pytest.mark.parametrize(
    "points", [[(1, 0.0)], [(1, 5.0)], [(1, -3.0), (2, -3.0)], [(1, 1e-12), (2, 1e12)], [(3, 1e300)]]
)
def test_any_finite_figures_can_be_drawn(points):
    figure = line_chart("t", [Series("a", points, "c0")], (1, 3))
    assert "nan" not in figure.replace("finance", "")
    drawing(figure)


def test_a_curve_that_ends_early_leaves_room():
    [curve] = drawing(line_chart("t", [Series("a", [(0, 0.0), (5, 1.0)], "c0")], (0, 10), share=True)).findall(
        ".//polyline"
    )
    assert [float(point.split(",")[0]) for point in curve.get("points").split()] == [42.0, 202.0]


def test_one_step_is_a_dot():
    assert len(drawing(line_chart("t", [Series("a", [(1, 2.0)], "c0")], (1, 1))).findall(".//circle")) == 1


def test_an_arm_of_several_runs_has_one_entry_in_the_legend():
    runs = [Series("arm", [(1, 0.5), (2, 0.5)], "c0", name) for name in ("r1", "r2")]
    figure = line_chart("t", runs, (1, 1))
    assert len(drawing(figure).findall(".//small/span")) == 1
    assert [name for name, _ in numbers(figure)["series"]] == ["r1", "r2"]


def test_shares_are_stacked_to_the_whole():
    figure = area_chart("t", ["a", "b"], ["k1", "k2"], [(1, [1, 3]), (2, [0, 0]), (3, [2, 2])], (1, 3))
    assert len(drawing(figure).findall(".//polygon")) == 2
    assert numbers(figure)["series"] == [["a", [[1, 0.25], [3, 0.5]]], ["b", [[1, 0.75], [3, 0.5]]]]


@pytest.mark.parametrize("rows", [[], [(1, [0, 0])]])
def test_no_shares_say_so(rows):
    assert "nothing was logged" in area_chart("t", ["a", "b"], ["k1", "k2"], rows, (1, 3))


def test_long_runs_are_thinned_by_means():
    assert thinned([(1, 1.0), (2, math.nan), (3, 3.0)]) == [(1, 1.0), (3, 3.0)]
    points = thinned([(x, float(x)) for x in range(10_000)])
    assert len(points) == 400
    assert points[0] == (12.0, 12.0)


def test_a_rolling_mean_keeps_a_straight_line():
    line = [(float(x), float(x)) for x in range(100)]
    assert rolling_mean(line)[50] == (50.0, 50.0)
    assert rolling_mean(line[:10]) == line[:10]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (1, 200, [50, 100, 150, 200]),
        (-0.6, 0.6, [-0.5, 0, 0.5]),
        (0, 3, [0, 1, 2, 3]),
    ],
)
def test_ticks_are_round_numbers(low, high, expected):
    assert ticks(low, high, 4) == pytest.approx(expected)


def test_dots_lie_at_their_shares_with_their_intervals():
    rows = [DotRow("k = 1", [Dot(MeanScore(300, 0.5, 0.25, 0.75), "after c0")], 0.0), DotRow("k = 2", [], None)]
    tree = drawing(dot_chart("t", rows))
    [whisker] = tree.findall(".//g/line")
    [circle] = tree.findall(".//g/circle")
    assert (float(whisker.get("x1")), float(circle.get("cx")), float(whisker.get("x2"))) == (122.0, 202.0, 282.0)
    assert "50.0% of 300, 95 % interval 25.0% to 75.0%" in tree.find(".//g/title").text
    assert len(tree.findall(".//line[@class='tick']")) == 1
