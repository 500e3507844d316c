"""What makes a proposal a task: integrity, safety, determinism (section 3.3.3 of the paper), and that it reproduces."""

from collections.abc import Sequence

from abzero.errors import Rejected
from abzero.python import analysis, literals
from abzero.python.source import entry_of
from abzero.sandbox.base import Call, Nondeterministic, NotLiteral, Outcome, Raised, Refused, Returned, Stopped
from abzero.sandbox.run import Check
from abzero.tasks import parsing
from abzero.types import Case, Task

TIME_SHARE = 0.5
"""Of the processor time that a graded run is given, for a run that verifies: what passes has room to spare."""


def verified(program: str, inputs: Sequence[str], max_output: int) -> Check[tuple[Case, ...]]:
    """The cases of `program` on `inputs`. Raises `ModelError` unless every input is literal and every output is a
    deterministic literal of at most `max_output` characters; nothing is ever truncated.
    """
    arguments = [parsing.arguments(text) for text in inputs]
    if not arguments or not all(arguments):
        raise Rejected("no input, or an input without arguments")
    entry = entry_of(program)
    outcomes = yield [Call(program, text, True, entry, TIME_SHARE) for text in arguments]
    return tuple(Case(text, _output(outcome, max_output)) for text, outcome in zip(arguments, outcomes, strict=True))


MAX_SHORTCUTS = 24
"""Most steps of a program that are tried to be left out."""


def without_redundant_steps(program: str, case: Case) -> Check[None]:
    """Raises `Rejected` if `case` comes out the same without a step of `program`: whoever skips it is right, too."""
    entry = entry_of(program)
    calls = [Call(shorter, case.input, entry=entry) for shorter in analysis.shortcuts(program)[:MAX_SHORTCUTS]]
    outcomes = yield calls
    if any(isinstance(outcome, Returned) and outcome.value == case.output for outcome in outcomes):
        raise Rejected("a step that could be left out")


def reproduces(task: Task) -> Check[bool]:
    """Whether running `task` again gives the outputs that it records."""
    outcomes = yield [Call(task.program, case.input, verify=True, entry=entry_of(task.program)) for case in task.cases]
    return all(
        isinstance(outcome, Returned) and literals.same(outcome.value, case.output)
        for case, outcome in zip(task.cases, outcomes, strict=True)
    )


def _output(outcome: Outcome, max_output: int) -> str:
    if not isinstance(outcome, Returned):
        raise Rejected(describe(outcome))
    if len(outcome.value) > max_output:
        raise Rejected(f"an output of {len(outcome.value)} characters, more than {max_output}")
    return outcome.value


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
