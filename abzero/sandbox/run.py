"""Checks that need the sandbox, written as generators, and the one driver that advances them in lockstep."""

from collections.abc import Generator, Sequence
from typing import TypeVar

from abzero.errors import ModelError
from abzero.sandbox.base import Call, Outcome, Sandbox

T = TypeVar("T")

Check = Generator[list[Call], list[Outcome], T]
"""Yields the calls it needs, receives their outcomes in order, returns its result or raises `ModelError`."""


def run_checks(checks: Sequence[Check[T]], sandbox: Sandbox) -> list[T | ModelError]:
    """Run all `checks` to their end, one sandbox batch a round. Results in order; a `ModelError` is a result."""
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

    for index in range(len(checks)):
        advance(index, None)
    while asked:
        waiting, asked = asked, {}
        outcomes = iter(sandbox.run([call for calls in waiting.values() for call in calls]))
        for index, calls in waiting.items():
            advance(index, [next(outcomes) for _ in calls])
    return [results[index] for index in range(len(checks))]
