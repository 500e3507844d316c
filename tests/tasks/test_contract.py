"""What holds for every task type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abzero.errors import Malformed, ModelError
from abzero.python.literals import canonical_arguments
from abzero.sandbox.fake import ClosedSandbox, FakeSandbox
from abzero.sandbox.run import run_checks
from abzero.tasks import TYPES
from abzero.tasks.prompts import SETS, Prompts
from abzero.tasks.validation import reproduces
from tests.tasks.specimens import SPECIMENS


@pytest.fixture(params=SPECIMENS)
def specimen(request):
    return SPECIMENS[request.param]


@pytest.fixture(params=SETS)
def task_type(request, specimen):
    return specimen.make(Prompts(request.param))


def graded(task_type, task, answer, sandbox=None):
    [result] = run_checks([task_type.grade(task, answer)], sandbox or FakeSandbox())
    return result


def constructed(task_type, answer, references, sandbox=None):
    [result] = run_checks([task_type.construct(answer, references)], sandbox or FakeSandbox())
    return result


def test_every_task_type_in_the_box_has_a_specimen():
    assert {task_type.mode for task_type in TYPES} <= set(SPECIMENS)


def test_a_good_proposal_becomes_its_task(task_type, specimen):
    assert constructed(task_type, specimen.proposal, specimen.references) == specimen.task


def test_a_task_reproduces_and_its_inputs_are_canonical(task_type, specimen):
    for task in (specimen.task, task_type.seed):
        assert run_checks([reproduces(task)], FakeSandbox()) == [True]
        assert [canonical_arguments(case.input) for case in task.cases] == [case.input for case in task.cases]


def test_the_gold_answer_scores_one_and_a_wrong_one_zero(task_type, specimen):
    assert graded(task_type, specimen.task, specimen.gold) == 1.0
    assert graded(task_type, specimen.task, specimen.wrong) == 0.0


def test_the_question_does_not_hold_the_answer(task_type, specimen):
    question = task_type.ask(specimen.task)
    assert specimen.secret not in question
    told = [specimen.task.program, *(text for case in specimen.task.cases for text in (case.input, case.output))]
    assert any(text in question for text in told), "it does not say what is asked"


def test_the_proposer_is_shown_its_references(task_type, specimen):
    prompt = task_type.propose(specimen.references)
    assert all(reference.program in prompt for reference in specimen.references)


def test_a_proposer_without_need_of_a_reference_can_do_without(task_type):
    if not task_type.needs_reference:
        assert task_type.propose(()) != task_type.propose((task_type.seed,))


@pytest.mark.parametrize("name", ["compact", "paper"])
def test_prompts_end_inside_the_thought(name, specimen):
    task_type = specimen.make(Prompts(name))
    for prompt in (task_type.propose(specimen.references), task_type.ask(specimen.task)):
        assert prompt.endswith("<think>")


def test_a_malformed_answer_raises_malformed(task_type, specimen):
    for answer in specimen.malformed:
        assert isinstance(graded(task_type, specimen.task, answer), Malformed), answer


def test_a_hack_does_not_score(task_type, specimen):
    for hack in specimen.hacks:
        result = graded(task_type, specimen.task, hack)
        assert isinstance(result, Malformed) or result == 0.0, hack


@pytest.mark.parametrize("answer", ["", "no task", "```python\ndef f(x): return x\n```", "```input\n1\n```"])
def test_a_proposal_without_its_blocks_is_malformed(task_type, specimen, answer):
    assert isinstance(constructed(task_type, answer, specimen.references), Malformed)


def test_a_program_that_fails_makes_no_task(task_type, specimen):
    assert isinstance(constructed(task_type, specimen.proposal, specimen.references, ClosedSandbox()), ModelError)


def test_an_output_over_the_limit_is_rejected_and_never_truncated(specimen):
    task_type = specimen.make(Prompts("compact"), max_output=2)
    assert "characters, more than 2" in str(constructed(task_type, specimen.proposal, specimen.references))


def test_seeds_belong_to_their_mode(task_type):
    assert task_type.seed.mode == task_type.mode
    assert task_type.mode not in task_type.shares_seeds_with


@pytest.mark.parametrize("name", SPECIMENS)
@given(st.one_of(st.text(st.characters(), max_size=200), st.text("<>/`inputmesagroyh\n1(),'")))
def test_any_text_is_a_proposal_or_an_answer_or_a_model_error(name, text):
    specimen = SPECIMENS[name]
    task_type, sandbox = specimen.make(Prompts("compact")), ClosedSandbox()
    assert isinstance(constructed(task_type, text, specimen.references, sandbox), ModelError)
    for answer in (text, f"<program>{text}</program>", f"<input>{text}</input>", f"<output>{text}</output>"):
        result = graded(task_type, specimen.task, answer, sandbox)
        assert result == 0.0 or isinstance(result, ModelError)
