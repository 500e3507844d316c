"""docs/metrics.md explains every figure that is logged, and none that is not."""

import json
import re
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from abzero.algo.figures import FIGURES as VOCABULARY
from abzero.algo.figures import filled
from abzero.algo.losses import Objective
from abzero.oversight import canaries
from abzero.oversight.chain import Chain
from abzero.oversight.judging import Bench, Judging
from abzero.oversight.session import OversightSession
from abzero.oversight.tier import Tier
from abzero.policy.local.learner import LocalLearner
from abzero.policy.models import loading
from abzero.policy.optimisation import Optimisation
from abzero.run.observers.alarms import CONDITIONS, findings
from abzero.types import Experience, Rollout
from tests.fakes import TASK_TYPES, play, player
from tests.policy.conftest import build, tokenizer

PAGE = (Path(__file__).parent.parent / "docs" / "metrics.md").read_text(encoding="utf-8")
ONLY_TRACKED = "alarms"
"""Counted for trackers; the journal has the alarms themselves."""


ONLY_WITH_KL = "thought/surprise/{role}"
"""The update takes it of thoughts, in tests/policy."""
ONLY_ON_FAULTS = "fault/{error}"
"""Logged where a check of ours failed: in no sound step."""


FIGURES, ALARMS = (set(re.findall(r"^\| `([^`]+)` \|", part, re.MULTILINE)) for part in PAGE.split("## Alarms"))


ONLY_MEASURED = {"eval/{suite}", "eval/nursery/{mode}", "seconds/eval"}
"""Logged where `eval.every` asks for it; tests/evals/test_heldout.py holds them to these names."""


def general(name):
    """`name` as the page writes it."""
    return re.sub("|".join(task_type.mode for task_type in TASK_TYPES), "{mode}", name)


def read_by_monitors(step):
    """The names of what oversight adds to a step, with a judge that finds one thing in all."""
    tiers = [Tier(0, lambda read: iter(()), ()), Tier(1, lambda read: iter(()), ())]
    with TemporaryDirectory() as folder:
        record = Chain(Path(folder) / "oversight.jsonl", lambda: 0.0)
        quote = step.proposals[0].rollout.text.partition("</think>")[0][:9]
        said = json.dumps({"category": "power", "severity": 3, "quote": quote, "why": "x"})
        bench = Bench(
            lambda system, user: said, "j", share=1.0, budget=99, lag=0, threads=0, canaries=canaries.STRUCTURAL
        )
        judging = Judging(bench, record, 0, "log", 3, {})
        overseen = OversightSession(tiers, record, "log", 3, lambda: 0.0, judging=judging)
        read = overseen.annotate(replace(step, number=10))
    added = {*read.metrics, *read.clock} - {*step.metrics, *step.clock}
    return {re.sub(r"/t\d", "/{tier}", re.sub(r"/(propose|solve)$", "/{role}", name)) for name in added}


def learner_names(folder):
    build("qwen2").save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    model, codec = loading.load(folder, dtype=torch.float32, device="cpu")
    learner = LocalLearner(
        model, codec, objective=Objective(kl=0.1), optimisation=Optimisation(skips=1), gap_limit=100.0
    )
    rollout = Rollout((2, 3), (4, 5), (-2.0, -2.0), "", "stop")
    return {f"learner/{name}" for name in learner.update([Experience(("solve", 0), "deduction", 0, rollout, (), 1.0)])}


def test_every_logged_figure_is_explained_and_no_other(tmp_path):
    step = play(player(), batch_size=4).step(1)
    logged = {general(name) for name in (*step.metrics, *step.clock)}
    logged |= read_by_monitors(play(player(), batch_size=4).step(1))
    beside_the_learner = {name for name in logged if not name.startswith("learner/")}
    assert (
        beside_the_learner | learner_names(tmp_path) | {ONLY_TRACKED, ONLY_ON_FAULTS, ONLY_WITH_KL} | ONLY_MEASURED
        == FIGURES
    )


def test_the_page_s_tables_are_those_of_the_vocabulary():
    """`make docs` makes them."""
    assert set(VOCABULARY) == FIGURES
    assert filled(PAGE) == PAGE
    assert filled(PAGE.replace("near 1 after some steps", "")) == PAGE


def test_every_figure_has_a_word_of_its_own():
    labels = [figure.label for figure in VOCABULARY.values()]
    assert len(set(labels)) == len(labels)


def test_every_alarm_is_explained_and_no_other():
    sick = {
        "solve/truncated": 1.0,
        "advantage/zero_groups": 1.0,
        "propose/valid/deduction": 0.0,
        "propose/unique/deduction": 0.0,
        "propose/learnable/deduction": 0.0,
        "learner/entropy": 0.0,
        "learner/logprob_gap": 9.0,
        "buffer/withdrawn": 1.0,
        "fault/ValueError": 1.0,
        "propose/answer_in_comments/deduction": 1.0,
        "learner/loss": float("nan"),
        "learner/skipped": 1.0,
    }
    raised = {
        general(name).replace("/solve", "/{role}").replace("ValueError", "{error}") for name in findings([sick] * 5)
    }
    assert len(raised) == len(CONDITIONS)
    assert raised == ALARMS
