import io
import re

import pytest
from rich.console import Console

from abzero.errors import RunError
from abzero.views.report import compared as as_data
from abzero.views.report import write_comparison
from tests.views.report.folders import make_run, rows
from tests.views.test_html import Reader


@pytest.fixture
def compared(tmp_path):
    def run(*folders):
        console = Console(file=io.StringIO(), width=200)
        console.print(write_comparison(folders, tmp_path / "compare.html"))
        return console.file.getvalue(), Reader((tmp_path / "compare.html").read_text(encoding="utf-8")).text

    return run


@pytest.fixture
def experiment(tmp_path):
    return [
        make_run(
            tmp_path / f"{name}{seed}",
            before=rows(0.3, n=2_000),
            after=rows(end + 0.01 * seed, n=2_000),
            seed=seed,
            run=f"runs/{name}{seed}",
            propose={"frozen_copy": name == "frozen", "samples": 8},
        )
        for name, end in (("frozen", 0.4), ("main", 0.5))
        for seed in (1, 2, 3)
    ]


def test_runs_that_differ_in_their_seed_alone_are_one_arm(compared, experiment):
    text, page = compared(*experiment)
    assert "propose.frozen_copy True" in text
    assert "frozen1 frozen2 frozen3" in text
    assert "propose.samples" not in text
    assert "propose.frozen_copy False: main1 (seed 1, 3 steps), main2 (seed 2, 3 steps)" in page


def test_a_fork_is_no_independent_seed(compared, tmp_path):
    forked = {"forked from": "runs/a, step 2"}
    alone = make_run(tmp_path / "c", seed=1, optimizer={"lr": 1e-5}, about=forked)
    text, page = compared(make_run(tmp_path / "a", seed=1), make_run(tmp_path / "b", seed=2, about=forked), alone)
    note = "Forked, so no independent seed, and intervals are too narrow: b (from runs/a, step 2)."
    assert note in text
    assert note in page
    assert "c (seed 1, 3 steps, forked from runs/a, step 2)" in page
    assert "Forked" not in compared(alone)[0]


def test_arms_are_paired_by_seed(compared, experiment):
    text, page = compared(*experiment)
    [first, *_] = [line for line in text.splitlines() if "deduction" in line]
    cells = re.split(r"\s{2,}", first.strip())
    # 2,000 problems a cell; the seeds' leads are all 10 points, so their interval is that over the problems
    assert cells == [
        "deduction",
        "1",
        "2000",
        "30.0",
        "30.0",
        "42.0",
        "+12 [9, 15]",
        "52.0",
        "+22 [19, 25]",
        "+10 [7, 13]",
    ]
    assert "+10 [7, 13]" in page


def test_two_single_runs_have_the_interval_over_problems(compared, experiment):
    text, _ = compared(experiment[0], experiment[3])
    assert "+10 [7, 13]" in text


def test_arms_without_a_common_seed_have_no_lead(compared, experiment):
    text, _ = compared(experiment[0], experiment[4])
    assert "+11 [8, 14]" in text  # the gain of frozen1
    assert "+10 [7, 13]" not in text


def test_runs_that_were_not_evaluated_are_compared_by_their_curves(compared, tmp_path):
    text, page = compared(*(make_run(tmp_path / name, steps=None, optimizer={"lr": name}) for name in ("a", "b")))
    assert "No run was evaluated" in text
    assert "optimizer.lr a" in page


def test_the_same_experiment_twice_is_one_clear_error(tmp_path):
    folders = [make_run(tmp_path / name, seed=1, run=name) for name in ("a", "b")]
    with pytest.raises(RunError, match="'a' and 'b' have the same settings and seed"):
        write_comparison(folders, tmp_path / "compare.html")


def test_the_figures_of_a_comparison_are_there_as_data(experiment):
    data = as_data(experiment)
    assert [arm["seeds"] for arm in data["arms"]] == [["1", "2", "3"]] * 2
    [first, *_] = [cell for cell in data["cells"] if cell["mode"] == "deduction"]
    assert first["arms"][0]["lead"] is None
    assert round(first["arms"][1]["lead"]["value"], 3) == 0.1
    assert set(first["arms"][1]["after"]) == {"value", "low", "high"}
