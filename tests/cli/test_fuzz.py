"""No input of a user's ends in a traceback, and nothing of a stranger's run reaches the terminal raw.

Random arguments for every command, run folders damaged in every way that this file knows, and rows of any form for
`validate`, by main() in this process. Nothing here trains, listens or measures this machine: the commands that would
are given a word that keeps them from it. `make fuzz` draws many times as many.
"""

import contextlib
import io
import os
import shutil
import sqlite3
import zlib
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abzero.cli.main import COMMANDS, main
from abzero.cli.oversight import ACTIONS
from abzero.config.config import Config
from abzero.config.load import to_json
from abzero.config.schema import Model
from abzero.run.journal import JournalWriter
from tests.steps import history

MANY = int(os.environ.get("FUZZ", "0"))
"""Examples of each kind in `make fuzz`; 0 in the default suite, which draws a few."""
ESCAPE = "\x1b]0;owned\x07\x1b[2J\u202e"
WORDS = [
    "",
    "-",
    "0",
    "-1",
    "1e999",
    "nan",
    "9" * 400,
    "x" * 300,
    "[",
    "None",
    "/dev/full",
    "RUN",
    "NEW",
    "é",
    "a/b",
    "\0",
]
FLAGS = ["--help", "--step", "--task", "--out", "--json", "--n", "--suite", "--page", "--steps", "--bogus", "--recipe"]
FLAGS += ["--attempt", "--proposal", "--role", "--mode", "--port", "--host", "--megabytes", "--model.name", "--run"]
KEPT = {
    "train": ["--print-config"],
    "watch": ["no/such/folder"],
    "nursery": ["measure", "no/such/model"],
    "doctor": ["--no-such-flag"],
    "resume": ["no/such/run"],
    "replay": ["no/such/run"],
    "validate": ["no/such/file"],
}
"""What keeps a command from its long work; the others do none."""
LOOKS = [["show"], ["show", "--step", "1"], ["report"], ["compare"], ["bundle", "--out", "NEW"], ["export"], ["eval"]]
LOOKS += [["oversight", "scan"], ["oversight", "estimate"], ["oversight", "verify"], ["plan", "--model.name"]]
LOOKS += [[name] for name in ("grep", "dump", "runs") if name in COMMANDS] + [["replay"], ["resume"]]

Damage = Callable[[Path], None]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run as it should be, but that its model is none."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    place = folder / "checkpoints" / "step-000002"
    (place / "model").mkdir(parents=True)
    (place / "state.json").write_text('{"format": 1, "step": 2, "version": 0}')
    (place / "buffer.jsonl").write_text("")
    config = to_json(Config(run=folder, model=Model(name=str(folder / "nothing"))))
    (folder / "config.json").write_text(config)
    with closing(JournalWriter(folder / "run.db")) as journal:
        journal.describe({"version": "0", "config": config})
        for step in history(2):
            journal.write(step)
    return folder


def sql(*statements: str, values: Sequence[object] = ()) -> Damage:
    def change(run: Path) -> None:
        with closing(sqlite3.connect(run / "run.db", isolation_level=None)) as connection:
            for statement in statements:
                connection.execute(statement, values)

    return change


