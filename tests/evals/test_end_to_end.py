"""A model is asked every suite's first rows: the one in the box, and a random one of each family of chat templates."""

import hashlib
import json

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from abzero.cli.main import main
from abzero.evals import data
from abzero.evals.base import Problem
from abzero.evals.livecodebench import LiveCodeBench
from abzero.evals.suites import SUITES
from abzero.sandbox.listing import Runner
from tests.evals.oracles import BENCH
from tests.policy.models.test_chat import SHAPES, codec

ROWS = 10
ECHO = """
import hashlib, json, sys
OUTPUTS = json.loads({outputs!r})
print(OUTPUTS[hashlib.sha256(sys.stdin.read().encode()).hexdigest()])
"""
"""Prints what each test expects, by the digest of what it gives."""
ECHO_METHOD = """
import hashlib
import json
OUTPUTS = json.loads({outputs!r})
class Solution:
    def {name}(self, *given):
        return json.loads(OUTPUTS[json.dumps(given)])
"""


def random_model(folder, shape):
    """A model of a few kilobytes whose tokenizer has the chat template of a family."""
    tokenizer = codec(*SHAPES[shape]).tokenizer
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = LlamaConfig(
        vocab_size=len(tokenizer), **sizes, max_position_embeddings=4096, eos_token_id=tokenizer.eos_token_id
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("shape", "preset"), [(None, "trained"), *((shape, "chat") for shape in SHAPES)])
def test_every_suite_is_asked_from_end_to_end(tmp_path, shape, preset):
    if not BENCH.is_dir():
        pytest.skip(f"no {BENCH}")
    model = "tiny" if shape is None else random_model(tmp_path / "model", shape)
    flags = ["--data", str(BENCH), "--limit", str(ROWS), "--max-tokens", "16", "--out", str(tmp_path / "out")]
    assert main(["eval", model, "--suite", "paper", *flags]) == 0
    body = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert set(body["suites"]) == set(SUITES)
    for name, found in body["suites"].items():
        assert found["n"] == min(ROWS, found["problems"]), name
        assert found["asked"]["preset"] == preset
        assert not found["counts"].get("error"), name
    assert body["averages"]["missing"] == []


@pytest.mark.slow
def test_programs_that_echo_the_expected_outputs_are_right():
    """LiveCodeBench has no reference programs: these prove the way from a completion through the judge."""
    found = data.find(SUITES["livecodebench"], data.where([str(BENCH)] if BENCH.is_dir() else []))
    if not found:
        pytest.skip(f"no LiveCodeBench under {BENCH}")
    source = data.read(SUITES["livecodebench"], found)
    with Runner(workers=2) as runner:
        suite = LiveCodeBench(source, runner)
        asked = [(one, suite.program(one, f"```python\n{echo(suite, one)}\n```")) for one in suite.problems()]
        empty = [(one, "") for one, _ in asked]
        assert {one["tests"].verdict for one in suite.judge(empty)} == {"no_answer"}
        verdicts = {one.id: score["tests"].verdict for (one, _), score in zip(asked, suite.judge(asked), strict=True)}
    assert verdicts == dict.fromkeys(verdicts, "correct")


def echo(suite: LiveCodeBench, problem: Problem) -> str:
    """A program that gives what the tests of `problem` expect."""
    tests = suite.tests(problem.id)
    if not tests[0].functional:
        outputs = {hashlib.sha256(test.input.encode()).hexdigest(): test.output for test in tests}
        return ECHO.format(outputs=json.dumps(outputs))
    row = next(row for row in suite.source.rows if row["question_id"] == problem.id)
    given = [json.dumps([json.loads(line) for line in test.input.split("\n") if line.strip()]) for test in tests]
    outputs = dict(zip(given, (test.output for test in tests), strict=True))
    return ECHO_METHOD.format(outputs=json.dumps(outputs), name=json.loads(str(row["metadata"]))["func_name"])
