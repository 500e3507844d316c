"""What holds for every task type."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abzero.errors import Malformed, ModelError
from abzero.sandbox.fake import ClosedSandbox
from abzero.tasks import TYPES
from abzero.tasks.prompts import SETS, Prompts
from abzero.testing import TASK_TYPE_CHECKS, check_task_type, constructed, graded
from abzero.types import Case
from examples.error_prediction import ErrorPrediction
from tests.tasks.specimens import SPECIMENS


@pytest.fixture(params=SPECIMENS)
def specimen(request):
    return SPECIMENS[request.param]


@pytest.fixture(params=SETS)
def task_type(request, specimen):
    return specimen.make(Prompts(request.param))


def test_every_task_type_in_the_box_has_a_specimen():
    assert {task_type.mode for task_type in TYPES} <= set(SPECIMENS)


@pytest.mark.parametrize("check", TASK_TYPE_CHECKS, ids=lambda check: check.__name__)
def test_the_contract_holds(task_type, specimen, check):
    check(task_type, specimen)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"gold": "[348]"}, "scores 0.0, not 1.0"),
        ({"wrong": "[347]"}, "scores 1.0, not 0.0"),
        ({"secret": "x ** 3"}, "the question says"),
        ({"malformed": ("[1]",)}, "the malformed answer"),
        ({"hacks": ("[347]",)}, "the hack '.347.' scores 1.0"),
        ({"proposal": "no"}, "the proposal became Malformed"),
        ({"task": replace(SPECIMENS["deduction"].task, cases=(Case("7", "[1]"),))}, "the proposal became Task"),
    ],
)
def test_the_contract_says_what_does_not_hold(change, said):
    with pytest.raises(AssertionError, match=said):
        check_task_type(replace(SPECIMENS["deduction"], **change))


@pytest.mark.parametrize("name", ["compact", "paper"])
def test_prompts_end_inside_the_thought(name, specimen):
    task_type = specimen.make(Prompts(name))
    for prompt in (task_type.propose(specimen.references), task_type.ask(specimen.task)):
        assert prompt.endswith("<think>")


@pytest.mark.parametrize("answer", ["", "no task", "```python\ndef f(x): return x\n```", "```input\n1\n```"])
def test_a_proposal_without_its_blocks_is_malformed(task_type, specimen, answer):
    assert isinstance(constructed(task_type, answer, specimen.references), Malformed)


def test_an_output_over_the_limit_is_rejected_and_never_truncated(specimen):
    if specimen.make is ErrorPrediction:
        pytest.skip("an exception's name is short")
    task_type = specimen.make(Prompts("compact"), max_output=2)
    assert "characters, more than 2" in str(constructed(task_type, specimen.proposal, specimen.references))


@pytest.mark.parametrize("name", SPECIMENS)
@given(st.one_of(st.text(st.characters(), max_size=200), st.text("<>/`inputmesagroyh\n1(),'")))
def test_any_text_is_a_proposal_or_an_answer_or_a_model_error(name, text):
    specimen = SPECIMENS[name]
    task_type, sandbox = specimen.make(Prompts("compact")), ClosedSandbox()
    assert isinstance(constructed(task_type, text, specimen.references, sandbox), ModelError)
    for answer in (text, f"<program>{text}</program>", f"<input>{text}</input>", f"<output>{text}</output>"):
        result = graded(task_type, specimen.task, answer, sandbox)
        assert result == 0.0 or isinstance(result, ModelError)