def text(name: str, body: str | bytes) -> Damage:
    def change(run: Path) -> None:
        (run / name).unlink(missing_ok=True)
        (run / name).write_bytes(body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass"))

    return change


def cut(name: str, share: float) -> Damage:
    def change(run: Path) -> None:
        if not (run / name).is_symlink():
            os.truncate(run / name, int((run / name).stat().st_size * share))

    return change


def linked(name: str) -> Damage:
    def change(run: Path) -> None:
        outside = run.parent / "outside"
        shutil.rmtree(run / name) if (run / name).is_dir() else (run / name).unlink(missing_ok=True)
        (run / name).symlink_to(outside)

    return change


COLUMNS = [
    *(("step", "number"), ("proposal", "mode"), ("proposal", "finish"), ("proposal", "tokens"), ("attempt", "finish")),
    *(("attempt", "score"), ("term", "name"), ("term", "value"), ("metric", "name"), ("metric", "value")),
    *(("task", "mode"), ("task", "id"), ("about", "value"), ("about", "key"), ("alarm", "message"), ("text", "body")),
    *(("reward", "advantage"), ("lineage", "reference"), ("proposal", "solve_rate"), ("attempt", "proposal")),
]
VALUES = [ESCAPE, b"\xff\xfe", 1e308, -1, 2**62, "", zlib.compress(b"\xff\xff"), zlib.compress(ESCAPE.encode())]
JUNK = [
    "",
    "[]",
    "{",
    "null",
    "[" * 5000,
    "9" * 5000,
    '{"a": ' * 3000,
    '{"steps": "\x1b[2J"}',
    '{"model": 3}',
    "\ud800",
]
FILES = ["config.json", "run.db", "oversight.jsonl", "checkpoints/step-000002/state.json", "eval-before.json"]
damages = st.one_of(
    st.builds(
        lambda where, value: sql(f"UPDATE OR IGNORE {where[0]} SET {where[1]} = ?", values=[value]),
        st.sampled_from(COLUMNS),
        st.sampled_from(VALUES),
    ),
    st.sampled_from(["DROP TABLE metric", "CREATE VIEW v AS SELECT 1", "DROP TABLE attempt", "PRAGMA user_version = 9",
                     "CREATE TRIGGER t AFTER INSERT ON step BEGIN SELECT 1; END", "PRAGMA user_version = 1"]).map(sql),
    st.builds(text, st.sampled_from(FILES), st.sampled_from(JUNK)),
    st.builds(cut, st.sampled_from(["config.json", "run.db"]), st.floats(0, 1)),
    st.builds(linked, st.sampled_from(["config.json", "run.db", "checkpoints", "report.html", "oversight.jsonl"])),
)  # fmt: skip


def told(arguments: Sequence[str]) -> tuple[int | str | None, str]:
    """The exit status of a command and all that it printed. Any exception but an exit is a traceback of a user's."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            status: int | str | None = main(arguments)
        except SystemExit as end:
            status = end.code
    return status, printed.getvalue()


def quick(share: int) -> settings:
    return settings(
        max_examples=MANY or share,
        deadline=None,
        derandomize=not MANY,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@quick(30)
@given(st.data())
def test_no_arguments_end_in_a_traceback(whole: Path, tmp_path: Path, data: st.DataObject):
    command = data.draw(st.sampled_from(sorted(COMMANDS)))
    action = [data.draw(st.sampled_from(sorted(set(ACTIONS) - {"review", "fit"})))] if command == "oversight" else []
    words = data.draw(st.lists(st.sampled_from([*WORDS, *FLAGS]), max_size=5))
    places = {"RUN": str(whole), "NEW": str(tmp_path / "new")}
    before = os.getcwd()
    os.chdir(tmp_path)
    try:
        status, _ = told([command, *action, *KEPT.get(command, []), *(places.get(word, word) for word in words)])
    finally:
        os.chdir(before)
    assert status in (0, 1, 2, 3)


@quick(40)
@given(st.sampled_from(LOOKS), st.lists(damages, min_size=1, max_size=2))
def test_no_damaged_run_ends_in_a_traceback_or_steers_the_terminal(
    whole: Path, tmp_path: Path, command: list[str], harm: list[Damage]
):
    run, outside = tmp_path / "run", tmp_path / "outside"
    for old in (run, tmp_path / "new"):
        shutil.rmtree(old) if old.is_dir() else old.unlink(missing_ok=True)
    shutil.copytree(whole, run)
    outside.write_text("mine")
    for change in harm:
        with contextlib.suppress(OSError, sqlite3.Error):
            change(run)
    name, *rest = command
    new = (
        [str(tmp_path / "new")] if name == "export" else ["--page", str(tmp_path / "new")] if name == "compare" else []
    )
    more = {"grep": ["x"], "dump": ["--out", str(tmp_path / "new")]}.get(name, [])
    rest = [str(tmp_path / "new") if word == "NEW" else word for word in rest]
    place = [str(run.parent if name == "runs" else run)]
    told_ = [name, *rest, *place] if name in ("oversight", "plan") else [name, *place, *rest, *new, *more]
    status, printed = told(told_)
    assert status in (0, 1, 2, 3), printed
    assert not set(printed) & {"\x1b", "\x07", "\u202e"}
    assert outside.read_text() == "mine"


ROWS = [
    b"{}",
    b"[]",
    b"null",
    b"\xff",
    b'{"program": 3}',
    b'{"program": "def f(x): return x", "inputs": 3}',
    b"[" * 5000,
]
ROWS += [b'{"program": "\\ud800", "inputs": ["1"]}', b'{"program": "def f(x): return x", "inputs": ["1", "("]}', b"\0"]


@settings(quick(3), max_examples=MANY // 10 or 3)
@given(st.lists(st.one_of(st.sampled_from(ROWS), st.binary(max_size=40)), max_size=6))
def test_no_rows_end_validate_in_a_traceback(tmp_path: Path, rows: list[bytes]):
    given_, out = tmp_path / "rows.jsonl", tmp_path / "verdicts.jsonl"
    given_.write_bytes(b"\n".join(rows))
    status, printed = told(["validate", str(given_), "--out", str(out)])
    assert status in (0, 1, 2), printed
