"""How problems are put to a model, what is kept of its answers, and what several samples add up to."""

import json
from dataclasses import replace

import pytest

from abzero.cli.arguments import numbers
from abzero.cli.ask_model import Asking
from abzero.cli.eval_table import table
from abzero.errors import ConfigError
from abzero.evals import answers, asking, averages, data, presets, provenance, repeated, samples, summary
from abzero.evals.asking import Voice
from abzero.evals.rows import SampleRow
from abzero.evals.suites import CODE, MATHS, SUITES
from abzero.tasks.prompts import Prompts
from abzero.views.averages import lines

ROWS = {
    "humaneval+": {
        "task_id": "HumanEval/0", "prompt": 'def double(x):\n    """Twice x."""\n', "entry_point": "double",
        "canonical_solution": "    return x + x\n", "base_input": [[1]], "plus_input": [[2]], "atol": 0,
    },
    "livecodebench": {
        "question_id": "sum", "question_content": "Add.", "starter_code": "", "contest_date": "2024-01-01",
        "metadata": "{}", "public_test_cases": "[]", "private_test_cases": "[]",
    },
    "aime24": {"id": 1, "problem": "What is 1 + {1}?", "answer": "002"},
    "cruxeval-i": {"id": "0", "code": "def f(x):\n    return x", "input": "3", "output": "3"},
    "cruxeval-o": {"id": "0", "code": "def f(x):\n    return x", "input": "3", "output": "3"},
    "lcb-execution": {
        "id": "0", "code": "def g(x):\n    return x", "function_name": "g", "input": "g(x = 3)", "output": "3",
    },
}  # fmt: skip


def chat(system, thinks):
    return f"<user>{system}", "</user><assistant>" + "<think>\n" * thinks


VOICE = Voice(Prompts("paper", chat), Prompts("paper"), chat)


@pytest.fixture(params=ROWS)
def source(request, tmp_path):
    (tmp_path / "rows.jsonl").write_text(json.dumps(ROWS[request.param]) + "\n")
    return data.read(SUITES[request.param], [tmp_path / "rows.jsonl"])


@pytest.mark.parametrize("name", presets.PRESETS)
@pytest.mark.parametrize("voice", [VOICE, Voice(VOICE.paper, VOICE.paper, None)])
def test_every_preset_shows_the_problem_of_every_suite(source, name, voice):
    preset, suite = presets.named(name), source.suite.name
    if name == "chat" and voice.template is None:
        with pytest.raises(ConfigError, match="no chat template"):
            preset.questions(source, voice)
        return
    [one] = preset.questions(source, voice)
    shown = {"maths": "What is 1 + {1}?", "program": "Add.", "function": "Twice x.", "output": "x", "input": "3"}
    assert shown[asking.kind(suite)] in one.prompt[: one.prompt.end] + one.prompt.begun
    assert one.prompt.endswith(one.prompt.begun.removeprefix("</think>"))
    assert (preset.tokens_of(suite) or 1) > 0
    assert "" not in (preset.stop(suite, voice) or ())


def test_the_paper_opens_a_thought_for_programs_but_not_for_mathematics(source):
    [one] = presets.PAPER.questions(source, VOICE)
    opened = asking.kind(source.suite.name) in ("program", "output", "input")
    assert asking.opens_think(one.prompt) == opened


@pytest.mark.parametrize(
    ("suite", "completion", "read"),
    [
        ("cruxeval-o", " 3\nassert f(4) == 4", "3"),
        ("lcb-execution", " [1, 2]\n", "[1, 2]"),
        ("cruxeval-i", "3) == 3\n\n# more", "3"),
    ],
)
def test_what_a_base_model_goes_on_with_is_read(tmp_path, suite, completion, read):
    (tmp_path / "rows.jsonl").write_text(json.dumps(ROWS[suite]) + "\n")
    source = data.read(SUITES[suite], [tmp_path / "rows.jsonl"])
    bare = presets.named("bare")
    [one] = bare.questions(source, VOICE)
    text = one.prompt.begun + presets.cut(completion, bare.stop(suite, VOICE))
    assert (answers.call(text) if suite == "cruxeval-i" else answers.value(text)) == read


def test_a_begun_block_is_read_up_to_its_fence(tmp_path):
    (tmp_path / "rows.jsonl").write_text(json.dumps(ROWS["humaneval+"]) + "\n")
    source = data.read(SUITES["humaneval+"], [tmp_path / "rows.jsonl"])
    [one] = presets.PAPER.questions(source, VOICE)
    stop = presets.PAPER.stop("humaneval+", VOICE)
    text = one.prompt.begun + presets.cut("def double(x):\n    return 2 * x\n```\nThat is all.", stop)
    assert answers.program(text, "double") == "def double(x):\n    return 2 * x"
    [plain] = presets.PAPER.questions(source, Voice(VOICE.paper, VOICE.paper, None))
    assert (plain.form, str(plain.prompt)) == ("completion", ROWS["humaneval+"]["prompt"])


def test_words_are_equal_whatever_stands_around_them(source):
    sides = []
    for frame in (chat, lambda system, thinks: ("[", "]")):
        prompts = [one.prompt for one in presets.named("chat").questions(source, Voice(VOICE.own, VOICE.paper, frame))]
        sides.append([asking.sha256(prompts, around) for around in (False, True)])
    assert sides[0][0] == sides[1][0]
    assert sides[0][1] != sides[1][1]


