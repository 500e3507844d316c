"""Each row says why its answer is not right, in a line, and what was read from the completion."""

import json
import sys

import pytest

from abzero.cli.main import main
from abzero.evals import brief
from tests.evals.test_programs import DOUBLE, SUM

PROGRAM = {"id": "a", "code": "def f(x):\n    return [x, x]", "input": "1", "output": "[1, 1]"}
METHOD = {
    **SUM, "question_id": "twice", "starter_code": "class Solution:\n    def twice(self, x):\n        ",
    "metadata": json.dumps({"func_name": "twice"}), "private_test_cases": json.dumps([]),
    "public_test_cases": json.dumps([{"input": "2", "output": "4", "testtype": "functional"}]),
}  # fmt: skip
WRONG = [
    ("humaneval+", "HumanEvalPlus.jsonl", DOUBLE, "```python\ndef double(x):\n    return 2 if x == 1 else 3\n```",
     "base input 1: double([1.5]) returned 3, expected [1.5, 1.5]"),
    ("humaneval+", "HumanEvalPlus.jsonl", DOUBLE, "```python\ndef double(x):\n    return 1 / 0\n```",
     "base input 0: double(1): ZeroDivisionError"),
    ("livecodebench", "test.jsonl", SUM, "```python\nprint(int(input()[0]) + 2)\n```",
     "test 1, given '4 5' printed '6', expected '9'"),
    ("livecodebench", "test.jsonl", METHOD, "```python\nclass Solution:\n    def twice(self, x): return [x]\n```",
     "test 0, given '2' returned [2], expected '4'"),
    ("cruxeval-o", "cruxeval.jsonl", PROGRAM, "[ANSWER]2[/ANSWER]", "expected [1, 1]"),
    ("cruxeval-i", "cruxeval.jsonl", PROGRAM, "[ANSWER]f(2)[/ANSWER]", "it returns [2, 2], expected [1, 1]"),
    ("cruxeval-i", "cruxeval.jsonl", PROGRAM, "[ANSWER]f(1, 2)[/ANSWER]", "it raises TypeError, expected [1, 1]"),
    ("aime24", "aime24.jsonl", {"id": 7, "problem": "2 and 2?", "answer": "004"}, "It is \\boxed{5}.", "expected 004"),
]  # fmt: skip


@pytest.mark.parametrize(("suite", "file", "row", "response", "detail"), WRONG)
def test_a_wrong_answer_says_why(tmp_path, suite, file, row, response, detail):
    if suite == "aime24":
        pytest.importorskip("math_verify")
    (tmp_path / file).write_text(json.dumps(row) + "\n")
    key = str(row.get("task_id", row.get("question_id", row.get("id"))))
    asked = {"id": key, "response": response, "seed": 3, "prompt_sha256": "ab"}
    (tmp_path / "s.jsonl").write_text(json.dumps(asked) + "\n")
    command = ["eval", "--samples", str(tmp_path / "s.jsonl"), "--suite", suite, "--data", f"{suite}={tmp_path / file}"]
    assert main([*command, "--out", str(tmp_path / "out")]) == 0
    [kept] = map(json.loads, (tmp_path / "out" / f"{suite}.jsonl").read_text().splitlines())
    assert (kept["verdict"], kept["seed"], kept["prompt_sha256"]) == ("wrong", 3, "ab")
    assert kept["detail"].startswith(detail)
    assert kept["answer"] in response
    assert kept["answer"] != response
    [problem] = map(json.loads, (tmp_path / "out" / f"{suite}.problems.jsonl").read_text().splitlines())
    assert problem["id"] == key
    assert problem["problem"]


def test_a_value_is_told_in_a_line_however_large_it_is():
    nested = []
    for _ in range(5_000):
        nested = [nested]
    for given in (10**100_000, "x" * 10**7, list(range(10**6)), nested, {1: "y" * 10**6}):
        assert len(brief.value(given)) <= 120
    assert sys.get_int_max_str_digits() < 100_000  # so that the first cannot be written at all
