"""Held-out problems that a run is asked while it trains: its curve, and nothing but a curve."""

import json
import re
from dataclasses import replace

import pytest

from abzero.algo.figures import FIGURES
from abzero.cli.main import main
from abzero.evals import data, heldout, suites, summary
from abzero.evals.base import Score
from abzero.evals.scoring import Judged
from abzero.evals.summary import Asked
from abzero.sandbox.fake import FakeSandbox
from abzero.types import Step
from tests.fakes import TASK_TYPES, play

HOW = Asked("run", {}, "trained", "", "", False, 64, (), 1.0, 1, (1,), "local", "", "float32")


def guess(prompt, rng):
    """Right now and then: in nearly all programs of the nursery something is a list."""
    return f"a thought</think><answer>{rng.choice(['[0, 0]', '[1]', '[]', '[0]'])}</answer>"


def measuring(folder, game, every=2, judge=None):
    suite = heldout.nursery(TASK_TYPES, 3, 18, FakeSandbox(), HOW)
    said = []
    suite = replace(suite, judge=judge or suite.judge)
    return heldout.Measuring(
        [suite], every, game.solver, game.learner, game.stopwatch, folder, said.append, seed=1
    ), said


def test_only_the_steps_asked_for_are_measured_and_all_their_figures_are_in_the_vocabulary(tmp_path):
    game = play(guess)
    measure, _ = measuring(tmp_path, game)
    odd, step = (Step(number, [], [], [], {"a": 1.0}, {"seconds/step": 1.0}) for number in (1, 2))
    assert measure.annotate(odd) is odd
    measured = measure.annotate(step)
    new = {*measured.metrics, *measured.clock} - {*step.metrics, *step.clock}
    general = {re.sub("/(abduction|deduction|induction)$", "/{mode}", name) for name in new}
    assert general == {"eval/nursery", "eval/nursery/{mode}", "seconds/eval"}
    assert {*(general - {"eval/nursery"}), "eval/{suite}"} <= set(FIGURES)
    by_mode = [measured.metrics[f"eval/nursery/{kind.mode}"] for kind in TASK_TYPES]
    assert measured.metrics["eval/nursery"] == pytest.approx(sum(by_mode) / 3)  # as many of each


def test_rows_are_kept_once_even_where_a_step_is_taken_again(tmp_path):
    game = play(guess)
    measure, _ = measuring(tmp_path, game)
    first, again = measure.annotate(Step(2, [], [], [], {})), measure.annotate(Step(2, [], [], [], {}))
    assert first.metrics == again.metrics
    lines = (tmp_path / "step-000002" / "training" / "nursery.jsonl").read_text().splitlines()
    right = [json.loads(line)["verdict"] == "correct" for line in lines]
    assert len(right) == 18
    assert first.metrics["eval/nursery"] == pytest.approx(sum(right) / 18)


def test_two_steps_are_compared_as_two_models_are(tmp_path, capsys):
    game = play(guess)
    measure, _ = measuring(tmp_path, game)
    for number in (2, 4):
        step = measure.annotate(Step(number, [], [], [], {}))
    folders = [str(tmp_path / f"step-00000{number}" / "training") for number in (2, 4)]
    [(suite, entry)] = summary.suites(tmp_path / "step-000004" / "training").items()
    assert (suite, entry["n"], entry["limit"]) == ("nursery", 18, 18)
    assert entry["score"] == step.metrics["eval/nursery"]
    assert main(["eval", "compare", *folders]) == 0
    assert "+0.0" in capsys.readouterr().out


def test_an_error_of_the_judge_leaves_a_gap_in_the_curve_and_no_wrong_answers(tmp_path):
    game = play(guess)
    measure, said = measuring(
        tmp_path, game, judge=lambda samples: [Judged(one, "", Score("error", 0.0), None, 0.0) for one in samples]
    )
    assert measure.annotate(Step(2, [], [], [], {})).metrics == {}
    assert said == ["step 2: nursery has no score: its judge failed on 18 answers"]


def test_a_prompt_that_is_too_long_is_not_sampled_and_not_solved(tmp_path):
    game = play(guess)
    measure, _ = measuring(tmp_path, game)
    longest = max(map(len, measure.suites[0].questions.values()))

    class Short:
        def sync(self, learner):
            game.solver.sync(learner)

        def fits(self, prompt):
            return len(prompt) < longest

        def generate(self, prompts, n, rng):
            return game.solver.generate(prompts, n, rng)

    replace(measure, generator=Short()).annotate(Step(0, [], [], [], {}))
    rows = [json.loads(x) for x in (tmp_path / "step-000000/training/nursery.jsonl").read_text().splitlines()]
    left_out = [row for row in rows if row["finish"] == "too long"]
    assert 1 <= len(left_out) < 18
    assert not [row for row in left_out if row["verdict"] == "correct"]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--eval.suites", "aime24"], ["eval.suites aime24", "--eval.data"]),
        (["--eval.suites", "aime99"], ["aime99", "does not exist"]),
        (["--eval.every", "-1"], ["eval.every -1", "0 or more"]),
    ],
)
def test_what_cannot_be_measured_is_refused_before_a_model_is_loaded(tmp_path, capsys, monkeypatch, flags, words):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "empty"))
    run = tmp_path / "run"
    assert main(["train", "tiny-cpu", f"--run={run}", "--model.threads=1", "--eval.every=1", *flags]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert all(word in said for word in words), said
    assert not run.exists()


def test_a_benchmark_is_asked_in_the_run_s_own_conversation(tmp_path):
    from contextlib import ExitStack

    from abzero.evals import scoring
    from abzero.tasks.prompts import Prompts

    file = tmp_path / "cruxeval.jsonl"
    rows = [
        {"id": f"s{n}", "code": "def f(x):\n    return x + 1", "input": str(n), "output": str(n + 1)} for n in (1, 2)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = data.read(suites.SUITES["cruxeval-o"], [file])
    with ExitStack() as stack:
        suite = heldout.benchmark(source, Prompts("paper"), 1, scoring.judges(stack), HOW)
        [(key, prompt)] = suite.questions.items()
        assert key == "s1"
        assert "### The input\n```input\n1\n```" in prompt
        game = play(lambda prompt, rng: "2 it is</think><answer>```output\n2\n```</answer>")
        measure, _ = measuring(tmp_path / "rows", game)
        step = replace(measure, suites=[suite]).annotate(Step(0, [], [], [], {}))
    assert step.metrics == {"eval/cruxeval-o": 1.0}
