"""A run that pauses is killed 50 times, at any moment: its record verifies, what it finds and learns stays equal."""

import multiprocessing
import os
import random
import shutil
import time
from contextlib import closing
from pathlib import Path

import pytest

from abzero.cli.main import main
from abzero.oversight.gate import EXIT, NOTE
from abzero.oversight.recorded import record_path
from abzero.run.journal import JournalReader
from tests.oversight.test_equal_weights import PACK, SMALL, learned

KILLS = 50
FORKS = multiprocessing.get_context("forkserver")


def command(arguments: list[str]) -> None:
    """What a killed process does: a command, unheard."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    raise SystemExit(main(arguments))


def called(arguments: list[str], limit: float | None = None) -> int | None:
    """The exit status of a command in a process of its own; ``None`` if it was killed, after `limit` seconds."""
    process = FORKS.Process(target=command, args=(arguments,))
    process.start()
    process.join(limit)
    process.kill()
    process.join()
    return None if process.exitcode == -9 else process.exitcode


def found(run: Path) -> list[object]:
    with closing(JournalReader(run / "run.db")) as reader:
        return [(step, reader.findings(step)) for step in reader.steps()]


class Killed:
    """A run under `pause` that is reviewed as often as it asks, and killed as often as `kills` says."""

    def __init__(self, run: Path, pack: Path, rng: random.Random) -> None:
        self.run, self.rng, self.kills, self.pauses = run, rng, 0, 0
        flags = ["--oversight.gate=pause", f"--oversight.rules={pack}", f"--run={run}"]
        self.begin = ["train", "tiny-cpu", *SMALL, *flags]
        self.review = ["oversight", "review", str(run), "--all", "--decision=accept", "--by=Ada", "--reason=its manner"]

    def to_the_end(self, kills: int, longest: float) -> None:
        while True:
            whole = (self.run / "config.json").exists()
            if not whole:
                shutil.rmtree(self.run, ignore_errors=True)
            dies = self.kills < kills
            limit = self.rng.uniform(0.0, 1.5 * longest) if dies else None
            status = called(["resume", str(self.run)] if whole else self.begin, limit)
            self.kills += status is None
            if record_path(self.run).exists() and (self.run / "run.db").exists():
                assert main(["oversight", "verify", str(self.run)]) == 0, (self.kills, status)
            if status == 0:
                return
            if status == EXIT:
                self.pauses += 1
                self.reviewed(dies)
            else:
                assert status is None, status

    def reviewed(self, dies: bool) -> None:
        """A person decides, after the note was lost where the run is one to be disturbed; a review is killed, too."""
        note = self.run / NOTE
        if dies and note.exists() and self.rng.random() < 0.5:
            note.unlink()
            assert main(["oversight", "verify", str(self.run)]) == 1
            assert called(["resume", str(self.run)]) == EXIT
        if dies:
            self.kills += called(self.review, self.rng.uniform(0.0, 0.3)) is None
        assert main(self.review) == 0
        assert main(["oversight", "verify", str(self.run)]) == 0


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_50_kills_of_a_run_that_pauses_lose_nothing_and_accuse_nobody(tmp_path: Path, capsys):
    FORKS.set_forkserver_preload([__name__])
    pack = tmp_path / "pack.toml"
    pack.write_text(PACK)
    straight = Killed(tmp_path / "straight", pack, random.Random(0))
    begun = time.monotonic()
    straight.to_the_end(0, 0.0)
    longest = (time.monotonic() - begun) / (straight.pauses + 1)
    assert straight.pauses >= 2
    kills, rng, number = 0, random.Random(1), 0
    while kills < KILLS:
        number += 1
        one = Killed(tmp_path / f"killed-{number}", pack, rng)
        one.to_the_end(KILLS - kills, longest)
        kills += one.kills
        assert found(one.run) == found(straight.run)
        assert learned(one.run) == learned(straight.run)
        with capsys.disabled():
            print(f"{number} runs, {kills} kills", flush=True)
