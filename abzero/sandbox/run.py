"""Checks that need the sandbox, written as generators, and the one driver that advances them in lockstep."""

from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

from abzero.errors import AbzeroError, ModelError
from abzero.sandbox.base import Call, Outcome, Sandbox

T = TypeVar("T")

Check = Generator[list[Call], list[Outcome], T]
"""Yields the calls it needs, receives their outcomes in order, returns its result or raises `ModelError`."""


def crash(error: Exception) -> ModelError:
    """Ends everything: in tests and by default, a fault of ours is loud."""
    raise error


def run_checks(
    checks: Sequence[Check[T]], sandbox: Sandbox, unforeseen: Callable[[Exception], ModelError] = crash
) -> list[T | ModelError]:
    """Run all `checks` to their end, one sandbox batch a round. Results in order; a `ModelError` is a result.

    What a check raises that is no `AbzeroError` is a fault of ours over a model's text, and `unforeseen` says what
    becomes of it: training passes `Unforeseen`, since its steps are deterministic, and one that cannot be taken would
    end a run for ever. Other kinds of `AbzeroError` say nothing of the text (an engine died) and are raised.
    """
    results: dict[int, T | ModelError] = {}
    asked: dict[int, list[Call]] = {}

    def advance(index: int, outcomes: list[Outcome] | None) -> None:
        try:
            check = checks[index]
            asked[index] = next(check) if outcomes is None else check.send(outcomes)
        except StopIteration as end:
            results[index] = end.value
        except ModelError as error:
            results[index] = error
        except AbzeroError:
            raise
        except Exception as error:
            results[index] = unforeseen(error)

    for index in range(len(checks)):
        advance(index, None)
    while asked:
        waiting, asked = asked, {}
        outcomes = iter(sandbox.run([call for calls in waiting.values() for call in calls]))
        for index, calls in waiting.items():
            advance(index, [next(outcomes) for _ in calls])
    return [results[index] for index in range(len(checks))]
