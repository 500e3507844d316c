"""THE LOOP: Algorithm 1 of the paper. Propose, estimate, append, solve, credit, update."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from abzero.algo.credit import Credit, Crediting, novelty_of
from abzero.algo.metrics import Stopwatch, measure, speed
from abzero.errors import ModelError, Unforeseen
from abzero.policy.base import Generator, Learner
from abzero.python import analysis
from abzero.sandbox.base import Sandbox
from abzero.sandbox.run import Check, T, crash, run_checks
from abzero.tasks import TaskType, parsing
from abzero.tasks.buffer import Buffer
from abzero.tasks.curriculum import draw_references, draw_tasks
from abzero.tasks.grading import rated, settled, withdrawals
from abzero.tasks.prompts import whole
from abzero.types import Attempt, Experience, Proposal, Rejection, Step, Task


@dataclass(frozen=True)
class SelfPlay:
    """One model in two roles: `proposer` and `solver` are one generator, unless an experiment freezes the proposer."""

    types: Sequence[TaskType]
    proposer: Generator
    solver: Generator
    learner: Learner
    sandbox: Sandbox
    buffer: Buffer
    advantage: Callable[[Sequence[Experience]], list[Experience]]
    credit: Crediting = field(default_factory=Credit)
    batch_size: int = 64
    """Proposals, and solver rollouts, of each mode in a step (B)."""
    references: int = 6
    """Tasks that a proposal's prompt shows at most (K)."""
    samples: int = 8
    """Attempts that estimate a proposal's solve rate (n)."""
    attempts: int = 1
    """Solver rollouts on each drawn task, of which there are ``batch_size // attempts``."""
    admit: Callable[[Task], str | None] = lambda task: None
    """Why a verified task may not be used; ``None`` if it may."""
    unforeseen: Callable[[Exception], ModelError] = crash
    """What becomes of an error of ours over a model's text: `Unforeseen` excludes and counts it."""
    seed: int = 0
    stopwatch: Stopwatch = field(default_factory=Stopwatch)

    @property
    def types_by_mode(self) -> dict[str, TaskType]:
        """The task types by mode."""
        return {task_type.mode: task_type for task_type in self.types}

    def step(self, number: int) -> Step:
        """Run step `number`. Equal weights, buffers, seeds and numbers give equal steps, bit for bit."""
        rng = random.Random(f"{self.seed}/{number}")
        self.solver.sync(self.learner)
        if self.proposer is not self.solver:
            self.proposer.sync(self.learner)
        proposals, estimates = self.estimate(self.propose(self.types, rng), rng)
        proposals = [self.offer(proposal) for proposal in proposals]
        fresh = [proposal.task for proposal in proposals if proposal.task and proposal.new]
        count = self.batch_size // self.attempts
        drawn = [
            task for task_type in self.types for task in draw_tasks(task_type.mode, self.buffer, fresh, count, rng)
        ]
        attempts = [*estimates, *self.solve(drawn, self.attempts, rng)]
        batch = self.advantage(self.credit(proposals, attempts, rng))
        with self.stopwatch("update", len(batch)):
            learned = self.learner.update(batch)
        sizes = {task_type.mode: self.buffer.size(task_type.mode) for task_type in self.types}
        figures = measure(proposals, attempts, batch, sizes, learned, self.answer) | withdrawals(self.buffer)
        return Step(number, proposals, attempts, batch, figures, speed(self.stopwatch.read(), proposals, attempts))

    def answer(self, task: Task) -> str:
        """What `task` asks for, as text."""
        return self.types_by_mode[task.mode].answer(task)

    def propose(self, types: Sequence[TaskType], rng: random.Random) -> list[Proposal]:
        """A batch of proposals of each of `types`, verified; nothing is appended yet."""
        asked = [
            (task_type, *drawn)
            for task_type in types
            for _ in range(self.batch_size)
            if (drawn := draw_references(task_type, self.buffer, self.references, self.proposer.fits, rng))
        ]
        with self.stopwatch("propose", len(asked)):
            sampled = self.proposer.generate([prompt for _, _, prompt in asked], 1, rng)
        sampled = [[whole(prompt, rollout)] for (_, _, prompt), [rollout] in zip(asked, sampled, strict=True)]
        answers = [parsing.answer(rollout.text) for [rollout] in sampled]
        built = self.check([self.build(k, answer, refs) for (k, refs, _), answer in zip(asked, answers, strict=True)])
        proposals = []
        for (task_type, references, prompt), [rollout], task in zip(asked, sampled, built, strict=True):
            outcome = rejection(task) if isinstance(task, ModelError) else task
            well_formed = parsing.well_formed(rollout.text)
            proposals.append(Proposal(task_type.mode, prompt, rollout, references, outcome, well_formed))
        return proposals

    def build(self, task_type: TaskType, answer: str, references: Sequence[Task]) -> Check[Task | Rejection]:
        """What `answer` proposes, judged. All that is later asked of a program's text is asked here a first time."""
        task = yield from task_type.construct(answer, references)
        analysis.normal_form(task.program), analysis.complexity(task.program)
        return self.judge(task)

    def judge(self, task: Task) -> Task | Rejection:
        """`task`, though verified, or why it cannot be used."""
        if reason := self.admit(task):
            return Rejection(reason, ours=True)
        return task if self.solver.fits(self.types_by_mode[task.mode].ask(task)) else Rejection("too long to be asked")

    def offer(self, proposal: Proposal) -> Proposal:
        """Append a proposal's task to the buffer; the proposal, with how it compares with what was there before."""
        novelty = novelty_of(proposal, self.buffer)
        return replace(proposal, novelty=novelty, new=bool(proposal.task and self.buffer.add(proposal.task)))

    def estimate(self, proposals: list[Proposal], rng: random.Random) -> tuple[list[Proposal], list[Attempt]]:
        """The proposals with their solve rates: mean scores of `samples` attempts at the training temperature."""
        valid = [(position, p.task) for position, p in enumerate(proposals) if p.task]
        attempts = self.solve([task for _, task in valid], self.samples, rng, phase="estimate")
        owners = [position for position, _ in valid for _ in range(self.samples)]
        owned = [replace(attempt, proposal=owner) for owner, attempt in zip(owners, attempts, strict=True)]
        return rated(proposals, owned, self.buffer), owned

    def solve(self, tasks: Sequence[Task], n: int, rng: random.Random, phase: str = "solve") -> list[Attempt]:
        """`n` graded attempts at each of `tasks`, in order; the stopwatch counts sampling under `phase`."""
        prompts = [self.types_by_mode[task.mode].ask(task) for task in tasks]
        with self.stopwatch(phase, len(prompts) * n):
            sampled = self.solver.generate(prompts, n, rng)
        asked = zip(tasks, prompts, sampled, strict=True)
        rows = [(task, prompt, whole(prompt, one)) for task, prompt, rollouts in asked for one in rollouts]
        answers = [parsing.answer(rollout.text) for _, _, rollout in rows]
        graded = zip(rows, answers, strict=True)
        scores = self.check([self.types_by_mode[task.mode].grade(task, answer) for (task, _, _), answer in graded])
        valid = settled([task for task, _, _ in rows], scores, self.buffer)
        faults = [score.name if isinstance(score, Unforeseen) else "" for score in scores]
        return [
            Attempt(task, prompt, rollout, score, answer, parsing.well_formed(rollout.text), fault=fault)
            for (task, prompt, rollout), answer, score, fault in zip(rows, answers, valid, faults, strict=True)
        ]

    def check(self, checks: Sequence[Check[T]]) -> list[T | ModelError]:
        with self.stopwatch("sandbox", len(checks)):
            return run_checks(checks, self.sandbox, self.unforeseen)


def rejection(error: ModelError) -> Rejection:
    """What becomes of a proposal whose check raised `error`."""
    fault = error.name if isinstance(error, Unforeseen) else ""
    return Rejection(str(error), ours=bool(fault), fault=fault)
