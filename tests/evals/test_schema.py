"""Every field of every suite, damaged in every way that JSON allows: refused by its name, or judged as it stands."""

import json
from contextlib import ExitStack

import pytest

from abzero.errors import ConfigError
from abzero.evals import data, samples, scoring, selftest
from abzero.evals.suites import SUITES
from tests.evals.test_programs import DOUBLE, SUM

MATHS = {"id": 1, "problem": "1 + 1?", "answer": "2"}
CALL = {"id": "a", "code": "def f(x):\n    return x", "input": "1", "output": "1"}
TEST = [{"input": "[1, 2]", "output": "3", "testtype": "functional"}]
METHOD = {
    **SUM, "starter_code": "class Solution: ...", "metadata": json.dumps({"func_name": "add"}),
    "public_test_cases": json.dumps(TEST), "private_test_cases": json.dumps(TEST),
}  # fmt: skip
ROWS = {
    "humaneval+": DOUBLE,
    "mbpp+": {**DOUBLE, "task_id": "Mbpp/124", "base_input": [[1.5, "2"]], "plus_input": [],
              "prompt": "def double(x, y):\n"},
    "livecodebench": METHOD,
    "aime24": MATHS,
    "aime25": MATHS,
    "amc23": {**MATHS, "answer": 2.0},
    "math500": {"unique_id": "a", "problem": "1 + 1?", "answer": "2"},
    "minerva": {"idx": 1, "problem": "1 + 1?", "solution": "It is \\boxed{2}."},
    "olympiadbench": {"id": 1, "question": "1 + 1?", "final_answer": ["$2$"], "error": "0.1"},
    "cruxeval-i": CALL,
    "cruxeval-o": CALL,
    "lcb-execution": {**CALL, "function_name": "f", "input": "f(1)"},
}  # fmt: skip
DAMAGES = {
    "null": "null", "true": "true", "negative": "-1", "huge": "9" * 5_000, "infinite": "1e999", "nan": "NaN",
    "vast": "1e308", "fraction": "0.5", "empty": '""', "blank": '" "', "word": '"few"', "half a character": '"\\ud800"',
    "nul": '"\\u0000"', "long": f'"{"9" * 20_000}"', "none": "[]", "list": "[1]", "lists": "[[[[]]]]",
    "wide": "[[NaN, 1e999, 5]]", "object": "{}", "deep": "[" * 900 + "]" * 900,
}  # fmt: skip
OTHERS = {
    "error": ['"few"', '"0.1, 0.2"', "-0.1", '"1e9999999"'],
    "public_test_cases": ['"[]"', '"{}"', '"[1]"', json.dumps(json.dumps([{**TEST[0], "testtype": "stdin"}]))],
    "private_test_cases": [json.dumps(json.dumps([{**TEST[0], key: "{"}])) for key in ("input", "output", "testtype")],
    "metadata": ['"[]"', '"{}"', '"{\\"func_name\\": \\"1\\"}"', '"{"'],
    "solution": ['"no box"', '"\\\\boxed{}"'],
    "final_answer": ['["1", "2"]', '["$$"]', "[2]"],
    "output": ['"f("', '"x"', '"1e999"'],
}


@pytest.fixture(scope="module")
def judges():
    with ExitStack() as stack:
        yield scoring.judges(stack)


def damaged(suite, field):
    """The lines that are left of a row: each damage of one field, and the row without it."""
    row = {name: json.dumps(value) for name, value in ROWS[suite].items()}
    for text in (*DAMAGES.values(), *OTHERS.get(field, ()), None):
        changed = {**row, field: text}
        yield text, ", ".join(f'"{name}": {value}' for name, value in changed.items() if value is not None)


@pytest.mark.parametrize(("suite", "field"), [(name, field) for name, one in SUITES.items() for field in one.fields])
def test_a_damaged_field_is_refused_by_name_or_judged_as_it_stands(tmp_path, suite, field, judges):
    file = tmp_path / f"{suite}.jsonl"
    refused = 0
    for text, line in damaged(suite, field):
        file.write_text(f"{{{line}}}\n")
        said = refusal(suite, file, judges)
        if said is not None:
            refused += 1
            assert file.name in said, text
            assert field in said or problem_of(suite) in said, text
            assert len(said) < 1_000, text
    assert refused > 1


def problem_of(suite):
    return str(ROWS[suite][SUITES[suite].key])


def refusal(suite, file, judges):
    """What is said of `file`; None where its one problem can be judged, whatever comes of that."""
    try:
        benchmark = scoring.suited(data.read(SUITES[suite], [file]), judges)
        [problem] = benchmark.problems()
        found = selftest.failures(benchmark, [problem.id], judges)
    except ConfigError as error:
        return str(error)
    assert not any("could not be judged" in one for one in found), found
    return None


@pytest.mark.parametrize("suite", ROWS)
def test_the_rows_that_are_damaged_are_whole(tmp_path, suite, judges):
    (tmp_path / "f").write_text(json.dumps(ROWS[suite]) + "\n")
    benchmark = scoring.suited(data.read(SUITES[suite], [tmp_path / "f"]), judges)
    assert selftest.failures(benchmark, [one.id for one in benchmark.problems()], judges) == []


@pytest.mark.parametrize("field", ["id", "sample", "answer", "tokens", "seed", "finish", "prompt_sha256"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_sample_is_refused_by_its_line_or_read(tmp_path, field, damage):
    row = {name: json.dumps(value) for name, value in {"id": "a", "answer": "1", "sample": 0}.items()}
    line = ", ".join(f'"{name}": {value}' for name, value in {**row, field: DAMAGES[damage]}.items())
    (tmp_path / "s").write_text(f"{{{line}}}\n")
    try:
        [found] = samples.read(tmp_path / "s", "id", {"a"}, partial=False)
    except ConfigError as error:
        said = str(error)
    else:
        samples.append(tmp_path / "again", [found])
        said = f"line 1, {found.key}"
    assert "line 1" in said
    assert len(said) < 500
