import re
import subprocess
import sys
from pathlib import Path

from abzero.errors import Rejected
from abzero.sandbox.fake import FakeSandbox
from abzero.sandbox.run import run_checks
from examples import minimal
from examples.new_task_type import PROPOSE, Fixpoint, script
from tests.fakes import COMPACT, play

ROOT = Path(__file__).parents[2]


def test_minimal_learns_to_read_and_proposes_longer_programs(capsys):
    minimal.main(steps=60)
    printed = capsys.readouterr().out
    rows = [[float(cell) for cell in line.split()] for line in printed.splitlines() if re.match(r" +\d", line)]
    first, last = rows[0], rows[-1]
    assert all(early < 0.5 < 0.65 < late for early, late in zip(first[2:], last[2:], strict=True))
    assert last[1] > first[1], "programs grow longer"
    assert len(re.findall(r"^  (x = \S+.*?) +is taken for \1 ", printed, re.MULTILINE)) == 6


def test_minimal_stands_alone_and_fits_on_three_screens():
    source = (ROOT / "examples" / "minimal.py").read_text()
    assert "abzero" not in re.findall(r"^(?:from|import) (\w+)", source, re.MULTILINE)
    assert len(source.splitlines()) <= 150


def test_minimal_runs_as_a_program():
    code = "import runpy, examples.minimal as m; m.main(steps=1)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "What the model now takes each line to mean" in done.stdout


def test_the_new_task_type_plays():
    game = play(script, types=(Fixpoint(COMPACT),), batch_size=16)
    game.buffer.add(Fixpoint(COMPACT).seed)
    step = game.step(1)
    assert all(PROPOSE in proposal.prompt for proposal in step.proposals)
    assert 0.0 < step.metrics["propose/valid/fixpoint"] < 1.0
    assert any(0.0 < (proposal.solve_rate or 0.0) < 1.0 for proposal in step.proposals)


def test_what_is_no_fixed_point_is_rejected_in_words():
    answer = "<program>def f(x):\n    return x + 1</program><input>1</input>"
    [error] = run_checks([Fixpoint(COMPACT).construct(answer, ())], FakeSandbox())
    assert isinstance(error, Rejected)
    assert str(error) == "1 is no fixed point: f returns 2"
