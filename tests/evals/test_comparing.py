"""Two folders of results side by side, and the list of the files that are there."""

import json

import pytest

from abzero.cli.main import main


def results(folder, verdicts, **asked):
    """A folder of results of one suite, a row a verdict; several rows of a problem stand in one string."""
    folder.mkdir()
    entry = {"sha256": ["0"], "limit": 0, **asked}
    (folder / "summary.json").write_text(json.dumps({"suites": {"aime24": entry}}))
    names = {"y": "correct", "n": "wrong", "e": "error"}
    rows = [
        {"id": str(key), "sample": sample, "verdict": names[one]}
        for key, some in enumerate(verdicts)
        for sample, one in enumerate(some)
    ]
    (folder / "aime24.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return str(folder)


def test_the_difference_of_single_samples_is_tested_exactly(tmp_path, capsys):
    left = results(tmp_path / "a", ["n"] * 10 + ["y"] * 2 + ["y"] * 5)
    right = results(tmp_path / "b", ["y"] * 10 + ["n"] * 2 + ["y"] * 5)
    assert main(["eval", "compare", left, right, "--json"]) == 0
    [found] = json.loads(capsys.readouterr().out)["suites"]
    assert (found["test"], round(found["p"], 4), found["gained"], found["lost"]) == ("mcnemar", 0.0386, 10, 2)
    assert round(found["difference"], 6) == round(8 / 17, 6)
    assert main(["eval", "compare", left, right]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines()[2:])) <= 80


def test_the_difference_of_means_is_tested_by_signs(tmp_path, capsys):
    left, right = results(tmp_path / "a", ["yn", "nn"]), results(tmp_path / "b", ["yy", "yn"])
    assert main(["eval", "compare", left, right, "--json"]) == 0
    [found] = json.loads(capsys.readouterr().out)["suites"]
    assert (found["test"], found["left"], found["right"]) == ("sign-flips", 0.25, 0.75)


@pytest.mark.parametrize(
    ("verdicts", "asked", "said"),
    [
        ("yn", {"sha256": ["1"]}, "differ in sha256"),
        ("yn", {"limit": 2}, "differ in limit"),
        ("y", {}, "different problems"),
        ("ye", {}, "an error is left"),
    ],
)
def test_what_differs_in_more_than_the_model_is_not_compared(tmp_path, capsys, verdicts, asked, said):
    left, right = results(tmp_path / "a", "yn"), results(tmp_path / "b", verdicts, **asked)
    assert main(["eval", "compare", left, right]) == 2
    assert said in " ".join(capsys.readouterr().err.split())


ASKED = {"preset": "paper", "words": "0", "tokens": 768}


@pytest.mark.parametrize("unlike", [{"preset": "chat"}, {"words": "1"}])
def test_what_was_asked_otherwise_is_not_compared(tmp_path, capsys, unlike):
    left = results(tmp_path / "a", "yn", asked=ASKED)
    right = results(tmp_path / "b", "yn", asked={**ASKED, **unlike})
    assert main(["eval", "compare", left, right]) == 2
    assert f"differ in {next(iter(unlike))}" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(("asked", "said"), [({**ASKED, "tokens": 64}, "tokens 768 and 64"), (None, "file of samples")])
def test_what_else_differs_is_said(tmp_path, capsys, asked, said):
    left, right = results(tmp_path / "a", "yn", asked=ASKED), results(tmp_path / "b", "yn", asked=asked)
    assert main(["eval", "compare", left, right]) == 0
    assert said in capsys.readouterr().out


def test_other_judges_and_equal_weights_are_said(tmp_path, capsys):
    asked = {**ASKED, "weights": {"model.safetensors": "0"}}
    left = results(tmp_path / "a", "yn", asked=asked, judged_by={"version": "1", "python": "3.11"})
    right = results(tmp_path / "b", "yn", asked=asked, judged_by={"version": "2", "python": "3.11"})
    assert main(["eval", "compare", left, right]) == 0
    said = capsys.readouterr().out
    assert 'judged with different version "1" and "2"\n' in said
    assert "answered with the same weights" in said


def test_a_file_that_cannot_be_read_hides_no_other(tmp_path, capsys):
    (tmp_path / "HumanEvalPlus.jsonl").write_text("not JSON\n")
    (tmp_path / "cruxeval.jsonl").write_text(
        json.dumps({"id": "0", "code": "def f(): return 1", "input": "", "output": "1"}) + "\n"
    )
    assert main(["eval", "data", "--data", str(tmp_path)]) == 2
    said = capsys.readouterr().out
    assert "UNREADABLE" in said
    assert "HumanEvalPlus.jsonl, line 1: no JSON" in said
    assert said.count("truncated, 1 of 800") == 2
