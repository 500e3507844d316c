"""``abzero fork``: a new run from a checkpoint of another."""

import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from abzero.cli import trust
from abzero.cli.recipes import adapted
from abzero.cli.train import Resuming, named_run, served_another, work_on
from abzero.config.config import Config
from abzero.config.load import checked, to_json
from abzero.config.resolve import FLAG
from abzero.errors import ConfigError
from abzero.run.checkpoint import Checkpoints, find_damage
from abzero.run.directory import RunFolder
from abzero.run.journal import copy_journal


@dataclass(frozen=True)
class Forking(Resuming):
    """Begin a new run from a checkpoint of another, with settings of its own: give at least --run."""

    step: int | None = None
    """Whose checkpoint to begin from; the newest whole one if it is not set."""


def fork(arguments: Sequence[str]) -> int:
    """Begin a new run from a checkpoint of another."""
    from abzero.config.amend import forked

    prog = "abzero fork"
    parent = RunFolder(named_run(Forking, arguments, prog))
    found = forked(Forking, parent.read_config(), arguments, prog)
    if found.origins.get("run") != FLAG:
        raise ConfigError(f"run: name the new run's folder, as --run {parent.path}-fork")
    if served_another(found.config):
        return 0
    folder, config = RunFolder(found.config.run), checked(Config, adapted(found))
    folder.check_free()
    code = trust.recorded(parent, found.config, found.origins, found.config.trust_code, forked=True)
    with ExitStack() as undo:
        with parent.locked():
            checkpoint, step = _checkpoint(parent, found.config.step)
            if config.steps <= step:
                raise ConfigError(f"steps {config.steps}: the checkpoint is of step {step}; set --steps {step + 1}")
            folder.create(to_json(config))
            undo.callback(shutil.rmtree, folder.path)
            _take_along(parent, folder, checkpoint)
        with folder.locked():
            return work_on(folder, config, undo.pop_all, {"forked from": f"{parent.path}, step {step}"}, code)


def _checkpoint(parent: RunFolder, step: int | None) -> tuple[Path, int]:
    """The folder and the step of the checkpoint asked for. Raises `ConfigError` if it is not there, or broken."""
    held = Checkpoints(parent.checkpoints).whole()
    if step is None and held:
        step = max(held)
    if step is None or step not in held:
        there = f"it has {', '.join(map(str, sorted(held)))}" if held else "it has none yet"
        raise ConfigError(f"step {step}: '{parent.path}' keeps no whole checkpoint of it; {there}")
    return held[step], step


def _take_along(parent: RunFolder, folder: RunFolder, checkpoint: Path) -> None:
    """Copy what a run is up to a checkpoint: that itself, the journal, the record of oversight."""
    shutil.copytree(checkpoint, folder.checkpoints / checkpoint.name)
    if damage := find_damage(folder.checkpoints / checkpoint.name):
        raise ConfigError(f"checkpoint {checkpoint} was copied with damage ({damage}): is the disk full?")
    if parent.journal.exists():
        copy_journal(parent.journal, folder.journal)
    for record in parent.path.glob("oversight.*"):
        shutil.copy2(record, folder.path)
