"""Whatever the trainer, its monitors and its views do with a model's text, for the fuzzer of texts."""

import json
import random
from collections.abc import Sequence
from contextlib import closing
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

from rich.console import Console

from abzero.algo.credit import Credit, novelty_of
from abzero.algo.metrics import measure
from abzero.algo.rewards import BONUSES, ProposerReward
from abzero.errors import ModelError
from abzero.oversight import tiers
from abzero.oversight.reading import readings
from abzero.python import analysis, copies, literals
from abzero.python.entry import entry_of
from abzero.python.source import remarks, with_imports, without_remarks
from abzero.run.journal import JournalReader, JournalWriter
from abzero.sandbox.base import Call, Outcome, Returned
from abzero.sandbox.run import run_checks
from abzero.tasks import TYPES, parsing
from abzero.tasks.base import TaskType
from abzero.tasks.buffer import Buffer
from abzero.tasks.prompts import Prompts
from abzero.tasks.validation import MAX_SHORTCUTS
from abzero.text.sanitize import abridged, harmless
from abzero.types import Attempt, Case, Proposal, Rejection, Rollout, Step, Task
from abzero.views import grep, html, rollout, show
from abzero.views.report import write_report
from abzero.views.rows import rollouts, to_json
from abzero.views.run_folders import ServedRun
from tests.policy.tokenizers import controlled_codec, controls_in, like_llama, like_qwen, like_smollm

CODECS = [controlled_codec(make()) for make in (like_qwen, like_smollm, like_llama)]
MONITORS = tiers.build([0, 1], "default", "")
REFERENCE = Task("deduction", "def f(x):\n    return x", (Case("1", "1"),))
MOST_COMPARED = 1_500
"""Characters of a program that is compared with another: that takes the square of them."""


class Echo:
    """Answers as a sandbox would that never runs anything: every call returns its own arguments, or one."""

    isolation = "none"

    def run(self, calls: Sequence[Call]) -> list[Outcome]:
        return [Returned("1" if "," in call.arguments else call.arguments) for call in calls]

    def close(self) -> None:
        pass


