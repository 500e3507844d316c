import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest

from abzero.cli.validate import ROWS_AT_ONCE, UNREADABLE, judged, validate, verdict
from abzero.errors import ConfigError, IsolationError
from abzero.python import literals
from abzero.sandbox.base import Nondeterministic, NotLiteral, Raised, Refused, Returned, Stopped
from abzero.sandbox.fake import FakeSandbox
from abzero.sandbox.pool import SandboxPool

RECORDED = Path(__file__).resolve().parents[3] / "shared/data/triplets.jsonl"


def row(program: str = "def f(x): return x", inputs: object = ("1",), **more: object) -> str:
    return json.dumps({"program": program, "inputs": inputs, **more}) + "\n"


def test_every_outcome_has_its_verdict():
    assert verdict(Returned("1")) == ["ok", "1"]
    assert verdict(Raised("KeyError")) == ["raised", "KeyError"]
    assert verdict(Nondeterministic()) == ["nondeterministic"]
    assert verdict(NotLiteral("A")) == ["not_literal", "A"]
    assert verdict(Stopped("timeout")) == ["timeout"]
    assert verdict(Stopped("memory")) == ["rejected", "memory"]
    assert verdict(Refused("import of os")) == ["rejected", "import of os"]


def test_rows_keep_their_order_and_their_other_keys():
    lines = [row(inputs=[str(n), "'é'"], source=f"s{n}") for n in range(2 * ROWS_AT_ONCE + 3)]
    tally = Counter[str]()
    out = [json.loads(line) for line in judged(lines, "file", FakeSandbox(), tally)]
    assert [r["source"] for r in out] == [f"s{n}" for n in range(len(lines))]
    assert all(r["verdicts"] == [["ok", str(n)], ["ok", "'é'"]] for n, r in enumerate(out))
    assert tally == {"ok": 2 * len(lines)}


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("3", "expected an object"),
        (json.dumps({"inputs": []}), "'program' must be a string"),
        (json.dumps({"program": "x", "inputs": "1"}), "'inputs' must be a list"),
        (json.dumps({"program": "x", "inputs": [1]}), "'inputs' must be a list"),
    ],
)
def test_a_broken_row_is_told_and_the_others_are_judged(broken, why):
    tally = Counter[str]()
    lines = [row(), "\n", row(), broken, row()]
    out = [json.loads(line) for line in judged(lines, "rows.jsonl", FakeSandbox(), tally)]
    assert [one["verdicts"] for one in out] == [[["ok", "1"]], [["ok", "1"]], [], [["ok", "1"]]]
    assert out[2]["error"].startswith("rows.jsonl, line 4: ")
    assert why in out[2]["error"]
    assert tally == {"ok": 3, UNREADABLE: 1}


def test_the_file_that_is_read_is_not_written(tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text(row())
    (tmp_path / "same").symlink_to(file)
    for out in (file, tmp_path / "same"):
        with pytest.raises(ConfigError, match="is the file that is read"):
            validate(file, out)
    assert file.read_text() == row()


def test_a_file_without_rows_is_told(tmp_path, capsys):
    (tmp_path / "rows").write_text("\n")
    assert validate(tmp_path / "rows", tmp_path / "out") == 0
    assert f"there is no row in {tmp_path / 'rows'}" in capsys.readouterr().out.replace("\n", " ")


def test_rows_are_read_as_they_are_needed():
    def lines():
        yield from (row() for _ in range(ROWS_AT_ONCE))
        raise AssertionError("read ahead")

    assert json.loads(next(judged(lines(), "file", FakeSandbox(), Counter())))["verdicts"] == [["ok", "1"]]


@pytest.mark.slow
def test_verdicts_on_real_programs_are_the_recorded_ones():
    """They differ where a module is refused, and in ten more of 7,678, each for a reason that docs/sandbox.md gives."""
    if not RECORDED.exists():
        pytest.skip(f"no recorded verdicts at {RECORDED}")
    differing = Counter[tuple[str, str]]()
    try:
        sandbox = SandboxPool(workers=2)
    except IsolationError as error:
        pytest.skip(str(error))
    with sandbox, RECORDED.open() as rows, RECORDED.open() as again:
        for line, written in zip(rows, judged(again, "triplets", sandbox, Counter()), strict=True):
            for old, new in zip(json.loads(line)["verdicts"], json.loads(written)["verdicts"], strict=True):
                if not agree(old, new):
                    differing[old[0], "import" if new[-1].startswith("import of") else new[0]] += 1
    assert differing == {
        ("ok", "import"): 24,
        ("nondeterministic", "import"): 30,
        ("ok", "nondeterministic"): 4,
        ("nondeterministic", "ok"): 4,
        ("ok", "rejected"): 1,
        ("long", "rejected"): 1,
    }


def agree(old: list, new: list[str]) -> bool:
    if old[0] == "ok" == new[0]:
        return literals.same_types(old[1], new[1])
    if old[0] == "long" and new[0] == "ok":
        return len(new[1]) == old[1] and hashlib.sha256(new[1].encode()).hexdigest() == old[2]
    return old == new
