"""A judge that fails is an error of ours; what a command that scores samples exits with."""

import json

import pytest

from abzero.cli.main import main
from abzero.errors import SandboxError
from abzero.evals import data, rows
from abzero.evals.mathematics import Mathematics
from abzero.evals.samples import Sample
from abzero.evals.scoring import Judges, score
from abzero.evals.suites import SUITES
from tests.evals.oracles import BENCH

JUDGES = Judges(lambda: None, lambda: None, lambda: None)
"""Mathematics needs none of them."""


class Breaks:
    """Fails on some answers, in the way that `error` is."""

    def __init__(self, error):
        self.error = error

    def compare(self, gold, answer):
        if "y" in answer:
            raise self.error
        return "wrong"


@pytest.mark.parametrize("error", [SandboxError("it died"), RecursionError("too deep"), ValueError("odd")])
def test_a_judge_that_fails_is_an_error_and_never_wrong(tmp_path, error):
    file = tmp_path / "aime24.jsonl"
    file.write_text("".join(json.dumps({"id": i, "problem": "?", "answer": "2"}) + "\n" for i in range(3)))
    suite = Mathematics(data.read(SUITES["aime24"], [file]), Breaks(error))
    samples = [Sample(str(i), 0, "answer", text) for i, text in enumerate(["2", "y", "x"])]
    for batch in score(suite, samples, JUDGES):
        rows.append(tmp_path / "rows", "aime24", batch)
    kept = rows.read(tmp_path / "rows")
    assert [row.verdict for row in kept] == ["correct", "error", "wrong"]
    figures = rows.figures(kept)
    assert (figures.errors, round(figures.low, 2), round(figures.high, 2)) == (1, 0.33, 0.67)


@pytest.mark.parametrize(
    ("output", "flags", "code"),
    [("1", (), 0), ("2", (), 1), ("1", ("--limit", "few"), 2), ("1", ("--suite", "cruxeval-o"), 3)],
)
def test_exit_codes(tmp_path, output, flags, code, capsys):
    """0 scored, 1 the self-test failed (this problem's own answer is not right), 2 usage, 3 the data is missing."""
    row = {"id": "a", "code": "def f(x):\n    return x", "input": "1", "output": output}
    (tmp_path / "bench").mkdir()
    if code != 3:
        (tmp_path / "bench" / "cruxeval.jsonl").write_text(json.dumps(row) + "\n")
    (tmp_path / "s").write_text(json.dumps({"id": "a", "answer": "1"}) + "\n")
    command = ["eval", "--samples", str(tmp_path / "s"), "--suite", "cruxeval-i", "--data", str(tmp_path / "bench")]
    try:
        found = main([*command, *flags])
    except SystemExit as end:
        found = end.code
    assert found == code
    assert code != 1 or "self-test of cruxeval-i failed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("file", "flags", "said"),
    [
        ("s", ("--k", "2"), "--repeats 2"),
        ("none", (), "none: there is no such file"),
        ("s", ("--limit", "-1"), "--limit"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_judged(tmp_path, capsys, file, flags, said):
    row = {"id": "a", "code": "def f(x):\n    return x", "input": "1", "output": "1"}
    (tmp_path / "cruxeval.jsonl").write_text(json.dumps(row) + "\n")
    (tmp_path / "s").write_text(json.dumps({"id": "a", "answer": "1"}) + "\n")
    out = tmp_path / "out"
    command = ["eval", "--samples", str(tmp_path / file), "--suite", "cruxeval-o", "--data", str(tmp_path)]
    assert main([*command, "--out", str(out), *flags]) == 2
    assert said in capsys.readouterr().err
    assert not out.exists()


def test_a_judge_that_fails_its_self_test_is_told_before_anything_is_asked(tmp_path, capsys):
    (tmp_path / "aime24.jsonl").write_text(json.dumps({"id": 1, "problem": "?", "answer": "\\frac{"}) + "\n")
    out = tmp_path / "out"
    assert main(["eval", "tiny", "--suite", "aime24", "--data", str(tmp_path), "--out", str(out)]) == 1
    assert "1 reference answers are not accepted: 1" in capsys.readouterr().out
    assert list(out.iterdir()) == []


def test_one_byte_more_is_another_revision_and_a_row_less_is_truncated(tmp_path, capsys):
    whole = BENCH / "cruxeval" / "cruxeval.jsonl"
    if not whole.exists():
        pytest.skip(f"no {whole}")
    released = whole.read_bytes()
    copies = {
        "verified": released,
        "unknown revision": released + b"\n",
        "truncated, 799 of 800": released[: released.rstrip().rfind(b"\n") + 1],
    }
    for status, content in copies.items():
        (tmp_path / "cruxeval.jsonl").write_bytes(content)
        main(["eval", "data", "--suite", "cruxeval-o", "--data", str(tmp_path)])
        assert status in capsys.readouterr().out