class Handled:
    """What became of texts: each method raises whatever must not be raised, or is wrong about a text."""

    def __init__(self) -> None:
        prompts = Prompts("paper")
        self.types: dict[bool, list[TaskType]] = {
            strip: [
                kind(prompts, strip_comments=strip, redundant_steps=False)
                if kind.mode != "induction"
                else kind(prompts, 2)
                for kind in TYPES
            ]
            for strip in (False, True)
        }
        self.buffer = Buffer(64)
        self.reward = ProposerReward(bonuses=dict.fromkeys(BONUSES, 1.0))
        self.steps: list[Step] = []

    def read(self, completion: str, program: str) -> None:
        """By themselves: a program, and a completion on the terminal."""
        assert analysis.complexity(program) >= 1.0
        assert all(isinstance(text, str) for text in analysis.shortcuts(program, MAX_SHORTCUTS))
        assert isinstance(analysis.normal_form(program), str)
        assert entry_of(program).isidentifier()
        assert all(remark in program for remark in remarks(program))
        without_remarks(program), with_imports(program, ["import re"])
        for read in (literals.canonical_literal, literals.canonical_arguments, parsing.program):
            try:
                read(program)
            except ModelError:
                continue
        assert parsing.thought(completion) in completion
        shown = harmless(completion)
        assert shown.encode().decode() == shown
        assert not set(shown) & {"\x1b", "\x07", "\u202e"}
        abridged(completion, 60)

    def encode(self, text: str, number: int) -> None:
        """Text inserted into a prompt holds no control token, for one family of tokenizers."""
        codec = CODECS[number % len(CODECS)]
        tokens = codec.encode(text) if text else []  # an empty prompt is one start token
        assert controls_in(codec, tokens) == []
        if number % len(CODECS) < 2:
            assert codec.decode(tokens) == text.encode("utf-8", "replace").decode()

    def judge(self, completion: str, strip: bool) -> list[Proposal]:
        """As a proposal of every mode, and as an answer to what it proposes, or to the seeds."""
        types = self.types[strip]
        answer, formed = parsing.answer(completion), parsing.well_formed(completion)
        built = run_checks([kind.construct(answer, [REFERENCE]) for kind in types], Echo())
        rolled = Rollout((), (0,), (-1.0,), completion, "stop")
        proposals, attempts = [], []
        for kind, outcome in zip(types, built, strict=True):
            ended = outcome if isinstance(outcome, Task) else Rejection(str(outcome))
            proposals.append(Proposal(kind.mode, "p", rolled, (REFERENCE,), ended, formed, 0.5))
        for kind, proposal in zip(types, proposals, strict=True):
            if proposal.task:
                kind.ask(proposal.task), kind.propose([proposal.task]), kind.answer(proposal.task)
        tasks = [proposal.task or kind.seed for kind, proposal in zip(types, proposals, strict=True)]
        scores = run_checks([kind.grade(task, answer) for kind, task in zip(types, tasks, strict=True)], Echo())
        for task, score in zip(tasks, scores, strict=True):
            assert isinstance(score, float | ModelError)
            known = score if isinstance(score, float) else None
            attempts.append(Attempt(task, "p", rolled, known, answer, formed))
        self.latest = attempts
        return proposals

    def compare(self, completion: str, program: str) -> None:
        """On a page; with another program, with itself, and as a text that may hold another."""
        html.code(program), html.prose(completion)
        if len(program) > MOST_COMPARED:
            return
        assert analysis.distance(program, program) == 0.0
        assert 0.0 <= analysis.distance(program, REFERENCE.program) <= 1.0
        copies.holds(f"It is\n{program}", program), copies.holds(program, REFERENCE.program)

    def credit(self, proposals: Sequence[Proposal], number: int) -> Step:
        """Rewarded, measured, offered to the buffer and looked at by the monitors."""
        for proposal in proposals:
            if proposal.task:
                self.reward(proposal.task.program, proposal.well_formed, 0.5, novelty_of(proposal, self.buffer))
                self.buffer.add(proposal.task)
        rows = Credit(self.reward)(proposals, self.latest, random.Random(0))
        figures = measure(proposals, self.latest, rows, {}, {}, lambda task: task.cases[0].output)
        step = Step(number, proposals, self.latest, rows, figures)
        for tier in MONITORS:
            list(tier.monitor(readings(step)))
        return step

    def record(self, folder: Path, steps: Sequence[Step]) -> None:
        """Journalled, and shown by every view that shows texts."""
        config = json.dumps({"steps": len(steps), "model": {"name": "tiny"}})
        (folder / "config.json").write_text(config)
        with closing(JournalWriter(folder / "run.db")) as journal:
            journal.describe({"config": config, "version": "0"})
            for step in steps:
                journal.write(step)
        out = Console(file=StringIO(), width=80, color_system=None)
        with closing(JournalReader(folder / "run.db")) as reader:
            numbers = reader.steps()
            assert len(numbers) == len(steps)
            for step in steps:
                out.print(show.step_view(reader, step.number))
                for place, proposal in enumerate(step.proposals):
                    out.print(rollout.proposal_view(reader, step.number, place))
                    out.print(rollout.attempt_view(reader, step.number, place))
                    if proposal.task:
                        out.print(show.task_view(reader, proposal.task.id))
            assert all(json.loads(to_json(row)) for row in rollouts(reader, numbers))
            wanted = grep.Wanted(parts=(*grep.PARTS, "prompt"))
            list(grep.Search(grep.compiled("return|x")).run(grep.in_rollouts(reader, numbers, wanted)))
        page, _ = write_report(folder)
        pages = [page]
        if find_spec("abzero.views.web"):
            from abzero.views.web.bundle import bundle

            pages.append(folder / "all.html")
            bundle(ServedRun("fuzzed", folder), pages[-1], 20, {})
        for text in (out.file.getvalue(), *(page.read_text() for page in pages)):  # type: ignore[attr-defined]
            assert not set(text) & {"\x1b", "\x07", "\u202e", "\0"}
