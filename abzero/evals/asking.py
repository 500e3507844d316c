"""The words around a problem, in each of the ways in which a benchmark's problem may be put to a model."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from abzero.evals import answers
from abzero.evals.data import SuiteRow
from abzero.evals.suites import CODE, MATHS
from abzero.tasks.prompts import ChatFrame, Prompts
from abzero.types import Prompt

ProblemKind = Literal["maths", "program", "function", "output", "input"]
"""What a suite asks for; the judges have the same kinds."""

BOXED = "{problem}\n\nGive the final answer within \\boxed{{}}."
STEPWISE = "{problem}\n\nReason step by step, and give the final answer within \\boxed{{}}."
FUNCTION = (
    "Complete this Python program. Give one self-contained program in a ```python block.\n\n```python\n{problem}\n```"
)
SCRIPT = (
    "Give one self-contained Python script that solves this problem, in a Markdown code block:\n```\n{problem}\n```\n"
)
SCRIPT_BEGUN = "This is a self-contained Python script that solves the problem and passes its tests:\n```python\n"
PROGRAM = (
    "{problem}\n\nSolve this in Python. Give one self-contained program in a ```python block. Where no code is given to"
    " begin with, it reads standard input and prints."
)
OUTPUT = (
    "What belongs in place of ??? Give the value as a Python literal in an ```output block.\n\n"
    "```python\n{problem}\n```"
)
INPUT = "What belongs in place of ??? Give the arguments in an ```input block.\n\n```python\n{problem}\n```"


@dataclass(frozen=True, slots=True)
class Item:
    """One row of a suite, read for asking."""

    suite: str
    row: SuiteRow

    @property
    def problem(self) -> str:
        """The question alone, or the code that is to be gone on with."""
        match kind(self.suite):
            case "maths":
                return str(self.row.get("problem", self.row.get("question")))
            case "program":
                return f"{self.row['question_content']}\n\n{self.row['starter_code']}".strip()
            case "function":
                return str(self.row["prompt"]).strip()
            case "input":
                return f"{self.row['code']}\n\nassert f(??) == {self.row['output']}"
        return f"{self.row['code']}\n\nassert {self.call} == ??"

    @property
    def entry(self) -> str:
        """The function that a program of `code` is called by."""
        return str(self.row.get("function_name", "f"))

    @property
    def call(self) -> str:
        return f"{self.entry}({self.arguments})"

    @property
    def arguments(self) -> str:
        return answers.arguments(str(self.row["input"]), self.entry)


@dataclass(frozen=True, slots=True)
class Voice:
    """The conversations in which a model may be asked."""

    own: Prompts
    """The run's, or the one that training the model would use."""
    paper: Prompts
    """The paper's, in plain text."""
    template: ChatFrame | None
    """The chat template that comes with the model's tokenizer."""


def kind(suite: str) -> ProblemKind:
    """What `suite` asks for."""
    if suite in MATHS:
        return "maths"
    if suite in CODE:
        return "program" if suite == "livecodebench" else "function"
    return "input" if suite == "cruxeval-i" else "output"


def without_think(prompt: Prompt) -> Prompt:
    """`prompt` without the think tag that it ends with, if it does."""
    after = prompt[prompt.end :]
    closed = after.rstrip().removesuffix("<think>").rstrip() if after.rstrip().endswith("<think>") else after
    return Prompt.of(prompt[: prompt.begin], prompt[prompt.begin : prompt.end], closed, prompt.begun)


def opens_think(prompt: str) -> bool:
    """Whether a completion of `prompt` begins within a thought."""
    return prompt.rstrip().endswith("<think>")


def templated(frame: ChatFrame, text: str, thinks: bool, begun: str = "") -> Prompt:
    """`text` as a user's message in a chat template, and what the reply begins with."""
    before, after = frame("", thinks)
    return Prompt.of(before, text.strip(), after + begun, begun)


def sha256(prompts: Iterable[Prompt], around: bool) -> str:
    """Of what all `prompts` put into their conversations, or of the conversation `around` it."""
    digest = hashlib.sha256()
    for prompt in prompts:
        asked = (prompt[prompt.begin : prompt.end], prompt.begun)
        parts = (prompt[: prompt.begin], prompt[prompt.end :]) if around else asked
        digest.update("\0".join((*parts, "")).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
