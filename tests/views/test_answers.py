"""Answers to held-out problems are found again and read: show --suite, grep --suite; of a run, and in a folder."""

import json
import re
from contextlib import closing
from html import unescape

import pytest

from abzero.cli.main import main
from abzero.errors import RunError
from abzero.evals import rows
from abzero.evals.base import Score
from abzero.evals.samples import Sample
from abzero.evals.scoring import Judged
from abzero.run.journal import JournalWriter
from abzero.text.terminal import counted
from abzero.views.judged import judgements, tally
from tests.steps import history

PROBLEMS = [("HumanEval/7", "def double(x):\n    # twice of it"), ("HumanEval/8", "def half(x):")]


SUMMARY = {
    "suites": {"humaneval+": {"asked": {"model": "some/model"}}},
    "averages": {
        "code": 0.5, "maths": None, "total": None, "missing": ["aime24"] * 6, "partial": {"humaneval+": [2, 164]},
    },
}  # fmt: skip


def judged(step=0):
    """A right and a wrong answer; the wrong one tries to steer the terminal, and comes first where `step` is even."""
    evil = "thinking hard\x1b[31m</think>```python\nreturn 'sorted(x)'\n```"
    wrong = Score("wrong", 0.0, "tests", "base input 1: double([1.5]) returned 3, expected [1.5, 1.5]")
    return [
        Judged(Sample("HumanEval/7", 0, "response", evil), "return 'sorted(x)'", wrong, wrong, 0.1),
        Judged(Sample("HumanEval/8", 0, "response", f"fine {step}"), f"fine {step}", Score("correct", 1.0), None, 0.1),
    ]


@pytest.fixture
def results(tmp_path):
    """A folder as ``abzero eval --out`` leaves it."""
    folder = tmp_path / "out"
    folder.mkdir()
    rows.append(folder / "humaneval+.jsonl", "humaneval+", judged())
    rows.keep_problems(folder / "humaneval+.jsonl", PROBLEMS)
    (folder / "humaneval+.samples.jsonl").write_text('{"id": "HumanEval/7", "response": "x"}\n')
    (folder / "summary.json").write_text(json.dumps(SUMMARY))
    return folder


@pytest.fixture
def run(tmp_path):
    """A run that was measured at two steps."""
    folder = tmp_path / "run"
    for step in (2, 4):
        place = folder / "evals" / f"step-{step:06d}" / "training"
        place.mkdir(parents=True)
        rows.append(place / "humaneval+.jsonl", "humaneval+", judged(step))
    rows.keep_problems(folder / "evals" / "humaneval+.jsonl", PROBLEMS)
    with closing(JournalWriter(folder / "run.db")) as journal:
        journal.describe({"config": "{}"})
        journal.write(history(1)[0])
    (folder / "config.json").write_text("{}")
    return folder


@pytest.mark.parametrize("name", ["results", "run"])
def test_a_wrong_answer_is_read_with_its_problem_and_why(name, request, capsys):
    folder = str(request.getfixturevalue(name))
    assert main(["show", folder]) == 0
    assert "50.0 %" in capsys.readouterr().out
    assert main(["show", folder, "--suite", "humaneval+"]) == 0
    listed = capsys.readouterr().out
    assert "1 of 2 answers are not right" in listed
    assert "returned 3, expected [1.5, 1.5]" in listed
    assert "HumanEval/8" not in listed
    assert main(["show", folder, "--suite", "humaneval+", "--problem", "HumanEval/7"]) == 0
    full = capsys.readouterr().out
    for words in ("# twice of it", "thinking hard\\x1b[31m", "── what was judged ──", "base input 1: double([1.5])"):
        assert words in full
    assert "\x1b" not in full


def test_what_programs_are_shown(results, run, capsys):
    assert main(["show", str(results), "--json"]) == 0
    [figures] = json.loads(capsys.readouterr().out)
    assert (figures["suite"], figures["n"], figures["correct"]) == ("humaneval+", 2, 0.5)
    assert main(["show", str(run), "--suite", "humaneval+", "--step", "2", "--problem", "HumanEval/8", "--json"]) == 0
    [one] = json.loads(capsys.readouterr().out)
    assert (one["step"], one["completion"], one["problem"]) == (2, "fine 2", "def half(x):")


@pytest.mark.parametrize(
    ("flags", "hits"),
    [((), 1), (("--right",), 0), (("--wrong", "--thoughts"), 0), (("--malformed",), 0), (("--prompts",), 0)],
)
def test_answers_are_searched_by_verdict_and_part(results, capsys, flags, hits):
    assert main(["grep", str(results), "sorted\\(", *flags]) == (0 if hits else 1)
    said = capsys.readouterr().out
    assert f"{counted(hits, 'hit')} in {hits}" in said
    assert ("--suite humaneval+ --problem HumanEval/7 sample 0 wrong, answer: " in said) == bool(hits)


