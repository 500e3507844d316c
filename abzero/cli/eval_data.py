"""``abzero eval data``: which files of benchmarks are there, and which bytes they are."""

from collections.abc import Sequence
from dataclasses import dataclass

from abzero.cli.output import at_once, grid, out, say
from abzero.errors import ConfigError
from abzero.evals import data, suites


@dataclass(frozen=True)
class Data:
    """Say what is there: abzero eval data --data DIR."""

    data: tuple[str, ...] = ()
    """Folders, or SUITE=FILE."""
    suite: str = "paper"
    """Names with commas between; paper is all."""
    lcb: str = "v5"
    """LiveCodeBench's release, v1 to v6."""


def show_data(asked: Data) -> int:
    """Say which files of benchmarks are there, and which bytes they are.

    Exit status 2 if one cannot be read, else 3 if one is missing.
    """
    cache = data.hub_cache()
    places = data.where(asked.data, cache=cache)
    hub = f"the hub's cache {cache}{'' if cache.is_dir() else ', which is not there'}"
    at_once(f"looking in {', '.join(asked.data)}, then in {hub}" if asked.data else f"no --data DIR: looking in {hub}")
    named = release(asked.lcb)
    table: list[Sequence[str]] = [("suite", "status", "file")]
    faults: list[str] = []
    missing = 0
    for suite in suites.named(asked.suite):
        if not (paths := data.find(suite, places)):
            missing += 1
            table.append((suite.name, "MISSING", f"no {suite.expected}; it is published as {suite.published}"))
            continue
        try:
            status = data.read(suite, paths, named).status
        except ConfigError as error:
            faults.append(f"{suite.name}: {error}")
            status = "UNREADABLE"
        table.append((suite.name, status, ", ".join(map(str, paths))))
    out.print(grid(table))
    for fault in faults:
        say(fault)
    return 2 if faults else 3 if missing else 0


def release(name: str) -> str:
    """`name`, if it is a release of LiveCodeBench. Raises `ConfigError`."""
    if name not in suites.LIVECODEBENCH:
        raise ConfigError(f"--lcb '{name}' does not exist: choose from {', '.join(suites.LIVECODEBENCH)}")
    return name
