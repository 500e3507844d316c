"""A judge that takes anything, or nothing, gives no number."""

import json

import pytest

from abzero.evals import data, selftest
from abzero.evals.mathematics import Mathematics
from abzero.evals.scoring import Judges
from abzero.evals.suites import SUITES

JUDGES = Judges(lambda: None, lambda: None, lambda: None)


class Says:
    """What compares two answers and always finds the same."""

    def __init__(self, finding):
        self.finding = finding

    def compare(self, gold, answer):
        return self.finding


@pytest.mark.parametrize(("n", "finding", "words"), [(12, "right", "another one"), (12, "wrong", ""), (9, "right", "")])
def test_answers_to_other_problems_are_not_accepted(tmp_path, n, finding, words):
    """Unless there are too few problems to tell chance from a judge that takes anything."""
    file = tmp_path / "aime24.jsonl"
    file.write_text("".join(json.dumps({"id": i, "problem": "?", "answer": f"k + {i}"}) + "\n" for i in range(n)))
    suite = Mathematics(data.read(SUITES["aime24"], [file]), Says(finding))
    found = selftest.failures(suite, [problem.id for problem in suite.problems()], JUDGES)
    assert bool(found) == bool(words)
    assert all(words in one for one in found)


def test_what_was_passed_is_not_tried_again_until_something_changes(tmp_path):
    """Other problems, other bytes, other code: each makes the test run again, and a failure is not noted."""
    file, note = tmp_path / "aime24.jsonl", tmp_path / "aime24.selftest.json"

    def tried(n, keys, finding="right"):
        file.write_text("".join(json.dumps({"id": i, "problem": "?", "answer": f"k + {i}"}) + "\n" for i in range(n)))
        suite = Mathematics(data.read(SUITES["aime24"], [file]), Says(finding))
        return selftest.noted(suite, keys, JUDGES, note)

    few, all_keys = ["0", "1"], [str(number) for number in range(12)]
    assert tried(12, few) == []
    noted = json.loads(note.read_text())
    assert (noted["problems"], len(noted["judged_by"]["code"])) == (few, 64)
    assert tried(12, few[:1]) == []
    assert "another one" in tried(12, all_keys)[0]
    assert not note.exists()
    for name in ("sha256", "judged_by"):
        note.write_text(json.dumps({**noted, "problems": all_keys}))
        assert tried(12, all_keys) == []
        note.write_text(json.dumps({**noted, "problems": all_keys, name: "other"}))
        assert "another one" in tried(12, all_keys)[0]
    note.write_text(json.dumps({**noted, "problems": all_keys}))
    assert "another one" in tried(13, all_keys)[0]
    note.write_text("torn")
    assert tried(12, few) == []
