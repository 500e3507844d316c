"""A sandbox that is none: it runs programs in this very process. For trusted programs only.

For tests of a task type, a benchmark or the loop, where the programs are your own: no process, no limits, no waiting.
What a model wrote never belongs here: it could read and change everything that this process can.
"""

from collections.abc import Sequence

from abzero.errors import Malformed
from abzero.python import literals
from abzero.sandbox.base import Call, Nondeterministic, NotLiteral, Outcome, Raised, Refused, Returned


class FakeSandbox:
    """Runs programs that you wrote, in this process; `batches` records every call that it was asked to run."""

    isolation = "none"

    def __init__(self) -> None:
        self.batches: list[list[Call]] = []

    def run(self, calls: Sequence[Call]) -> list[Outcome]:
        self.batches.append(list(calls))
        known: dict[Call, Outcome] = {}
        for call in calls:
            if call not in known:
                known[call] = _outcome(call)
        return [known[call] for call in calls]

    def close(self) -> None:
        pass


class ClosedSandbox(FakeSandbox):
    """Runs nothing: every program is refused. For text that nobody of yours wrote."""

    def run(self, calls: Sequence[Call]) -> list[Outcome]:
        return [Refused("closed") for _ in calls]


def _outcome(call: Call) -> Outcome:
    first = _run(call)
    return first if not call.verify or _run(call) == first else Nondeterministic()


def _run(call: Call) -> Outcome:
    names: dict[str, object] = {"__name__": "program"}
    try:
        exec(call.program, names)
        value = eval(call.expression, names)
    except Exception as error:  # plays the child process, to which every exception is the program's
        return Raised(type(error).__name__)
    try:
        read = literals.parse(literals.canonical(value))
    except Malformed:
        return NotLiteral(type(value).__name__)
    return Returned(literals.canonical(read)) if type(read) is type(value) else NotLiteral(type(value).__name__)
