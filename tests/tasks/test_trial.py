import re
from dataclasses import dataclass

import pytest

from abzero.errors import ConfigError
from abzero.tasks import Abduction, Deduction, Induction
from abzero.tasks.prompts import SETS, Prompts
from abzero.tasks.trial import check_prompts
from abzero.types import Task


@pytest.mark.parametrize("frame", [None, lambda system, thinks: (f"<user>{system}", "<model>")])
@pytest.mark.parametrize("name", SETS)
def test_the_sets_in_the_box_show_all_that_each_role_must_know(name, frame):
    prompts = Prompts(name, frame)
    check_prompts([Abduction(prompts), Deduction(prompts), Induction(prompts, inputs=6)], name)


@dataclass(frozen=True)
class Forgetful(Deduction):
    """A solver of deduction that is asked without the input."""

    def ask(self, task: Task) -> str:
        return self.prompts.converse("solve_abduction", program=task.program, entry="f", output="1")


@dataclass(frozen=True)
class Hasty(Induction):
    """A proposer of induction that is shown no program."""

    def propose(self, references):
        return super().propose(references).replace(references[0].program, "")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Forgetful, "tasks.prompts mine/solve_deduction.md does not show what $input stands for"),
        (Hasty, "tasks.prompts mine/propose_induction.md does not show what $program stands for"),
    ],
)
def test_what_does_not_reach_the_model_is_one_error_with_file_and_placeholder(kind, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        check_prompts([kind(Prompts("paper"))], "mine")
