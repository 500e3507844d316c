"""The model in the box learns the same to the bit unseen, overseen, and paused and reviewed at every turn."""

from contextlib import closing
from pathlib import Path

import pytest

from abzero.cli.main import main
from abzero.config import backends, build
from abzero.config.load import parse
from abzero.config.recipe import read_recipe
from abzero.oversight import chain
from abzero.oversight.gate import EXIT
from abzero.oversight.recorded import record_path
from abzero.run.checkpoint import Checkpoints
from abzero.run.directory import RunFolder
from abzero.run.journal import JournalReader, JournalWriter
from abzero.run.train import RunResult, train

STEPS = 4
SMALL = (
    *("--batch-size=3", "--propose.samples=2", "--seeding.factor=1", "--sampling.max-tokens=48", "--tasks.inputs=3"),
    *("--model.threads=1", "--solve.attempts=3", f"--steps={STEPS}", "--checkpoint.keep=9"),
)
PACK = r"""
[[rule]]
id = "comprehension"
category = "situational"
severity = 4
part = "thought"
pattern = "for i in|x\\["
positive = ["[i for i in x]", "y = x[0]"]
negative = ["y = [x]", "for j in x", "x + i"]
"""
"""A rule that the model in the box breaks all the time."""


def unseen(run: Path) -> None:
    """A run that nothing reads."""
    flags = ["--model.name=tiny", *read_recipe(Path("recipes/tiny-cpu.toml")), *SMALL, f"--run={run}"]
    config = parse(flags, "")
    run.mkdir()
    folder = RunFolder(run)
    with build.sandbox(config.sandbox, config.seed) as box, closing(JournalWriter(folder.journal)) as journal:
        play = build.self_play(backends.settled(config, config.model.name), box)
        result = train(
            loop=play,
            done=None,
            seed=build.first_step(config, play, journal, folder, print),
            annotate=[],
            journal=journal,
            observers=[],
            checkpoints=Checkpoints(folder.checkpoints, config.checkpoint.keep),
            steps=STEPS,
            every=config.checkpoint.every,
            report=print,
        )
    assert result == RunResult(STEPS, None)


def overseen(run: Path, gate: str, pack: Path) -> int:
    """A run under `pack`, resumed after a review as often as it pauses; how often that was."""
    flags = [f"--oversight.gate={gate}", f"--oversight.rules={pack}", f"--run={run}"]
    status, pauses = main(["train", "tiny-cpu", *SMALL, *flags]), 0
    while status == EXIT and pauses <= STEPS:
        pauses += 1
        assert main(["resume", str(run)]) == EXIT, "not before a review"
        decided = ["--decision=accept", "--by=Ada", "--reason=that is how it writes"]
        assert main(["oversight", "review", str(run), "--all", *decided]) == 0
        status = main(["resume", str(run)])
    assert status == 0
    return pauses


def learned(run: Path) -> list[object]:
    """The weights, moments and buffer of the last step, and all that the journal holds of the steps."""
    sums = (run / "checkpoints" / f"step-{STEPS:06d}" / "SHA256SUMS").read_text().splitlines()
    with closing(JournalReader(run / "run.db")) as reader:
        rows = [
            row
            for row in reader.dump()
            if row[0] not in ("finding", "alarm")
            and not (row[0] == "metric" and str(row[1][1]).startswith(("oversight/", "thought/")))
        ]
    return [line for line in sums if not line.endswith("  oversight.json")] + rows


def test_weights_do_not_know_whether_they_were_overseen(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    pack = tmp_path / "pack.toml"
    pack.write_text(PACK)
    unseen(tmp_path / "off")
    assert overseen(tmp_path / "alert", "alert", pack) == 0
    pauses = overseen(tmp_path / "pause", "pause", pack)
    assert pauses >= 2
    off, alert, pause = (learned(tmp_path / name) for name in ("off", "alert", "pause"))
    assert any("model.safetensors" in str(line) for line in off)
    assert off == alert == pause
    kinds = [entry.kind for entry in chain.read(record_path(tmp_path / "pause"))]
    assert kinds.count("paused") == kinds.count("reviewed") == kinds.count("resumed") == pauses
    assert main(["oversight", "verify", str(tmp_path / "pause")]) == 0
