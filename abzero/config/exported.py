"""How a model was asked in training, with which others begin: abzero.json beside an export, a run's settings."""

import json
from pathlib import Path

from abzero.config.config import Config
from abzero.config.faults import check_flags
from abzero.config.load import as_recorded, by_name, to_json
from abzero.config.schema import Model
from abzero.config.tree import leaves
from abzero.errors import ConfigError
from abzero.run.directory import RunFolder
from abzero.tasks.prompts import ALLOWED, SETS

FILE = "abzero.json"
PROMPTS = "prompts"
"""The folder in an export that has the templates of a prompt set which is not in the box."""
ASKED = (
    "model.chat",
    "sampling.max-prompt-tokens",
    "sampling.max-tokens",
    "sampling.stop",
    "tasks.inputs",
    "tasks.prompts",
)
"""The settings that say how a model is asked. The file may be a stranger's: it sets no others, and names no path."""


def files(config: Config) -> dict[str, bytes]:
    """What belongs beside the weights of a model that was trained by a settled `config`, by name."""
    settings: dict[str, dict[str, object]] = {}
    for name, value in leaves(config):
        if name in ASKED:
            group, _, last = name.partition(".")
            settings.setdefault(group, {})[last] = value
    found = {}
    if config.tasks.prompts not in SETS:
        settings["tasks"]["prompts"] = PROMPTS
        folder = Path(config.tasks.prompts).expanduser()
        found = {f"{PROMPTS}/{name}.md": folder / f"{name}.md" for name in ALLOWED}
    record = json.dumps(settings, indent=2) + "\n"
    return {FILE: record.encode(), **{name: file.read_bytes() for name, file in found.items() if file.is_file()}}


def known(model: str) -> bool:
    """Whether it is told how the model `model` was asked in its training: the one in the box, an export, or a run."""
    return model == Model.name or bool(flags(model))


def flags(model: str) -> list[str]:
    """The flags that the record in the folder `model` stands for, or a run's settings if it is a run; none where there
    is neither.

    Raises `ConfigError` for what `files` did not write, `RunError` for a damaged run.
    """
    file = Path(model).expanduser() / FILE
    if not file.is_file():
        return _of_run(RunFolder(file.parent))
    try:
        settings = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(settings, dict):
            raise ValueError(f"a {type(settings).__name__}, not an object of settings")
        given = by_name(settings)
        if foreign := sorted(given.keys() - set(ASKED)):
            raise ValueError(f"'{foreign[0]}' is not about how a model is asked")
        prompts = "".join(given.get("tasks.prompts", ())).removeprefix("--tasks.prompts=")
        if prompts and prompts not in (*SETS, PROMPTS):
            raise ValueError(f"'tasks.prompts' is {', '.join(SETS)} or {PROMPTS}, not '{prompts}'")
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"'{file}' does not say how the model was asked ({error}): export the model again, or take the file away "
            "and give flags"
        ) from error
    check_flags(Config, given, str(file))
    if prompts == PROMPTS:
        given["tasks.prompts"] = [f"--tasks.prompts={file.parent / PROMPTS}"]
    return [flag for some in given.values() for flag in some]


def _of_run(folder: RunFolder) -> list[str]:
    """How the model of a run is asked, but for templates that are not in the box: a stranger's would name any file."""
    if not folder.config.is_file() or not folder.checkpoints.is_dir():
        return []
    recorded = by_name(json.loads(to_json(as_recorded(folder.read_config()))))
    given = {name: recorded[name] for name in ASKED}
    if "".join(given["tasks.prompts"]).removeprefix("--tasks.prompts=") not in SETS:
        del given["tasks.prompts"]
    return [flag for some in given.values() for flag in some]
