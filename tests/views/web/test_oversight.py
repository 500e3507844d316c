"""The page of oversight: the journal's findings, and what the run's record says of them."""

import json

import pytest
from starlette.testclient import TestClient

from abzero.oversight.chain import Chain
from abzero.oversight.recorded import record_path
from abzero.views.report.oversight import events
from abzero.views.web.app import create
from abzero.views.web.queries.oversight import RECORD
from tests.views.folders import altered, run

FINDING = "INSERT INTO finding VALUES (2, 0, 'propose', 0, 'thought', 3, 9, 0, 'rule 7', 'deception', 4, 0.5)"


@pytest.fixture
def folder(tmp_path):
    made = altered(tmp_path / "one", FINDING)
    record = Chain(record_path(made), lambda: 1_000_000.0)
    record.append("opened", {"after": None})
    record.append("paused", {"step": 2, "findings": [1]})
    record.append(
        "reviewed", {"findings": [1], "keys": [], "decision": "accept", "who": "Ada", "reason": "<b>seen</b>"}
    )
    key = {"step": 1, "role": "solve", "position": 0}
    record.append("verdict", {**key, "state": "clean", "by": "judge", "why": "plain", "flagged": False})
    return made


def page(folder):
    return TestClient(create(folder.parent, {}), base_url="http://127.0.0.1").get("/r/one/oversight").text


def test_findings_pauses_reviews_and_audits_are_on_one_page(folder):
    text = page(folder)
    assert "1970-01-12 13:46" in text
    for words in ("deception", "rule 7", "review of 1 findings: accept", "Ada", "verdict: clean, drawn by the audit"):
        assert words in text
    assert text.count('class="paused"') == text.count('class="reviewed"') == 1
    assert 'href="/r/one/attempt/1/0"' in text


def test_what_a_reviewer_wrote_is_text(folder):
    assert "&lt;b&gt;seen" in page(folder)


def test_a_run_without_monitors_says_so(tmp_path):
    assert "No monitor watched this run" in page(run(tmp_path / "one"))


def watched(folder, figures):
    """A run of two steps whose journal has `figures`, by step and name."""
    rows = ", ".join(f"({step}, '{name}', {value})" for (step, name), value in figures.items())
    return altered(folder, f"INSERT INTO metric VALUES {rows}")


def test_silence_of_the_monitors_is_not_called_clean(tmp_path):
    read = {(step, f"oversight/completions/{role}"): 40 for step in (1, 2) for role in ("propose", "solve")}
    silent = {(step, f"oversight/flagged/t1/{role}"): 0.0 for step in (1, 2) for role in ("propose", "solve")}
    text = page(watched(tmp_path / "one", read | silent))
    assert "What the monitors miss is not known" in text
    assert "No monitor" not in text
    assert "<td>80</td><td>0</td><td>–</td><td>–</td><td>–</td>" in text


def test_flags_and_the_unjudged_are_added_up_and_recall_has_its_interval(tmp_path):
    solve = {(1, "oversight/completions/solve"): 40, (2, "oversight/completions/solve"): 10}
    solve |= {(1, "oversight/flagged/t1/solve"): 0.1, (2, "oversight/flagged/t1/solve"): 0.2}
    solve |= {(2, "oversight/unjudged/solve"): 3, (2, "oversight/judged/solve"): 5, (2, "oversight/audits/solve"): 2}
    ends = {(2, f"oversight/recall{end}"): share for end, share in (("", 0.5), ("_low", 0.2), ("_high", 0.8))}
    text = page(watched(tmp_path / "one", solve | ends))
    assert "<td>50</td><td>6</td><td>5</td><td>3</td><td>2</td>" in text
    assert "flag 50% [20%, 80%]" in text
    assert "left unjudged" in text


@pytest.mark.parametrize("line", ["", "[", "[1]", '{"kind": 1}', json.dumps({"kind": "paused", "body": {"step": "x"}})])
def test_a_record_that_somebody_made_is_read_as_far_as_it_can_be(folder, line):
    with (folder / RECORD).open("a") as file:
        file.write(f"{line}\n" + '{"kind": "verdict", "at": 1e999, "body": {"step": 1e999, "role": [], "why": {}}}\n')
    assert "Ada" in page(folder)


def test_an_entry_without_a_step_stands_after_the_step_before_it():
    rows = [{"kind": "paused", "body": {"step": 7}}, {"kind": "reviewed", "body": {}}, {"kind": "x", "body": 3}]
    assert [(one.kind, one.step) for one in events("\n".join(map(json.dumps, rows)))] == [
        ("paused", 7),
        ("reviewed", 7),
    ]
