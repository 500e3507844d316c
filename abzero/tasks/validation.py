"""What makes a proposal a task: integrity, safety, determinism (section 3.3.3 of the paper), and that it reproduces."""

from collections.abc import Callable, Sequence

from abzero.errors import Rejected
from abzero.python import analysis, literals
from abzero.python.entry import entry_of
from abzero.sandbox.base import Call, Nondeterministic, NotLiteral, Outcome, Raised, Refused, Returned, Stopped
from abzero.sandbox.run import Check
from abzero.tasks import parsing
from abzero.types import Case, Task

TIME_SHARE = 0.5
"""Of the processor time that a graded run is given, for a run that verifies: what passes has room to spare."""


Truth = Callable[[Outcome], str]
"""What a case records of a verified run, as text: `returned`, or of an error prediction the exception's name. Raises
`Rejected` for an outcome that makes no case.
"""


def returned(outcome: Outcome) -> str:
    """The literal that came back. Raises `Rejected` if none did."""
    if not isinstance(outcome, Returned):
        raise Rejected(describe(outcome))
    return outcome.value


def verified(program: str, inputs: Sequence[str], max_output: int, truth: Truth = returned) -> Check[tuple[Case, ...]]:
    """The cases of `program` on `inputs`. Raises `ModelError` unless every input is literal and every run has a `truth`
    of at most `max_output` characters; nothing is ever truncated.
    """
    arguments = [parsing.arguments(text) for text in inputs]
    if not arguments or not all(arguments):
        raise Rejected("no input, or an input without arguments")
    entry = entry_of(program)
    outcomes = yield [Call(program, text, True, entry, TIME_SHARE) for text in arguments]
    return tuple(
        Case(text, _short(truth(outcome), max_output)) for text, outcome in zip(arguments, outcomes, strict=True)
    )


MAX_SHORTCUTS = 24
"""Most steps of a program that are tried to be left out."""


def without_redundant_steps(program: str, case: Case) -> Check[None]:
    """Raises `Rejected` if `case` comes out the same without a step of `program`: whoever skips it is right, too."""
    entry = entry_of(program)
    calls = [Call(shorter, case.input, entry=entry) for shorter in analysis.shortcuts(program, MAX_SHORTCUTS)]
    outcomes = yield calls
    if any(isinstance(outcome, Returned) and outcome.value == case.output for outcome in outcomes):
        raise Rejected("a step that could be left out")


def reproduces(task: Task, truth: Truth = returned) -> Check[bool]:
    """Whether running `task` again gives the outputs that it records."""
    outcomes = yield [Call(task.program, case.input, verify=True, entry=entry_of(task.program)) for case in task.cases]
    try:
        found = [truth(outcome) for outcome in outcomes]
    except Rejected:
        return False
    equal = literals.same if truth is returned else str.__eq__
    return all(equal(text, case.output) for text, case in zip(found, task.cases, strict=True))


def _short(output: str, max_output: int) -> str:
    if len(output) > max_output:
        raise Rejected(f"an output of {len(output)} characters, more than {max_output}")
    return output


def describe(outcome: Outcome) -> str:
    """`outcome` in a few words, for journal and terminal."""
    match outcome:
        case Returned(value):
            return f"returned {value}"
        case Raised(name):
            return f"raised {name}"
        case NotLiteral(name):
            return f"returned a value of type {name}, which no literal denotes"
        case Nondeterministic():
            return "nondeterministic: two runs disagreed"
        case Stopped(reason):
            return f"stopped: {reason}"
        case Refused(reason):
            return f"refused: {reason}"
