"""Programs judged by what they return and print: toy problems of our own in the schemas of the benchmarks."""

import json

import pytest

from abzero.cli.main import main
from abzero.evals import data
from abzero.evals.base import Problem
from abzero.evals.evalplus import EvalPlus
from abzero.evals.livecodebench import LiveCodeBench, same_output
from abzero.evals.suites import SUITES
from abzero.sandbox.listing import Runner

DOUBLE = {
    "task_id": "HumanEval/0", "prompt": "def double(x):\n", "entry_point": "double",
    "canonical_solution": "    return x + x\n", "base_input": [[1], [[1.5]]],
    "plus_input": [[2], ["ab"], [10]], "atol": 0,
}  # fmt: skip
SUM = {
    "question_id": "sum", "question_content": "Add.", "starter_code": "", "contest_date": "2024-01-01",
    "metadata": "{}",
    "public_test_cases": json.dumps([{"input": "1 2\n", "output": "3\n", "testtype": "stdin"}]),
    "private_test_cases": json.dumps([{"input": "4 5\n", "output": "9\n", "testtype": "stdin"}]),
}  # fmt: skip
FORGED = """
import os
def double(x):
    if x == [1.5]:
        for descriptor in range(3, 64):
            try:
                os.write(descriptor, (b"V" + (65).to_bytes(4, "little") + b"0" * 64 + b"1") * 9)
            except OSError:
                pass
    return x + x
"""
"""Writes values of its own to wherever they may go, more of them than there are inputs."""


@pytest.fixture(scope="module")
def runner():
    with Runner(workers=2) as made:
        yield made


def source(tmp_path, suite, row):
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n")
    return data.read(SUITES[suite], [tmp_path / "rows.jsonl"])


@pytest.mark.parametrize(
    ("program", "verdict"),
    [
        ("def double(x):\n    return x * 2", "correct"),
        ("class L(list): pass\ndef double(x):\n    return L(x * 2) if isinstance(x, list) else x * 2", "correct"),
        ("class Same:\n    def __eq__(self, other): return True\ndef double(x):\n    return Same()", "wrong"),
        ("class L(list):\n    def __eq__(self, other): return True\ndef double(x):\n    return L()", "wrong"),
        ("def double(x, seen=[]):\n    seen.append(x)\n    return x + x if len(seen) < 3 else None", "wrong"),
        ("def double(x):\n    return x + x\nraise KeyError", "wrong"),
        ("import sys\ndef double(x):\n    sys.exit(0)", "wrong"),
        ("def double(x): return x + x\nif __name__ == '__main__':\n    raise KeyError", "correct"),
        ("def other(x): return x + x", "wrong"),
        (FORGED, "wrong"),
        ("def double(x):\n    return open('/etc/passwd')", "wrong"),
        ("", "no_answer"),
    ],
)
def test_a_solution_returns_what_the_reference_returns(tmp_path, runner, program, verdict):
    suite = EvalPlus(source(tmp_path, "humaneval+", DOUBLE), runner)
    [scores] = suite.judge([(Problem("HumanEval/0", "", ()), program)])
    assert scores["plus"].verdict == verdict


def test_plus_counts_only_with_base(tmp_path, runner):
    suite = EvalPlus(source(tmp_path, "humaneval+", DOUBLE), runner)
    [scores] = suite.judge([(Problem("HumanEval/0", "", ()), "def double(x):\n    return x + x if x != 10 else 0")])
    assert (scores["base"].verdict, scores["plus"].verdict) == ("correct", "wrong")


@pytest.mark.parametrize(
    ("program", "verdict"),
    [
        ("print(sum(map(int, input().split())))", "correct"),
        ("import sys\nprint(sum(map(int, sys.stdin.buffer.readline().split())))\nexit()", "correct"),
        ("print(eval(input().replace(' ', '+')))\nraise KeyError", "wrong"),
        ("print(3)", "wrong"),
    ],
)
def test_a_program_prints_what_is_expected(tmp_path, runner, program, verdict):
    suite = LiveCodeBench(source(tmp_path, "livecodebench", SUM), runner)
    [scores] = suite.judge([(Problem("sum", "", ()), program)])
    assert scores["tests"].verdict == verdict


def test_numbers_in_an_output_are_exact():
    assert same_output("1.50 2\n", "1.5 2.0")
    assert not same_output("5e16", "50000000000000001")
    assert not same_output("1\n2", "1 2")


def test_samples_are_scored_resumed_and_compared(tmp_path, capsys):
    (tmp_path / "HumanEvalPlus.jsonl").write_text(json.dumps(DOUBLE) + "\n")
    rows = [{"task_id": "HumanEval/0", "response": "```python\ndef double(x):\n    return 2 * x\n```"}]
    (tmp_path / "s.jsonl").write_text(json.dumps(rows[0]) + "\n")
    command = ["eval", "--samples", str(tmp_path / "s.jsonl"), "--suite", "humaneval+", "--data", str(tmp_path)]
    assert main([*command, "--out", str(tmp_path / "a")]) == 0
    assert "100.0 %" in capsys.readouterr().out
    written = tmp_path / "a" / "humaneval+.jsonl"
    whole = [json.loads(line) for line in written.read_text().splitlines()]
    assert [row["verdict"] for row in whole] == ["correct"]
    assert main([*command, "--out", str(tmp_path / "a")]) == 2  # never over what is there
    written.write_text(written.read_text()[:-20])  # killed while it wrote
    assert main([*command, "--out", str(tmp_path / "a"), "--resume"]) == 0
    again = [json.loads(line) for line in written.read_text().splitlines()]
    assert [{**row, "seconds": 0} for row in again] == [{**row, "seconds": 0} for row in whole]
    assert main(["eval", "compare", str(tmp_path / "a"), str(tmp_path / "a")]) == 0
    assert "1.0000" in capsys.readouterr().out
    assert main([*command[:4], "mbpp+", *command[5:], "--out", str(tmp_path / "b")]) == 3
