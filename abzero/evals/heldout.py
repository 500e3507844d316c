"""Held-out problems that a run is asked every so many steps: whether it got better at what one cares about."""

import hashlib
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from statistics import fmean

from abzero.algo.metrics import Stopwatch
from abzero.errors import ConfigError
from abzero.evals import asking, base, presets, provenance, rows, scoring, selftest, summary
from abzero.evals.asking import Voice, opens_think
from abzero.evals.data import SuiteRows
from abzero.evals.rows import SampleRow
from abzero.evals.samples import Sample, sha256
from abzero.evals.scoring import Judged, Judges
from abzero.evals.suites import Suite
from abzero.evals.summary import Asked, SuiteEntry
from abzero.evals.tiny import LENGTHS, Nursery
from abzero.policy.base import Generator, Learner
from abzero.sandbox.base import Sandbox
from abzero.tasks import TaskType
from abzero.tasks.prompts import Prompts, whole
from abzero.types import Step

NURSERY = "nursery"
NURSERY_CELL = 300
"""Problems of a cell of the nursery where no limit is set."""


@dataclass(frozen=True)
class HeldOut:
    """The problems of one suite, and how answers to them are judged."""

    suite: str
    questions: Mapping[str, str]
    """Each problem's prompt, by its key."""
    judge: Callable[[Sequence[Sample]], list[Judged]]
    problems: Mapping[str, str]
    """Each problem's text, without the words around it, for those who read the rows."""
    entry: Callable[[Sequence[SampleRow]], SuiteEntry]
    """What the rows of all its problems add up to, for a summary like that of ``abzero eval``."""
    groups: Mapping[str, str] = field(default_factory=dict)
    """Which problems have a figure of their own besides, as those of one mode: a problem's group, by its key."""


