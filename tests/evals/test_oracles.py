"""Every verdict of the oracles: a few of each by default, all of them under `slow`."""

from contextlib import ExitStack

import pytest

from abzero.errors import Malformed
from abzero.evals import answers, data, scoring
from abzero.evals.mathematics import judged
from abzero.evals.normal_form import normal
from abzero.evals.samples import Sample
from abzero.evals.suites import SUITES
from abzero.evals.symbolic import Symbolic
from tests.evals.oracles import BENCH, rows, spread

ALL = pytest.param(0, marks=[pytest.mark.slow, pytest.mark.timeout(7200)], id="all")
LIMITS = {
    ("Mbpp/160", "qwen2.5-coder-7b"), ("Mbpp/599", "qwen2.5-coder-7b"), ("Mbpp/599", "qwen2.5-coder-1.5b"),
}  # fmt: skip
"""Right values that evalplus stopped by its clock alone: decision 060."""


@pytest.fixture(scope="module")
def judges():
    with ExitStack() as stack:
        yield scoring.judges(stack)


def scores(suite, form, asked, judges, opens_think=False):
    """The scores of (problem, text) pairs on the rows that lie in the folder."""
    paths = data.find(SUITES[suite], data.where([str(BENCH)]))
    benchmark = scoring.suited(data.read(SUITES[suite], paths), judges, opens_think)
    samples = [Sample(key, number, form, text) for number, (key, text) in enumerate(asked)]
    return [one for batch in scoring.score(benchmark, samples, judges) for one in batch]


@pytest.mark.parametrize("count", [pytest.param(4, id="few"), ALL])
@pytest.mark.parametrize(("suite", "file"), [("humaneval+", "humanevalplus.jsonl"), ("mbpp+", "mbppplus.jsonl")])
def test_functions(suite, file, count, judges):
    found = rows(file)
    if count:
        quick = [one for one in found if not one.get("slow") and one.get("expect") != "timeout"]
        found = spread([one for one in quick if "os_exit" not in one["source"] and "loop" not in one["source"]], count)
    judged = scores(suite, "solution", [(one["task_id"], one["solution"]) for one in found], judges)
    wrong = [
        (row["task_id"], row["source"], one.score)
        for row, one in zip(found, judged, strict=True)
        if (row["correct"] is not None and (one.score.verdict == "correct") != row["correct"])
        or one.score.verdict == "error"
        or (row.get("expect") and one.score.verdict != row["expect"])
    ]
    assert [one for one in wrong if one[:2] not in LIMITS] == []


@pytest.mark.parametrize("count", [pytest.param(3, id="few"), ALL])
def test_programs(count, judges):
    found = rows("livecodebench.jsonl")
    if count:
        found = spread([one for one in found if one["verdict"] in ("correct", "wrong")], count)
    judged = scores("livecodebench", "solution", [(one["question_id"], one["solution"]) for one in found], judges)
    told = [(row["question_id"], row["kind"], one.score.verdict) for row, one in zip(found, judged, strict=True)]
    wanted = [
        (*one[:2], one[2] if row["verdict"] == "either" else row["verdict"])
        for row, one in zip(found, told, strict=True)
    ]
    assert told == wanted


@pytest.mark.parametrize("count", [pytest.param(40, id="few"), ALL])
@pytest.mark.parametrize(("suite", "mode"), [("cruxeval-o", "output"), ("cruxeval-i", "input")])
def test_values_and_arguments(suite, mode, count, judges):
    found = [one for one in rows("cruxeval.jsonl") if one["mode"] == mode]
    found = spread(found, count) if count else found
    judged = scores(suite, "answer", [(one["id"], one["answer"]) for one in found], judges)
    wrong = [
        (row["id"], row["kind"], one.score)
        for row, one in zip(found, judged, strict=True)
        if row["correct"] is not None and (one.score.verdict == "correct") != row["correct"]
    ]
    assert wrong == []


def test_answers_of_completions_are_those_that_the_publisher_reads():
    """Of those that give any: where there are no answer tags, neither of the two finds an answer that counts."""
    found = [one for one in rows("cruxeval_completions.jsonl.gz") if "[ANSWER]" in one["completion"]]
    for one in found:
        if one["mode"] == "output":
            assert answers.value(one["completion"]) == one["extracted"].strip(), one["id"]
        else:
            extracted = one["extracted"].strip()
            bare = extracted[2:-1] if extracted.startswith("f(") and extracted.endswith(")") else extracted
            assert answers.call(one["completion"]).strip() == bare.strip(), one["id"]
    assert len(found) > 200


@pytest.mark.parametrize("count", [pytest.param(12, id="few"), ALL])
def test_mathematical_answers(count):
    found = [one for one in rows("math_answers.jsonl") if not one.get("hard")]
    found = spread(found, count) if count else found
    with Symbolic() as symbolic:
        told = [judged(one["gold"], one["answer"], symbolic)[0] == "correct" for one in found]
    assert [row for row, one in zip(found, told, strict=True) if row["right"] != one] == []


def test_what_is_read_from_mathematical_responses():
    found = [one for one in rows("math_responses.jsonl") if not one.get("hard")]
    with Symbolic() as symbolic:
        for one in found:
            try:
                answer = answers.mathematical(one["completion"], one["opens_think"])
            except Malformed:
                answer = None
            if one["extracted"] is None:
                assert answer is None, one["id"]
            else:
                assert answer is not None, one["id"]
                assert normal(answer) == normal(one["extracted"]), one["id"]
            verdict = "no_answer" if answer is None else judged(one["gold"], answer, symbolic)[0]
            assert verdict == one["verdict"], one["id"]
