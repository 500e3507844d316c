"""Checkpoints: a folder a step, complete or absent. No pickle, a checksum for every file.

``step-000006/``: what the learner saves, ``buffer.jsonl``, ``state.json`` and, written last, ``SHA256SUMS``. The folder
is written under another name, flushed to the disk and renamed: a kill at any moment leaves whole checkpoints only.
There is no random state to keep: each step seeds its own generator from the run's seed and its number.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from abzero.errors import RunError
from abzero.policy.base import Learner
from abzero.run.files import read_text
from abzero.tasks.buffer import Buffer

FORMAT = 1
_SUMS = "SHA256SUMS"


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The checkpoints of one run. Saving one keeps the newest `keep` up to it; later ones are damaged, and stay.

    Where none of these is sound, the newest sound one before them is kept, too.
    """

    folder: Path
    keep: int = 2
    notes: Callable[[], Mapping[str, str]] = dict
    """Text files that every checkpoint holds besides, by name: asked for when one is saved."""

    def save(self, step: int, learner: Learner, buffer: Buffer, sound: bool = True) -> Path:
        """Write the state after `step`; `sound` says that all figures since the last one were finite.

        Raises `RunError` when the disk refuses; older checkpoints stay as they are.
        """
        final = self.folder / f"step-{step:06d}"
        partial = self.folder / f".partial-{final.name}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for stale in self._folders(".*-step-*"):
                shutil.rmtree(stale)
            partial.mkdir()
            learner.save(partial)
            buffer.save(partial / "buffer.jsonl")
            state = {"format": FORMAT, "step": step, "version": learner.version} | ({} if sound else {"sound": False})
            (partial / "state.json").write_text(json.dumps(state) + "\n", encoding="utf-8")
            for name, text in self.notes().items():
                (partial / name).write_text(text, encoding="utf-8")
            (partial / _SUMS).write_text("".join(f"{_sha256(path)}  {name}\n" for name, path in _files(partial)))
            for path in [*partial.rglob("*"), partial]:
                _flush(path)
            if final.exists():
                final.rename(self.folder / f".replaced-{final.name}")
            partial.rename(final)
            _flush(self.folder)
        except OSError as error:
            shutil.rmtree(partial, ignore_errors=True)
            raise RunError(
                f"checkpoint {final} cannot be written ({error.strerror}): make room, then resume"
            ) from error
        earlier = [folder for folder in self._folders() if folder <= final]
        old = earlier[: -self.keep]
        if not any(map(_sound, earlier[-self.keep :])):
            last = next((one for one in reversed(old) if _sound(one)), None)
            old = [one for one in old if one != last]
        for one in (*old, *self._folders(".replaced-step-*")):
            shutil.rmtree(one)
        return final

    def load(self, learner: Learner, buffer: Buffer, warn: Callable[[str], None]) -> int | None:
        """Restore the newest whole checkpoint and return its step; ``None`` where there is none at all.

        A damaged one is named to `warn`, and the one before it is used. Raises `RunError` if all are damaged.
        """
        for folder in reversed(self._folders()):
            if damage := find_damage(folder):
                warn(f"checkpoint {folder} is damaged ({damage}); trying the one before it")
                continue
            learner.load(folder)
            buffer.load(folder / "buffer.jsonl")
            return step_of(folder)
        if self._folders():
            raise RunError(f"no checkpoint in {self.folder} is whole: start the run again in another folder")
        return None

    @property
    def done(self) -> int:
        """The step of the newest checkpoint, whole or not; 0 where there is none."""
        numbers = (folder.name.removeprefix("step-") for folder in self._folders())
        return max((int(number) for number in numbers if number.isdecimal()), default=0)

    def whole(self) -> dict[int, Path]:
        """The folders of all whole checkpoints, by step."""
        return {step_of(one): one for one in self._folders() if not find_damage(one)}

    def latest(self) -> Path | None:
        """The folder of the newest checkpoint, by its name alone."""
        return max(self._folders(), default=None)

    def newest(self) -> Path | None:
        """The folder of the newest whole checkpoint."""
        return next((folder for folder in reversed(self._folders()) if not find_damage(folder)), None)

    def _folders(self, pattern: str = "step-*") -> list[Path]:
        return sorted(path for path in self.folder.glob(pattern) if path.is_dir())


def find_damage(folder: Path) -> str | None:
    """What is wrong with a checkpoint: a file missing, changed or added; ``None`` if it is as it was written."""
    try:
        links = [path.name for path in (folder, *folder.rglob("*")) if path.is_symlink()]
        if links:
            return f"{links[0]} is a symbolic link"
        lines = read_text(folder / _SUMS).removesuffix("\n").split("\n")
        expected = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
        found = dict(_files(folder))
        if missing := sorted(expected.keys() ^ found.keys()):
            return f"{missing[0]} is missing, or was added"
        changed = [name for name, digest in sorted(expected.items()) if _sha256(found[name]) != digest]
        if changed:
            return f"{changed[0]} has changed"
        state = json.loads(read_text(folder / "state.json"))
        if state["format"] != FORMAT:
            return f"its format is {state['format']!r}, not {FORMAT}"
        return None if isinstance(state["step"], int) else "its state.json names no step"
    except (OSError, RunError, ValueError, KeyError, TypeError, RecursionError) as error:
        return f"unreadable: {error}"


def step_of(folder: Path) -> int:
    """The step after which a whole checkpoint was saved."""
    return int(json.loads(read_text(folder / "state.json"))["step"])


def _sound(folder: Path) -> bool:
    try:
        return bool(json.loads(read_text(folder / "state.json")).get("sound", True))
    except (OSError, RunError, ValueError, AttributeError, RecursionError):
        return False


def _files(folder: Path) -> list[tuple[str, Path]]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != _SUMS)
    return [(path.relative_to(folder).as_posix(), path) for path in paths]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
