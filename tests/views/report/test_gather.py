import pytest

from abzero.run.journal import JournalReader, ProposalSummary
from abzero.views.report.gather import (
    band,
    commonest_operation,
    counts,
    gather,
    means,
    operations,
    settings,
    statements,
)
from tests.views.report.folders import make_run, rows

CHAIN = "def f(x):\n    j = x[::-1]\n\n    # a comment\n    k = j + [3]\n    return k"


def summary(step, program=None, rate=None, mode="deduction"):
    return ProposalSummary(step, mode, "id" if program else None, program, rate)


def test_statements_are_the_lines_that_do_something():
    assert statements(CHAIN) == 2
    assert statements("import math\nfrom a import b\n@c\ndef f(a):\n    return a") == 0
    assert statements("def f(returned):\n    returned += 1\n    return(returned)") == 1


def test_operations_are_statements_without_names_and_constants():
    assert operations(CHAIN) == ["X[::-C]", "X + [C]"]
    assert operations("    q = [(i + 3) % 10 for i in h]") == operations("    a = [(i + 5) % 10 for i in z]")
    assert operations("    s = t.replace('a', 'b')") == ["X.replace(C, C)"]


@pytest.mark.parametrize(
    ("rate", "place"),
    [(0.0, 0), (0.125, 1), (0.25, 1), (0.375, 2), (0.5, 2), (0.75, 3), (0.875, 4), (0.99, 4), (1.0, 5)],
)
def test_solve_rates_fall_into_bands(rate, place):
    assert band(rate) == place


def test_counts_and_means_go_step_by_step():
    some = [summary(1, CHAIN, 0.5), summary(1, CHAIN, 1.0), summary(2), summary(3, CHAIN, 0.0)]
    assert counts(some, 6, lambda one: None if one.solve_rate is None else band(one.solve_rate)) == [
        (1.0, [0, 0, 1, 0, 0, 1]),
        (3.0, [1, 0, 0, 0, 0, 0]),
    ]
    assert means(some, lambda one: one.solve_rate) == [(1.0, 0.75), (3.0, 0.0)]


def test_the_commonest_operation_is_a_share_of_the_steps_statements():
    other = "def f(x):\n    y = x[::-1]\n    z = y[1:]\n    return z"
    assert commonest_operation(
        [summary(1, CHAIN), summary(1, other), summary(1), summary(2, "def f(a):\n    return a")]
    ) == [(1.0, 0.5)]


def test_settings_are_flattened():
    tree = {"a": 1, "b": {"c": ["x", "y"], "d": {"e": None}}}
    assert settings(tree) == {"a": "1", "b.c": "x, y", "b.d.e": "None"}


def test_a_folder_is_gathered_without_its_seeding(tmp_path):
    from tests.steps import history

    zero, *rest = history(3)
    folder = make_run(
        tmp_path / "r", [zero.__class__(0, zero.proposals, [], [], {"a": 1.0}), *rest], after=rows(0.5), seed=4
    )
    reader = JournalReader(folder / "run.db")
    run = gather(folder, reader)
    reader.close()
    assert run.name == "r"
    assert run.steps == [2, 3]
    assert {one.step for one in run.summaries} == {2, 3}
    assert run.figures["a"] == []
    assert [step for step, _ in run.figures["learner/kl"]] == [2, 3]
    assert run.settings == {"seed": "4"}
    assert (run.before, len(run.after)) == (None, 6)
    assert run.modes == ["deduction"]
