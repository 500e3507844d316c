"""What a trained model is asked: the run's own conversation, whose last token opens the think tag."""

from abzero.evals.data import SuiteRow, SuiteRows
from abzero.evals.suites import CODE, MATHS
from abzero.tasks.prompts import Prompts
from abzero.types import Prompt

_MATHS = "{problem}\n\nGive the final answer within \\boxed{{}}."
_FUNCTION = (
    "Complete this Python program. Give one self-contained program in a ```python block.\n\n```python\n{problem}\n```"
)
_PROGRAM = (
    "{problem}\n\nSolve this in Python. Give one self-contained program in a ```python block. Where no code is given to"
    " begin with, it reads standard input and prints."
)
_OUTPUT = (
    "What belongs in place of ??? Give the value as a Python literal in an ```output block.\n\n"
    "```python\n{problem}\n```"
)
_INPUT = "What belongs in place of ??? Give the arguments in an ```input block.\n\n```python\n{problem}\n```"


def template(suite: str) -> str:
    """The words around a problem of `suite`."""
    if suite in MATHS:
        return _MATHS
    if suite in CODE:
        return _PROGRAM if suite == "livecodebench" else _FUNCTION
    return _INPUT if suite == "cruxeval-i" else _OUTPUT


def questions(source: SuiteRows, prompts: Prompts) -> list[tuple[str, Prompt]]:
    """Each problem's key and its whole prompt in the conversation of `prompts`, in the file's order."""
    words = template(source.suite.name)
    return [
        (str(row[source.suite.key]), prompts.frame(words.format(problem=_problem(source, row)))) for row in source.rows
    ]


def _problem(source: SuiteRows, row: SuiteRow) -> str:
    name = source.suite.name
    if name in MATHS:
        return str(row.get("problem", row.get("question")))
    if name == "livecodebench":
        return f"{row['question_content']}\n\n{row['starter_code']}".strip()
    if name in CODE:
        return str(row["prompt"]).strip()
    if name == "cruxeval-i":
        return f"{row['code']}\n\nassert f(??) == {row['output']}"
    call = row["input"] if name == "lcb-execution" else f"f({row['input']})"
    return f"{row['code']}\n\nassert {call} == ??"
