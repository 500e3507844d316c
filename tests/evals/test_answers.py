"""From a completion to an answer."""

import pytest

from abzero.errors import Malformed
from abzero.evals import answers


@pytest.mark.parametrize(
    ("completion", "answer"),
    [
        (r"First \boxed{1}, then \boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"within \boxed{}: it is \boxed{7}", "7"),
        (r"<think>\boxed{1}</think><answer>\boxed{2}</answer>", "2"),
        (r"<THINK>\boxed{1}</ Think ><Answer>\boxed{2}</ANSWER> or \boxed{3}", "2"),
        ("<answer>1</answer> wait <answer> 3 </answer>", "3"),
        ("The answer is **12.5**. So it is.", "12.5"),
        ("Final Answer: $x+1$. I hope it is correct.", "x+1"),
        (r"so \boxed 204.", "204"),
        ("\\boxed{open to the end of its line\nnot this", "open to the end of its line"),
    ],
)
def test_the_last_answer_that_is_not_empty_counts(completion, answer):
    assert answers.mathematical(completion) == answer


@pytest.mark.parametrize(
    "completion", ["", "It is 204", "<answer></answer>", r"\boxed{}", r"<think>\boxed{2}", r"< Think>\boxed{2}"]
)
def test_no_answer_is_ever_guessed(completion):
    with pytest.raises(Malformed):
        answers.mathematical(completion)


def test_a_thought_that_the_prompt_opened_must_end():
    with pytest.raises(Malformed):
        answers.mathematical(r"\boxed{1}", opens_think=True)
    assert answers.mathematical(r"\boxed{1}</think>\boxed{2}", opens_think=True) == "2"


def test_reading_is_linear_in_the_text():
    assert answers.mathematical(r"\boxed{" * 20_000) == r"\boxed{"
    assert answers.mathematical(r"\boxed{5}" + " so" * 40_000) == "5"


def test_the_last_block_that_defines_the_entry_point_is_the_program():
    text = "```python\ndef g(): return 1\n```\nand\n```\nprint(g())\n```\n"
    assert answers.program(text, "g") == "def g(): return 1\n"
    assert answers.program(text, "h") == "print(g())\n"
    assert answers.program("Sure:\nimport re\ndef g():\n    return 1\nThat is all.", "g").startswith("import re\ndef g")


def test_a_prediction_is_right_of_its_equation_and_a_call_left_of_it():
    assert answers.value("[ANSWER]assert f('a == b') == [1, 2][/ANSWER]") == "[1, 2]"
    assert answers.call("[ANSWER]\nassert f('a == b', 1) == [1, 2]\n[/ANSWER]") == "'a == b', 1"
    assert answers.call("```input\n1, 2\n```") == "1, 2"


def test_the_first_of_several_assertions_is_the_answer():
    text = "[ANSWER]\nassert f('a', '5') == 'b'\nassert f('c') == 'd'\n[/ANSWER]"
    assert answers.call(text) == "'a', '5'"
    assert answers.value(text) == "'b'"
    assert answers.arguments(" f(1, [2]) ") == "1, [2]"