def test_answers_of_a_run_are_searched_at_its_newest_step_or_others(run, capsys):
    assert main(["grep", str(run), "fine", "--suite", "all"]) == 0
    assert "fine 4" in capsys.readouterr().out
    assert main(["grep", str(run), "fine", "--suite", "humaneval+", "--step", "..2", "--json"]) == 0
    hit = json.loads(capsys.readouterr().out)
    assert (hit["step"], hit["id"], hit["part"]) == (2, "HumanEval/8", "answer")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--suite", "mbpp+"), "there are those to humaneval+"),
        (("--suite", "humaneval+", "--problem", "x"), "no answer to 'x'"),
        (("--suite", "humaneval+", "--step", "3"), "answers are there of steps 2, 4"),
        (("--problem", "x"), "--suite humaneval+ --problem x"),
    ],
)
def test_what_is_not_there_is_said(run, capsys, flags, words):
    assert main(["show", str(run), *flags]) == 1
    assert words in capsys.readouterr().err


def test_a_newer_row_of_a_sample_takes_the_place_of_an_older_one(results):
    rows.append(results / "humaneval+.jsonl", "humaneval+", [judged(9)[1]])
    with (results / "humaneval+.jsonl").open("a") as file:
        file.write('{"suite": "humaneval+", "id": "HumanEval/8", "sam')  # killed while it wrote
    [one] = judgements(results)
    assert [one.texts(row).completion for row in one.rows()][1] == "fine 9"
    assert tally(one.rows()).n == 2


def test_a_folder_of_somebody_else_is_read_with_care(results, tmp_path):
    (results / "link.jsonl").symlink_to("/etc/passwd")
    (results / "pairs.jsonl").write_text("[1, 2]\n")
    [one] = judgements(results)
    with (results / "humaneval+.jsonl").open("a") as file:
        file.write('{"suite": "humaneval+", "id": 7, "verdict": "correct"}\n')
    with pytest.raises(RunError, match="line 3: no row of a judged sample"):
        one.rows()


def test_the_report_and_the_viewer_show_wrong_answers_with_their_problem_and_why(run):
    assert main(["report", str(run)]) == 0
    report = (run / "report.html").read_text()
    create = pytest.importorskip("abzero.views.web.app").create
    client = pytest.importorskip("starlette.testclient").TestClient
    viewer = client(create(run.parent, {}), base_url="http://127.0.0.1").get("/r/run/eval").text
    for page in (report, viewer):
        for words in ("# twice of it", "thinking hard\\x1b[31m", "returned 3, expected [1.5, 1.5]", "<td>50.0%</td>"):
            assert words in page
        assert "fine 4" not in page
        assert "fine 2" not in page


def test_averages_are_shown_where_evaluations_are(run, capsys):
    """With what they are averages of, and whatever else somebody wrote there."""
    place = run / "evals" / "step-000004" / "training"
    (place / "summary.json").write_text(json.dumps(SUMMARY))
    label = "NOT the paper's averages, but of a part of the problems: humaneval+ 2 of 164"
    assert main(["show", str(run), "--json"]) == 0
    assert main(["show", str(run)]) == 0
    shown = capsys.readouterr().out
    assert main(["report", str(run)]) == 0
    for text in (shown, unescape((run / "report.html").read_text())):
        assert "averages: code 50.0 % · maths MISSING" in text
        assert label in text
    for odd in ('{"averages": {"missing": [], "partial": 3}}', "{}"):
        (place / "summary.json").write_text(odd)
        main(["report", str(run)])
        assert "averages:" not in (run / "report.html").read_text()


def test_results_are_exported_for_inspect_with_an_error_that_is_no_score(results, capsys):
    error = Judged(
        Sample("HumanEval/9", 0, "response", "x"), "", Score("error", 0.0, "", "SandboxError: died"), None, 0.1
    )
    silent = Judged(Sample("HumanEval/8", 1, "response", ""), "", Score("no_answer", 0.0), None, 0.1)
    rows.append(results / "humaneval+.jsonl", "humaneval+", [error, silent])
    assert main(["eval", "export", str(results), "--to", "inspect"]) == 0
    assert main(["eval", "export", str(results), "--to", "inspect"]) == 0
    [path] = (results / "inspect").iterdir()
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d", path.name)  # or Inspect does not list it
    log = json.loads(path.read_text())
    told = [(one["id"], one["epoch"], one.get("scores", {}).get("abzero", {}).get("value")) for one in log["samples"]]
    assert told == [("HumanEval/7", 1, "I"), ("HumanEval/8", 1, "C"), ("HumanEval/9", 1, None), ("HumanEval/8", 2, "N")]
    assert log["samples"][2]["error"]["message"] == "SandboxError: died"
    assert log["results"]["scores"][0]["metrics"] == {}
    assert log["samples"][0]["input"] == PROBLEMS[0][1]
    assert log["eval"]["model"] == "abzero/some/model"
