"""How much of a score is left without the thought: by a solver that needs half of it, and by one that needs none."""

import random
from dataclasses import replace

import pytest

from abzero.cli.main import main
from abzero.oversight.truncate import CUTS, scores, usable
from abzero.policy.scripted import ScriptedGenerator
from abzero.run.journal import Attempted
from abzero.sandbox.fake import FakeSandbox
from abzero.types import Prompt
from tests.fakes import DEDUCTION, task

TYPES = {"deduction": DEDUCTION}
THOUGHT = "one more and then two more"


def attempt(completion: str = f"{THOUGHT}</think>\n <answer>5</answer>", score: float | None = 1.0) -> Attempted:
    asked = str(DEDUCTION.ask(task(4)))
    return Attempted(1, 0, "t", "deduction", asked, completion, 9, "stop", 1, "5", score, True, None, None)


def test_a_score_that_the_thought_earns_falls_with_it_and_another_one_does_not():
    seen: list[str] = []

    def reasons(prompt: str, rng: random.Random) -> str:
        assert isinstance(prompt, Prompt)
        assert prompt[prompt.end :].endswith("</think>\n <answer>")
        seen.append(prompt.partition("<think>")[2].partition("</think>")[0])
        return "5</answer>" if "and then" in prompt else "no</answer>"

    rows = [(attempt(), task(4)), (attempt(score=0.0), task(4))]
    [found] = scores(rows, TYPES, ScriptedGenerator(reasons), FakeSandbox(), random.Random(0))
    assert found.scores == (0.0, 0.0, 0.0, 1.0, 1.0)
    assert found.area == pytest.approx(0.375)
    assert (found.mode, found.attempts, found.recorded) == ("deduction", 2, 0.5)
    assert seen[: len(CUTS)] == ["", THOUGHT[:6], THOUGHT[:13], THOUGHT[:20], THOUGHT]
    knows = ScriptedGenerator(lambda prompt, rng: "5</answer>")
    [leaked] = scores(rows, TYPES, knows, FakeSandbox(), random.Random(0))
    assert (leaked.scores, leaked.area) == ((1.0,) * 5, 1.0)


def test_what_cannot_be_cut_is_passed_over():
    assert usable(attempt())
    assert not usable(attempt("</think><answer>5</answer>"))
    assert not usable(attempt("it is 5"))
    assert not usable(attempt("a <|im_end|> b</think><answer>5</answer>"))
    assert not usable(replace(attempt(), score=None))
    assert scores([], TYPES, ScriptedGenerator(lambda prompt, rng: ""), FakeSandbox(), random.Random(0)) == []


def test_a_bad_number_is_refused_before_anything_is_read(tmp_path, capsys):
    assert main(["oversight", "truncate", str(tmp_path), "--n", "0"]) == 1
    assert "--n 0: give 1 or more" in capsys.readouterr().err
