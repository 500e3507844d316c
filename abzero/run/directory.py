"""A run's folder: ``config.json``, ``run.db``, ``checkpoints/`` and, for as long as it is worked on, a lock."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from abzero.errors import ConfigError, RunError
from abzero.run.files import check_links, read_text, replace_text


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Where one run keeps everything."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.json"

    @property
    def journal(self) -> Path:
        return self.path / "run.db"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def seeding(self) -> Path:
        return self.path / "seeding.jsonl"

    @property
    def refused_seeds(self) -> Path:
        return self.path / "refused-seeds.jsonl"

    @property
    def code(self) -> Path:
        """Which code of the user's the settings name, with the hashes of its files; there only where they do."""
        return self.path / "code.json"

    def check_free(self) -> None:
        """Raise `ConfigError` if there is something in the way of a new run."""
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            remedy = f"go on with `abzero resume {self.path}`, or " if self.config.exists() else ""
            raise ConfigError(f"run '{self.path}' exists: {remedy}choose another folder with --run")

    def create(self, config: str) -> None:
        """Make the folder, with its config. Raises `ConfigError` if there is something in the way."""
        self.check_free()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"run '{self.path}' cannot be made ({error.strerror}): choose another --run") from error
        self.write_config(config)

    def write_config(self, config: str) -> None:
        """Put `config` in the place of what was there, whole or not at all. Raises `RunError`."""
        replace_text(self.config, config)

    def discard(self) -> None:
        """Remove a run that never began, which `create` made; one with a checkpoint, or a batch of seeding, stays."""
        if self.path.exists() and not self.checkpoints.exists() and not self.seeding.exists():
            shutil.rmtree(self.path)

    def read_config(self) -> str:
        """The config as JSON. Raises `ConfigError` if this is no run's folder, `RunError` if it cannot be read."""
        try:
            self.config.lstat()
        except OSError as error:
            raise ConfigError(f"'{self.path}' is no run: it has no config.json ({error.strerror})") from error
        return read_text(self.config).removeprefix("\ufeff")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others from working on the run. Raises `RunError` if somebody does; a killed process holds no lock.

        Also raises it for a symbolic link in the folder, through which something else would be written.
        """
        check_links(self.path)
        try:
            lock = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise RunError(f"run '{self.path}' cannot be worked on: its .lock: {error.strerror}") from error
        with os.fdopen(lock, "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RunError(
                    f"run '{self.path}' is being worked on by another process: wait for it to end"
                ) from error
            yield
