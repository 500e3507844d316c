"""The page of oversight: the journal's findings, and what the run's record says of them."""

import json

import pytest
from starlette.testclient import TestClient

from abzero.oversight.chain import Chain
from abzero.oversight.recorded import record_path
from abzero.views.report.oversight import events
from abzero.views.web.app import create
from abzero.views.web.queries.oversight import RECORD
from tests.views.web.folders import altered, run

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
    assert "none was watching" in page(run(tmp_path / "one"))


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