def test_a_model_has_the_preset_that_it_was_made_for():
    assert [presets.suited(*one).name for one in ((True, True), (False, True), (False, False))] == [
        "trained", "chat", "bare"
    ]  # fmt: skip
    with pytest.raises(ConfigError, match="paper-boxed"):
        presets.named("papers")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"repeats": 4}, "--temperature 1.0"),
        ({"seeds": "0,1"}, "--temperature 1.0"),
        ({"seeds": "0,0", "temperature": 1.0}, "twice"),
        ({"seeds": "0,x", "temperature": 1.0}, "whole numbers"),
        ({"repeats": 0}, "1 or more"),
    ],
)
def test_chance_that_means_nothing_is_refused(flags, said):
    with pytest.raises(ConfigError, match=said):
        Asking("tiny", "aime24", **flags).drawn()
    assert numbers("--k", "1,8") == (1, 8)


def answered(*counts, of, seeds=1):
    """Rows of problems with so many right samples among `of`."""
    return [
        SampleRow(str(key), at, "correct" if at < count else "wrong", seed=at * seeds // of)
        for key, count in enumerate(counts)
        for at in range(of)
    ]


def test_pass_at_k_is_a_mean_over_problems():
    assert repeated.pass_at_k(answered(3, 3, of=10), [5])[5] == pytest.approx(0.916667, abs=1e-6)
    assert repeated.pass_at_k(answered(1, 0, of=8)) == pytest.approx({1: 1 / 16, 2: 1 / 8, 4: 1 / 4, 8: 1 / 2})
    assert repeated.pass_at_k(answered(1, 0, of=1)) == {}
    with pytest.raises(ConfigError, match="--repeats 9"):
        repeated.pass_at_k(answered(1, of=8), [9])


def test_the_score_of_each_seed_is_told():
    assert repeated.by_seed(answered(2, 4, of=4, seeds=2)) == {0: 1.0, 1: 0.5}
    assert repeated.by_seed(answered(2, 4, of=4)) == {}


WHOLE = dict.fromkeys((*CODE, *MATHS), (30, 30))
JUDGE = provenance.JudgedBy("1", "0", "3.11", "strict", None)


def test_an_average_is_missing_where_a_suite_is():
    scores = {**dict.fromkeys(CODE, 0.3), **dict.fromkeys(MATHS, 0.6)}
    found = averages.averages({**scores, "cruxeval-i": 0.0}, WHOLE)
    assert (found.code, found.maths, found.total) == pytest.approx((0.3, 0.6, 0.45))
    assert (found.missing, found.partial) == ((), {})
    found = averages.averages({**scores, "mbpp+": None}, WHOLE)
    assert (found.code, found.maths, found.total, found.missing) == (None, pytest.approx(0.6), None, ("mbpp+",))


def test_an_average_of_parts_of_suites_says_so(tmp_path):
    """In JSON and in words: of a file with too few rows, and under a limit."""
    for number, name in enumerate(MATHS):
        rows = [{"id": at, "problem": "?", "answer": "2"} for at in range(30)]
        (tmp_path / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        source = replace(data.read(SUITES["aime24"], [tmp_path / "rows.jsonl"]), expected=40 if number == 0 else 30)
        scored = [SampleRow(str(at), 0, "correct") for at in range(30 if number != 1 else 5)]
        summary.add(tmp_path, name, summary.entry(source, scored, 5 * (number == 1), (), JUDGE, None))
    found = json.loads((tmp_path / "summary.json").read_text())["averages"]
    assert (found["maths"], found["code"]) == (1.0, None)
    assert found["partial"] == {"aime24": [30, 40], "aime25": [5, 30]}
    said = lines(tmp_path)
    assert said[0] == "averages: code MISSING · maths 100.0 % · mean of the two MISSING"
    assert said[2] == "NOT the paper's averages, but of a part of the problems: aime24 30 of 40, aime25 5 of 30"


def test_defective_problems_are_counted_and_left_out_beside(tmp_path):
    rows = [{**ROWS["livecodebench"], "question_id": name} for name in ("sum", "abc311_c")]
    (tmp_path / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    source = data.read(SUITES["livecodebench"], [tmp_path / "rows.jsonl"])
    scored = [SampleRow("sum", 0, "correct"), SampleRow("abc311_c", 0, "wrong")]
    found = summary.entry(source, scored, 0, (), JUDGE, None)
    assert (found.score, found.sound.n, found.sound.score) == (0.5, 1, 1.0)
    narrow, wide = (table({"livecodebench": found}, width) for width in (80, 100_000))
    assert max(map(len, narrow.splitlines()[:2])) <= 80
    assert "100.0 % of the 1 that are not known to be defective" in wide.splitlines()[1]


def test_what_public_tests_alone_decided_says_so(tmp_path):
    rows = [
        {**ROWS["livecodebench"], "question_id": name, "private_test_cases": "[]" * (name != "b")} for name in "abc"
    ]
    (tmp_path / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    source = data.read(SUITES["livecodebench"], [tmp_path / "rows.jsonl"])
    for keys, count in (("abc", 1), ("ac", 0)):
        found = summary.entry(source, [SampleRow(key, 0, "correct") for key in keys], 0, (), JUDGE, None)
        assert found.public_only == count
        assert ("1 judged by PUBLIC TESTS ONLY" in table({"livecodebench": found}, 100_000)) == bool(count)


def test_samples_are_gone_on_with_behind_a_torn_line(tmp_path):
    file = tmp_path / "s.jsonl"
    some = [samples.Sample("a", number, "response", "x", 1, "stop", 7, "0") for number in (0, 1)]
    samples.append(file, some)
    file.write_text(file.read_text()[:-9])
    assert samples.kept(file) == {("a", 0)}
    samples.append(file, some[1:])
    assert samples.read(file, "id", {"a"}, partial=False) == some
