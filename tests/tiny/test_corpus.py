"""Everything in the corpus is true: the task types' own graders say so."""

import random
from collections import Counter

import pytest

from abzero.sandbox.run import run_checks
from abzero.tasks import Abduction, Deduction, Induction, parsing
from abzero.tasks.prompts import Prompts
from abzero.tiny import corpus
from abzero.tiny.corpus import Document, Lesson
from abzero.tiny.splits import held_out, signature
from abzero.types import Case, Task
from tests.trusted import TrustedSandbox

PROMPTS = Prompts("compact")
LESSON = Lesson(copied=0.3, identities=0.1)


def documents(kind, count: int = 150) -> list[Document]:
    rng = random.Random(1)
    return [kind(rng, LESSON) for _ in range(count)]


def task_of(mode: str, document: Document) -> Task:
    """The task that a solution's prompt asks, with the output that its own program gives."""
    program = parsing.block(document.prompt, "program")
    [argument] = parsing.blocks(document.prompt, "input") or ["0"]
    [output] = parsing.blocks(document.prompt, "output") or ["0"]
    return Task(mode, program, (Case(argument, output),))


def programs(text: str) -> list[str]:
    return parsing.blocks(text, "program")


def test_deductions_are_right_and_asked_as_the_loop_asks():
    task_type = Deduction(PROMPTS)
    for document in documents(corpus.deduction):
        task = task_of("deduction", document)
        assert task_type.ask(task) == f"{document.prompt}<think>"
        names: dict[str, object] = {}
        exec(f"{task.program}\nresult = f({task.cases[0].input})", names)
        assert parsing.answer(document.completion) == repr(names["result"])


def test_abductions_are_right_and_asked_as_the_loop_asks():
    task_type = Abduction(PROMPTS)
    found = documents(corpus.abduction)
    tasks = [task_of("abduction", document) for document in found]
    assert [task_type.ask(task) for task in tasks] == [f"{document.prompt}<think>" for document in found]
    answers = [parsing.answer(document.completion) for document in found]
    checks = [task_type.grade(task, answer) for task, answer in zip(tasks, answers, strict=True)]
    assert run_checks(checks, TrustedSandbox()) == [1.0] * len(found)


def test_inductions_explain_the_pairs_that_they_show():
    for document in documents(corpus.induction):
        inputs, outputs = (parsing.blocks(document.prompt, name) for name in ("input", "output"))
        assert len(inputs) == len(outputs) == corpus.INPUTS // 2
        names: dict[str, object] = {}
        exec(programs(parsing.answer(document.completion))[0], names)
        for argument, output in zip(inputs, outputs, strict=True):
            assert repr(eval(f"f({argument})", names)) == output


@pytest.mark.parametrize("kind", [corpus.propose_deduction, corpus.propose_abduction])
def test_proposals_are_valid_tasks(kind):
    task_type = Deduction(PROMPTS)
    answers = [parsing.answer(document.completion) for document in documents(kind)]
    tasks = run_checks([task_type.construct(answer, ()) for answer in answers], TrustedSandbox())
    assert all(isinstance(task, Task) for task in tasks)


def test_induction_proposals_are_valid_tasks():
    task_type = Induction(PROMPTS, inputs=corpus.INPUTS)
    for document in documents(corpus.propose_induction):
        reference = Task("deduction", parsing.block(document.prompt, "program"), ())
        assert task_type.propose([reference]) == f"{document.prompt}<think>"
        [task] = run_checks([task_type.construct(parsing.answer(document.completion), [reference])], TrustedSandbox())
        assert isinstance(task, Task)


def test_every_completion_is_well_formed_and_no_program_is_held_out():
    for document in documents(corpus.draw, 1500):
        assert parsing.well_formed(document.completion)
        assert not any(held_out(program) for program in programs(document.prompt + document.completion))


def test_worked_solutions_end_at_the_promised_length_and_proposals_go_beyond():
    solved, written = Counter[int](), Counter[int]()
    for document in documents(corpus.draw, 1500):
        proposal = document.prompt.startswith("<propose")
        for program in programs(document.completion if proposal else document.prompt):
            (written if proposal else solved)[len(signature(program) or ())] += 1
    assert max(solved) == corpus.SOLVED
    assert max(written) == 6


def test_the_trace_of_a_deduction_is_the_body_as_it_runs():
    document = documents(corpus.deduction, 1)[0]
    thought = document.completion.partition("</think>")[0]
    body = parsing.block(document.prompt, "program").split("\n")[1:]
    assert [line.partition(" -> ")[0] for line in thought.split("\n")[1:]] == body


@pytest.mark.parametrize("kind", [corpus.deduction, corpus.abduction, corpus.induction])
def test_some_solutions_give_the_answer_alone_and_it_is_the_same_answer(kind):
    rng = random.Random(1)
    states = []
    for _ in range(200):
        states.append(rng.getstate())
        kind(rng, Lesson())
    alone = 0
    for state in states:
        rng.setstate(state)
        worked = kind(rng, Lesson())
        rng.setstate(state)
        told = kind(rng, Lesson(direct=0.6))
        assert told.prompt == worked.prompt
        assert parsing.answer(told.completion) == parsing.answer(worked.completion)
        assert told.completion in (worked.completion, worked.completion[worked.completion.index("</think>") :])
        alone += told.completion.startswith("</think>")
    assert 90 < alone < 150


def test_the_same_seed_draws_the_same_corpus():
    assert documents(corpus.draw, 50) == documents(corpus.draw, 50)
