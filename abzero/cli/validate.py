"""``abzero validate``: verdicts on the programs of a file. One JSON row in, one out, in order."""

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from tyro.conf import Positional

from abzero.cli.output import progress, say
from abzero.errors import ConfigError
from abzero.python.entry import entry_of
from abzero.run.files import check_output, replacing
from abzero.sandbox.base import (
    Call,
    Nondeterministic,
    NotLiteral,
    Outcome,
    Raised,
    Refused,
    Returned,
    Sandbox,
    Stopped,
)

ROWS_AT_ONCE = 256
"""How many rows share one batch, and so are in memory."""

UNREADABLE = "unreadable rows"

ProgramRow = dict[str, object]


def validate(file: Positional[Path], out: Path) -> int:
    """Run the programs of a JSONL file, rows {"program", "inputs"}, and write the rows with their "verdicts"."""
    from abzero.config import build
    from abzero.config.schema import SandboxSettings

    tally: Counter[str] = Counter()
    check_output(out, "--out")
    if out.exists() and file.exists() and out.samefile(file):
        raise ConfigError(f"--out '{out}' is the file that is read: give another one, such as --out {file}.verdicts")
    try:
        with ExitStack() as stack:
            rows = stack.enter_context(file.open(encoding="utf-8-sig", errors="surrogateescape"))
            done = stack.enter_context(progress("bytes read", file.stat().st_size))
            written = stack.enter_context(replacing(out))
            box = stack.enter_context(build.sandbox(SandboxSettings(), seed=0))
            written.writelines(judged(_told(rows, done), str(file), box, tally))
    except OSError as error:
        raise ConfigError(f"'{error.filename or out}': {error.strerror}") from error
    say(", ".join(f"{count} {kind}" for kind, count in sorted(tally.items())) or f"there is no row in {file}")
    return 1 if set(tally) == {UNREADABLE} else 0


def _told(lines: Iterable[str], done: Callable[[int], None]) -> Iterator[str]:
    """`lines`; `done` hears of the bytes of each."""
    for line in lines:
        done(len(line.encode("utf-8", "surrogateescape")))
        yield line


def verdict(outcome: Outcome) -> list[str]:
    """`outcome` as JSON: its kind, and for ``ok``, ``raised``, ``not_literal`` and ``rejected`` one word more."""
    match outcome:
        case Returned(value):
            return ["ok", value]
        case Raised(name):
            return ["raised", name]
        case Nondeterministic():
            return ["nondeterministic"]
        case NotLiteral(name):
            return ["not_literal", name]
        case Stopped("timeout"):
            return ["timeout"]
        case Stopped(reason) | Refused(reason):
            return ["rejected", reason]


def judged(lines: Iterable[str], source: str, sandbox: Sandbox, tally: Counter[str]) -> Iterator[str]:
    """Each row of `lines` with its ``verdicts``, one per input, as a line of JSON; blank lines are skipped.

    A row needs ``program`` (a string) and ``inputs`` (a list of strings: the arguments' source text); other keys pass
    through. A row that is not like that has no verdicts, but an ``error`` that names `source` and the line. Counts
    verdicts by kind in `tally`, and such rows as unreadable.
    """
    numbered = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
    while batch := list(itertools.islice(numbered, ROWS_AT_ONCE)):
        rows = [_readable(line, f"{source}, line {number}") for number, line in batch]
        outcomes = iter(sandbox.run([call for _, calls in rows for call in calls]))
        for row, calls in rows:
            verdicts = [verdict(outcome) for outcome in itertools.islice(outcomes, len(calls))]
            tally.update([UNREADABLE] if "error" in row and "program" not in row else (kind for kind, *_ in verdicts))
            yield _written({**row, "verdicts": verdicts}) + "\n"


def _written(row: ProgramRow) -> str:
    """`row` as JSON; half an emoji, which JSON can hold and UTF-8 cannot, stays an escape."""
    text = json.dumps(row, ensure_ascii=False)
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return json.dumps(row)
    return text


def _readable(line: str, where: str) -> tuple[ProgramRow, list[Call]]:
    """The row and its calls; for a row that cannot be read, what is wrong with it and none."""
    try:
        return _row(line, where)
    except ConfigError as error:
        return {"error": str(error)}, []


def _row(line: str, where: str) -> tuple[ProgramRow, list[Call]]:
    try:
        row = json.loads(line)
        json.dumps(row)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{where}: not JSON: {error}") from error
    if not isinstance(row, dict):
        raise ConfigError(f"{where}: expected an object with 'program' and 'inputs', found {type(row).__name__}")
    program, inputs = row.get("program"), row.get("inputs")
    if not isinstance(program, str):
        raise ConfigError(f"{where}: 'program' must be a string")
    if not isinstance(inputs, list) or not all(isinstance(text, str) for text in inputs):
        raise ConfigError(f"{where}: 'inputs' must be a list of strings, the arguments' source text")
    return row, [Call(program, text, verify=True, entry=entry_of(program)) for text in inputs]
