"""Contracts of what one may add: give a check what you wrote, in a test of your own.

Each check raises `AssertionError` in words where something does not hold. The programs of a specimen and of a benchmark
are run in this process: they are yours. No test runner is needed.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from abzero.algo.advantages import Weight, per_response, per_token
from abzero.algo.rewards import Learnability, Offer, Solving
from abzero.errors import Halt, Malformed, ModelError
from abzero.evals.base import Benchmark, Problem, judge
from abzero.python.literals import canonical_arguments
from abzero.run.train import Observer
from abzero.sandbox.base import Sandbox
from abzero.sandbox.fake import ClosedSandbox, FakeSandbox
from abzero.sandbox.run import run_checks
from abzero.tasks import TaskType
from abzero.tasks.prompts import SETS, Prompts
from abzero.tasks.validation import reproduces
from abzero.types import Attempt, Case, Experience, Novelty, Proposal, Rejection, Role, Rollout, Step, Task

Estimates = Callable[[Sequence[Experience], Weight], list[Experience]]


@dataclass(frozen=True)
class Specimen:
    """A task type, and one good proposal of it, its task, and answers of every kind."""

    make: Callable[[Prompts], TaskType]
    references: tuple[Task, ...]
    proposal: str
    """An answer that proposes `task`, given `references`."""
    task: Task
    gold: str
    """An answer to `task` that scores 1."""
    wrong: str
    """An answer to `task` that scores 0."""
    secret: str
    """What gives the answer away, and must not stand in the question."""
    malformed: tuple[str, ...]
    """Answers that do not have the shape of one."""
    hacks: tuple[str, ...] = ()
    """Answers to `task` that try to score without solving it."""


def hold(condition: object, words: str) -> None:
    """Raise `AssertionError` with `words` unless `condition` is true."""
    if not condition:
        raise AssertionError(words)


def graded(task_type: TaskType, task: Task, answer: str, sandbox: Sandbox | None = None) -> float | ModelError:
    """The score of an answer, or the error that it is."""
    [result] = run_checks([task_type.grade(task, answer)], sandbox or FakeSandbox())
    return result


def constructed(
    task_type: TaskType, answer: str, references: Sequence[Task], sandbox: Sandbox | None = None
) -> Task | ModelError:
    """The task that an answer proposes, or the error that it is."""
    [result] = run_checks([task_type.construct(answer, references)], sandbox or FakeSandbox())
    return result


def a_good_proposal_becomes_its_task(task_type: TaskType, specimen: Specimen) -> None:
    found = constructed(task_type, specimen.proposal, specimen.references)
    hold(found == specimen.task, f"the proposal became {found!r}, not {specimen.task!r}")


def a_task_reproduces_and_its_inputs_are_canonical(task_type: TaskType, specimen: Specimen) -> None:
    for task in (specimen.task, task_type.seed):
        hold(run_checks([reproduces(task, task_type.truth)], FakeSandbox()) == [True], f"run again, {task!r} differs")
        for case in task.cases:
            written = canonical_arguments(case.input)
            hold(written == case.input, f"the input {case.input!r} is written {written!r}")


def the_gold_answer_scores_one_and_a_wrong_one_zero(task_type: TaskType, specimen: Specimen) -> None:
    for answer, score in ((specimen.gold, 1.0), (specimen.wrong, 0.0)):
        found = graded(task_type, specimen.task, answer)
        hold(found == score, f"{answer!r} scores {found!r}, not {score}")


def the_question_does_not_hold_the_answer(task_type: TaskType, specimen: Specimen) -> None:
    question = task_type.ask(specimen.task)
    hold(specimen.secret not in question, f"the question says {specimen.secret!r}")
    told = [specimen.task.program, *(text for case in specimen.task.cases for text in (case.input, case.output))]
    hold(any(text in question for text in told), "the question does not say what is asked")


def the_proposer_is_shown_its_references(task_type: TaskType, specimen: Specimen) -> None:
    prompt = task_type.propose(specimen.references)
    for reference in specimen.references:
        hold(reference.program in prompt, f"the proposer's prompt does not show {reference.program!r}")


def a_proposer_without_need_of_a_reference_can_do_without(task_type: TaskType, specimen: Specimen) -> None:
    if not task_type.needs_reference:
        hold(task_type.propose(()) != task_type.propose((task_type.seed,)), "references make no difference to a prompt")


def a_malformed_answer_raises_malformed(task_type: TaskType, specimen: Specimen) -> None:
    for answer in specimen.malformed:
        found = graded(task_type, specimen.task, answer)
        hold(isinstance(found, Malformed), f"the malformed answer {answer!r} gives {found!r}")


def a_hack_does_not_score(task_type: TaskType, specimen: Specimen) -> None:
    for hack in specimen.hacks:
        found = graded(task_type, specimen.task, hack)
        hold(isinstance(found, Malformed) or found == 0.0, f"the hack {hack!r} scores {found!r}")


def a_proposal_of_nothing_is_malformed(task_type: TaskType, specimen: Specimen) -> None:
    for answer in ("", "no task"):
        found = constructed(task_type, answer, specimen.references)
        hold(isinstance(found, Malformed), f"the proposal {answer!r} gives {found!r}")


def a_program_that_cannot_be_run_makes_no_task(task_type: TaskType, specimen: Specimen) -> None:
    found = constructed(task_type, specimen.proposal, specimen.references, ClosedSandbox())
    hold(isinstance(found, ModelError), f"although its program was not run, the proposal became {found!r}")


def seeds_belong_to_their_mode(task_type: TaskType, specimen: Specimen) -> None:
    hold(task_type.seed.mode == task_type.mode, f"the seed is of mode {task_type.seed.mode!r}")
    hold(task_type.mode not in task_type.shares_seeds_with, "it shares its seeds with itself")


TASK_TYPE_CHECKS: tuple[Callable[[TaskType, Specimen], None], ...] = (
    a_good_proposal_becomes_its_task,
    a_task_reproduces_and_its_inputs_are_canonical,
    the_gold_answer_scores_one_and_a_wrong_one_zero,
    the_question_does_not_hold_the_answer,
    the_proposer_is_shown_its_references,
    a_proposer_without_need_of_a_reference_can_do_without,
    a_malformed_answer_raises_malformed,
    a_hack_does_not_score,
    a_proposal_of_nothing_is_malformed,
    a_program_that_cannot_be_run_makes_no_task,
    seeds_belong_to_their_mode,
)
"""What holds for every task type, one by one."""


def check_task_type(specimen: Specimen) -> None:
    """What holds for every task type, with every prompt set in the box."""
    for name in SETS:
        for check in TASK_TYPE_CHECKS:
            check(specimen.make(Prompts(name)), specimen)


def check_learnability(learnability: Learnability) -> None:
    """A finite number for every solve rate strictly between 0 and 1, the same each time."""
    for rate in (count / 64 for count in range(1, 64)):
        worth = learnability(rate)
        hold(math.isfinite(worth), f"a solve rate of {rate} is worth {worth}")
        hold(learnability(rate) == worth, f"a solve rate of {rate} is worth {worth}, and then something else")


def check_bonus(bonus: Callable[[Offer], float]) -> None:
    """A number in [-1, 1] for every offer, the same each time."""
    programs = ("def f(a):\n    return a", "def f(x, y=1):\n    while x > y:\n        x -= y\n    return {x: [y]}")
    known = (Novelty(), Novelty(programs, 3, 0.25), Novelty(programs[:1], 1000, 1.0))
    for offer in (Offer(program, worth, one) for program in programs for worth in (0.125, 1.0) for one in known):
        value = bonus(offer)
        hold(-1.0 <= value <= 1.0, f"{offer} gives {value}, which is not in [-1, 1]")
        hold(bonus(offer) == value, f"{offer} gives {value}, and then something else")


def check_solver_reward(reward: Solving) -> None:
    """Named finite terms for every score, the same each time; what is right is worth no less than what is wrong."""
    for score in (None, 0.0, 0.5, 1.0):
        for well_formed in (True, False):
            terms = reward(score, well_formed)
            named = all(isinstance(name, str) and math.isfinite(value) for name, value in terms)
            hold(terms and named, f"score {score} gives {terms!r}, not (name, number) pairs")
            hold(reward(score, well_formed) == terms, f"score {score} gives {terms!r}, and then something else")
    right, wrong = (sum(value for _, value in reward(score, True)) for score in (1.0, 0.0))
    hold(right >= wrong, f"a right answer is worth {right}, a wrong one {wrong}")


def check_estimator(estimator: Estimates) -> None:
    """Every row again, in order, with a finite advantage and nothing else changed; the same each time."""
    for batch in ([], _rows(0.5), _rows(1.0, 1.0, 1.0), _rows(-1.0, -0.5, 0.0, 0.25, 1.0, 1.0)):
        for weight in (per_response, per_token):
            found = estimator(batch, weight)
            hold([replace(row, advantage=0.0) for row in found] == batch, "rows come back changed, fewer or reordered")
            hold(all(math.isfinite(row.advantage) for row in found), "an advantage is not finite")
            hold(estimator(batch, weight) == found, "equal batches get unequal advantages")


def check_benchmark(benchmark: Benchmark, gold: Callable[[Problem], str]) -> None:
    """The same problems at every call, each known by its id; `gold` completions score 1, empty ones 0."""
    problems = list(benchmark.problems())
    hold(problems, "there is no problem")
    hold(list(benchmark.problems()) == problems, "a second call gives other problems")
    hold(len({problem.id for problem in problems}) == len(problems), "two problems have one id")
    hold(all(problem.prompt for problem in problems), "a problem asks nothing")
    for text, value in ((gold, 1.0), (lambda problem: "", 0.0)):
        scores = judge(benchmark, [(problem, text(problem)) for problem in problems], FakeSandbox())
        for problem, score in zip(problems, scores, strict=True):
            hold(score.value == value, f"problem {problem.id}: {text(problem)!r} scores {score}, not {value}")


def check_observer(observer: Observer) -> None:
    """It can be shown a seeding and a step with everything in it, and raises nothing but `Halt`."""
    for number in (0, 1, 2):
        try:
            observer(a_step(number))
        except Halt:
            continue


def a_step(number: int) -> Step:
    """A step with a proposal that became a task, one that did not, and a right, a wrong and a malformed attempt."""
    task = Task("deduction", "def f(x):\n    return x + 1", (Case("1", "2"),))
    made = Proposal("deduction", "propose", _rollout(3), (), task, True, 0.5, new=True)
    failed = Proposal("deduction", "propose", _rollout(1), (), Rejection("no program block"), False)
    attempts = [Attempt(task, "solve", _rollout(2), score, "2", score is not None) for score in (1.0, 0.0, None)]
    return Step(number, [made, failed], attempts, _rows(0.5, -1.0), {"learner/loss": 0.25}, {"seconds/step": 1.0})


def _rollout(tokens: int) -> Rollout:
    return Rollout((1,), (2,) * tokens, (-0.5,) * tokens, "a thought</think><answer>2</answer>", "stop")


def _rows(*rewards: float) -> list[Experience]:
    roles: tuple[Role, Role] = ("propose", "solve")
    return [
        Experience((roles[place % 2], place), "deduction", place // 2, _rollout(1 + place), (("term", reward),))
        for place, reward in enumerate(rewards)
    ]
