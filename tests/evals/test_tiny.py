import random

import pytest

from abzero.evals.base import judge
from abzero.evals.tiny import Nursery, evaluate, traced
from abzero.policy.scripted import ScriptedGenerator
from abzero.sandbox.run import run_checks
from abzero.tasks import Abduction, Deduction, Induction, parsing
from abzero.tasks.prompts import Prompts
from abzero.tiny.splits import signature, split_of
from abzero.types import Case, Task
from tests.trusted import TrustedSandbox

PROMPTS = Prompts("compact")
TASK_TYPES = (Deduction(PROMPTS), Abduction(PROMPTS), Induction(PROMPTS, inputs=6))


@pytest.fixture(scope="module")
def suite() -> Nursery:
    return Nursery(TASK_TYPES, n=12, lengths=(1, 2, 4))


def gold(suite, problem) -> str:
    task = suite.task(problem)
    case = task.cases[0]
    answers = {
        "deduction": case.output,
        "abduction": case.input,
        "induction": f"<program>{task.program}</program>",
    }
    return f"</think><answer>{answers[task.mode]}</answer>"


def values(suite, asked) -> list[float]:
    return [score.value for score in judge(suite, asked, TrustedSandbox())]


def length(problem) -> int:
    return int(problem.cell[1])


def test_every_cell_has_its_problems_and_their_own_answers_score_one(suite: Nursery):
    problems = suite.problems()
    assert len(problems) == 3 * 3 * 12
    assert values(suite, [(problem, gold(suite, problem)) for problem in problems]) == [1.0] * len(problems)


def test_problems_are_held_out_and_splits_share_no_program(suite: Nursery):
    dev = Nursery(TASK_TYPES, split="dev", n=12, lengths=(2, 4))
    test = {signature(suite.task(p).program) for p in suite.problems() if length(p) > 1}
    assert all(split_of(suite.task(p).program) == "test" for p in suite.problems() if length(p) > 1)
    assert all(split_of(dev.task(p).program) == "dev" for p in dev.problems())
    assert not test & {signature(dev.task(p).program) for p in dev.problems()}


def test_k_counts_the_statements(suite: Nursery):
    assert all(len(signature(suite.task(p).program) or ()) == length(p) for p in suite.problems())


def test_an_abduction_is_never_solved_by_its_output(suite: Nursery):
    asked = [(p, suite.baseline(p)) for p in suite.problems() if p.cell[0] == "abduction"]
    assert values(suite, asked) == [0.0] * len(asked)


def test_the_same_seed_asks_the_same_problems_and_another_seed_others(suite: Nursery):
    again, other = Nursery(TASK_TYPES, n=12, lengths=(1, 2, 4)), Nursery(TASK_TYPES, n=12, lengths=(1, 2, 4), seed=1)
    assert again.problems() == suite.problems()
    assert other.problems() != suite.problems()


def test_prompts_do_not_hold_the_hidden_pairs(suite: Nursery):
    for problem in suite.problems():
        if problem.cell[0] == "induction":
            assert len(parsing.blocks(problem.prompt, "input")) == 3


def test_a_perfect_solver_scores_one_and_an_echo_the_baseline(suite: Nursery):
    answers = {problem.prompt: gold(suite, problem) for problem in suite.problems()}
    echoes = {problem.prompt: suite.baseline(problem) for problem in suite.problems()}
    perfect, echo = (ScriptedGenerator(lambda prompt, rng, t=table: t[prompt]) for table in (answers, echoes))
    rows = evaluate(suite, perfect, echo, TrustedSandbox(), random.Random(0), samples=2)
    table = {(row.mode, row.k, row.metric): row for row in rows}
    for mode, k in {(problem.cell[0], length(problem)) for problem in suite.problems()}:
        assert table[mode, k, "greedy"].value == 1.0
        assert table[mode, k, "pass@1"].value == table[mode, k, "pass@2"].value == table[mode, k, "baseline"].value
        assert table[mode, k, "traced"].value == 0.0
    assert all(row.low <= row.value <= row.high for row in rows)


def test_malformed_completions_score_nothing(suite: Nursery):
    problems = suite.problems()
    for text in ("", "</think><answer>", "</think><answer>1) or (True</answer>", "[" * 500):
        asked = [(problem, text) for problem in problems]
        assert values(suite, asked) == [0.0] * len(problems)
        assert {score.verdict for score in judge(suite, asked, TrustedSandbox())} <= {"no_answer", "wrong"}


def test_a_trace_counts_only_with_every_statement_once_and_in_order():
    task = Task("deduction", "def f(x):\n    j = x[::-1]\n    m = j[1:]\n    return m", (Case("[1, 2]", "[1]"),))
    whole = "\n    j = x[::-1] -> [2, 1]\n    m = j[1:] -> [1]\n    return m</think><answer>[1]</answer>"
    backwards = Task("abduction", task.program, task.cases)
    assert traced(task, whole)
    assert not traced(backwards, whole)
    assert not traced(task, whole.replace("\n    m = j[1:] -> [1]", ""))
    assert not traced(task, whole.replace("\n    m", "\n    m = j[1:] -> [1]\n    m"))
    assert not traced(task, "</think><answer>[1]</answer>")
    assert traced(backwards, "\n    m = j[1:] <- [2, 1]\n    j = x[::-1] <- [1, 2]</think><answer>[1, 2]</answer>")


def test_graders_are_the_loop_s_own(suite: Nursery):
    problem = next(problem for problem in suite.problems() if problem.cell[0] == "abduction")
    task = suite.task(problem)
    [score] = run_checks([TASK_TYPES[1].grade(task, task.cases[0].input)], TrustedSandbox())
    assert score == 1.0