def nursery(types: Sequence[TaskType], inputs: int, limit: int, box: Sandbox, how: Asked) -> HeldOut:
    """Problems of the nursery's dev split, as many in each of its cells; at most `limit` unless the cells are more."""
    each = max(1, limit // (len(types) * len(LENGTHS))) if limit else NURSERY_CELL
    suite = Nursery(types, "dev", 0, each, inputs=inputs)
    problems = {problem.id: problem for problem in suite.problems()}

    def judge(samples: Sequence[Sample]) -> list[Judged]:
        scores = base.judge(suite, [(problems[one.key], one.text) for one in samples], box)
        return [Judged(one, one.text, score, None, 0.0) for one, score in zip(samples, scores, strict=True)]

    prompts = {key: problem.prompt for key, problem in problems.items()}
    digest = hashlib.sha256(json.dumps(prompts, sort_keys=True).encode()).hexdigest()
    made = Suite(NURSERY, len(prompts), "id", (), (), {}, {digest: "generated"})
    source = SuiteRows(made, (), (digest,), tuple({"id": key} for key in prompts), len(prompts))
    how = replace(how, words=digest, conversation=digest, opens_think=all(map(opens_think, prompts.values())))
    by = provenance.by_us(box.isolation)
    groups = {key: problem.cell[0] for key, problem in problems.items()}
    return HeldOut(
        NURSERY, prompts, judge, prompts, lambda rows: summary.entry(source, rows, limit, (), by, how), groups
    )


def benchmark(source: SuiteRows, prompts: Prompts, limit: int, judges: Judges, how: Asked) -> HeldOut:
    """The first `limit` problems of a benchmark. Raises `ConfigError` if its judge fails its self-test on them."""
    every = presets.PRESETS["trained"].questions(source, Voice(prompts, prompts, None))
    asked = every[: limit or None]
    questions: dict[str, str] = {one.key: one.prompt for one in asked}
    tried = scoring.suited(source, judges)
    if wrong := selftest.failures(tried, list(questions), judges):
        raise ConfigError(f"eval.suites {source.suite.name}: its self-test failed: {'; '.join(wrong)}; leave it out")
    words, conversation = (asking.sha256([one.prompt for one in every], around) for around in (False, True))
    how = replace(
        how, words=words, conversation=conversation, opens_think=all(opens_think(one.prompt) for one in every)
    )
    suite = replace(tried, opens_think=how.opens_think)
    by = provenance.judged_by(tried, judges)

    def judge(samples: Sequence[Sample]) -> list[Judged]:
        return [one for batch in scoring.score(suite, samples, judges) for one in batch]

    problems = {problem.id: problem.prompt for problem in suite.problems() if problem.id in questions}
    name = source.suite.name
    return HeldOut(name, questions, judge, problems, lambda rows: summary.entry(source, rows, limit, (), by, how))


@dataclass(frozen=True)
class Measuring:
    """Measures each `every`-th step, the seeding (step 0) included, with weights as that step leaves them.

    Draws from chance of its own, the same at every step, and changes nothing that a step depends on.
    """

    suites: Sequence[HeldOut]
    every: int
    generator: Generator
    learner: Learner
    stopwatch: Stopwatch
    folder: Path
    """Where results go: ``step-000020/training/``, as ``abzero eval`` leaves them."""
    report: Callable[[str], None]
    seed: int

    def annotate(self, step: Step) -> Step:
        """`step` with its figures ``eval/SUITE`` and ``eval/SUITE/GROUP``, if it is one that is measured."""
        if step.number % self.every:
            return step
        self.generator.sync(self.learner)
        figures: dict[str, float] = {}
        for suite in self.suites:
            with self.stopwatch("eval", len(suite.questions)):
                judged = suite.judge(self._answers(suite))
            self._keep(step.number, suite, judged)
            if errors := sum(one.score.verdict == "error" for one in judged):
                self.report(f"step {step.number}: {suite.suite} has no score: its judge failed on {errors} answers")
                continue
            figures |= _figures(suite, judged)
        return replace(step, metrics={**step.metrics, **figures}, clock=_joined(step.clock, self.stopwatch.read()))

    def _answers(self, suite: HeldOut) -> list[Sample]:
        """One sample of each problem; an empty one where the prompt is longer than the model is asked."""
        rng = random.Random(f"{self.seed}/eval/{suite.suite}")
        fitting = {key: prompt for key, prompt in suite.questions.items() if self.generator.fits(prompt)}
        sampled = self.generator.generate(list(fitting.values()), 1, rng) if fitting else []
        given = {
            key: Sample(
                key, 0, "response", whole(prompt, one).text, len(one.tokens), one.finish, self.seed, sha256(prompt)
            )
            for (key, prompt), [one] in zip(fitting.items(), sampled, strict=True)
        }
        return [given.get(key, Sample(key, 0, "response", "", 0, "too long")) for key in suite.questions]

    def _keep(self, step: int, suite: HeldOut, judged: Sequence[Judged]) -> None:
        file = self.folder / f"step-{step:06d}" / "training" / f"{suite.suite}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)  # of the same step, before the run was killed
        rows.append(file, suite.suite, judged)
        summary.add(file.parent, suite.suite, suite.entry(rows.read(file)))
        if not (self.folder / f"{suite.suite}.problems.jsonl").exists():
            rows.keep_problems(self.folder / f"{suite.suite}.jsonl", suite.problems.items())


def _figures(suite: HeldOut, judged: Sequence[Judged]) -> dict[str, float]:
    """The share of right answers, of all problems and of each group."""
    found = {f"eval/{suite.suite}": fmean(one.score.verdict == "correct" for one in judged)}
    grouped = [(suite.groups[one.sample.key], one) for one in judged if one.sample.key in suite.groups]
    for group, some in groupby(sorted(grouped, key=lambda pair: pair[0]), key=lambda pair: pair[0]):
        found[f"eval/{suite.suite}/{group}"] = fmean(one.score.verdict == "correct" for _, one in some)
    return found


def _joined(before: Mapping[str, float], spent: Mapping[str, float]) -> dict[str, float]:
    """A step's clock with what was `spent` after it, so that the next step's begins anew."""
    step = "seconds/step"
    whole_step = {step: before[step] + spent[step]} if step in before else {}
    return {**before, "seconds/eval": spent["seconds/eval"], **whole_step}
