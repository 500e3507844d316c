"""Which runs there are below a folder, and what state each is in."""

import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from abzero.errors import RunError

State = Literal["running", "finished", "paused", "stopped", "killed", "unknown"]

PAUSED = "PAUSED.json"
"""What a run leaves that waits for a person's review."""
_MOST = 500
_CHECKPOINT = re.compile(r"step-(\d+)")


@dataclass(frozen=True, slots=True)
class ServedRun:
    """A run's folder, under the name that addresses use."""

    name: str
    path: Path

    @property
    def journal(self) -> Path:
        return self.path / "run.db"

    def file(self, name: str, limit: int) -> bytes | None:
        """The last `limit` bytes of a file of the run; ``None`` where there is none, or a link, a pipe or a device."""
        try:
            found = os.open(self.path / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            about = os.fstat(found)
            return os.pread(found, limit, max(about.st_size - limit, 0)) if stat.S_ISREG(about.st_mode) else None
        finally:
            os.close(found)


def runs(root: Path) -> dict[str, ServedRun]:
    """The runs in `root`, which may be one itself, newest first; links that lead out of it are not followed."""
    home = root.resolve()
    if (home / "run.db").is_file() or (home / "config.json").is_file():
        return {home.name or "run": ServedRun(home.name or "run", home)} if _inside(home / "run.db", home) else {}
    try:
        folders = [Path(entry.path) for entry in os.scandir(home) if entry.is_dir(follow_symlinks=False)]
    except OSError as error:
        raise RunError(f"'{root}' cannot be read ({error.strerror}): name a run or a folder of runs") from error
    found = [path for path in folders if (path / "run.db").is_file() and _inside(path / "run.db", home)]
    found.sort(key=lambda path: (path / "run.db").stat().st_mtime, reverse=True)
    return {path.name: ServedRun(path.name, path) for path in found[:_MOST]}


def state(run: ServedRun, last: int | None, steps: int | None) -> State:
    """What a run is doing. Nothing is locked or written to find out."""
    if _locked(run.path / ".lock"):
        return "running"
    if last is None:
        return "unknown"
    if (run.path / PAUSED).is_file():
        return "paused"
    if steps is not None and last >= steps:
        return "finished"
    return "stopped" if last == _saved(run.path / "checkpoints") else "killed"


def steps_wanted(about: dict[str, str]) -> int | None:
    """The number of the run's last step, as its settings have it."""
    try:
        steps = json.loads(about.get("config", "{}")).get("steps")
    except (ValueError, AttributeError, RecursionError):
        return None
    return steps if isinstance(steps, int) else None


def _inside(path: Path, home: Path) -> bool:
    return path.resolve().is_relative_to(home)


def _saved(folder: Path) -> int | None:
    """The step of the newest checkpoint."""
    if not folder.is_dir():
        return None
    found = [_CHECKPOINT.fullmatch(path.name) for path in folder.iterdir()]
    return max((int(match[1]) for match in found if match), default=None)


def _locked(path: Path) -> bool:
    """Whether a process holds the run's lock. To try the lock would keep a run from starting: the kernel is asked."""
    try:
        inode = path.stat().st_ino
        locks = Path("/proc/locks").read_text(encoding="ascii")
    except OSError:
        return False
    return any(line.split()[1] == "FLOCK" and f":{inode} " in line for line in locks.splitlines())
