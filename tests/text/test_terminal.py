"""What is printed reads at 60 columns, and goes into a pipe whole."""

import io

import pytest
from rich.console import Console

from abzero.cli.machine import Diagnosis
from abzero.cli.machine import table as diagnoses
from abzero.cli.output import WIDE
from abzero.evals.results import Measurement
from abzero.evals.results import table as evaluation
from abzero.text.terminal import Column, Pairs, RankedTable, SourceText
from abzero.views.overview import Overview
from abzero.views.runs import table as table_of_runs
from tests.steps import HOSTILE


def printed(renderable, width, terminal=False):
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None, _environ={})
    console.print(renderable)
    return console.file.getvalue()


@pytest.fixture
def table():
    made = RankedTable([Column("run"), Column("model", 2), Column("solver's\nscore", 1), Column("step")])
    made.add_row("a-run-with-a-name", "some/model", "0.25", "12/80")
    return made


@pytest.mark.parametrize(("width", "left_out"), [(60, []), (43, ["model"]), (33, ["model", "solver's score"])])
def test_columns_are_left_out_by_rank(table, width, left_out):
    lines = printed(table, width).splitlines()
    assert max(map(len, lines)) <= width
    assert "a-run-with-a-name" in "".join(lines)
    assert "12/80" in "".join(lines)
    note = " ".join(line.strip() for line in lines).partition("(too narrow for: ")[2]
    assert note == (f"{', '.join(left_out)})" if left_out else "")


def test_what_must_stay_is_folded_and_never_cut(table):
    text = printed(table, 16)
    assert "…" not in text
    assert "12/80" in text.replace("\n", "")


def test_a_pipe_gets_whole_lines_without_padding(table):
    for made in (table, Pairs({"key": "v" * 500, "other": "w"}), SourceText("def f(a):\n    return a\n" + "#" * 3_000)):
        lines = printed(made, WIDE).splitlines()
        assert max(map(len, lines)) < 3_100
    assert "key " + "v" * 500 in printed(Pairs({"key": "v" * 500}), WIDE)


@pytest.mark.parametrize(
    "make", [lambda table: table, lambda _: diagnoses([Diagnosis("a", "b"), Diagnosis("a", "bcd")])]
)
def test_no_line_of_a_table_ends_in_blanks_in_a_pipe(table, make):
    table.add_row("b", "c", "d", "e")
    piped, shown = (printed(make(table), 60, terminal) for terminal in (False, True))
    assert piped.splitlines() == [line.rstrip() for line in shown.splitlines()]
    assert piped != shown


def test_a_list_of_runs_keeps_score_and_solve_rate_at_60_columns():
    figures = {"solve/score/deduction": 0.25, "propose/valid/deduction": 0.5, "propose/solve_rate/deduction": 0.75}
    seen = Overview("a-run-of-one", "org/some-model-7b", "finished", 120, 500, 3, (), figures)
    lines = printed(table_of_runs([seen]), 60).splitlines()
    assert lines[1].split() == ["run", "state", "step", "score", "solve", "rate"]
    assert lines[3].split() == ["a-run-of-one", "finished", "120/500", "0.25", "0.75"]


def test_what_a_model_wrote_is_harmless_in_both():
    for terminal in (True, False):
        text = printed(SourceText(HOSTILE), 60, terminal) + printed(Pairs({HOSTILE: HOSTILE}), 60, terminal)
        assert "\x1b" not in text
        assert "\\x1b" in text


@pytest.mark.parametrize("width", [60, 80, WIDE])
def test_an_evaluation_names_every_mode_and_metric_in_full(width):
    modes, metrics = ("abduction", "deduction", "induction"), ("greedy", "pass@1", "greedy, new pair")
    rows = [
        Measurement(mode, k, metric, 300, 0.123, 0.1, 0.2) for mode in modes for metric in metrics for k in range(1, 7)
    ]
    text = printed(evaluation(rows), width)
    assert all(name in text for name in (*modes, *" ".join(metrics).split()))
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= min(width, 70)
