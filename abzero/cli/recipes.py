"""Which settings a command means: those of a recipe, of a run, or the defaults, with flags on top."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from abzero.cli.output import say
from abzero.config import exported
from abzero.config import recipe as files
from abzero.config.config import Config
from abzero.config.load import draft, from_json, renamed
from abzero.config.resolve import DEFAULT, EXPORT, FILE, FLAG, RECIPE, Layer, Resolved, fitted, given_names, resolved
from abzero.config.schema import Model
from abzero.config.tree import leaves, shown
from abzero.errors import ConfigError
from abzero.policy.models.naming import check_named
from abzero.run.directory import RunFolder

DEFAULT_RECIPE = "tiny-cpu"
"""The recipe of the model in the box, and of no other model."""
HELP = ("-h", "--help")
ConfigT = TypeVar("ConfigT", bound=Config)


def settings(
    kind: type[ConfigT], arguments: Sequence[str], prog: str, drafted: Callable[[str, Path], None] = lambda *_: None
) -> Resolved[ConfigT]:
    """What ``[RECIPE.toml] [--section.key value]`` stands for; the model in the box has a recipe without being told.

    Over the defaults, an exported model is asked as it was in its training. `drafted` is told the model's name and the
    run's folder before the settings are checked, for which torch is loaded.
    """
    named, flags = list(arguments[:1]), renamed(arguments[1:])
    if not named or named[0].startswith("-"):
        named, flags = [], renamed(arguments)
    parts = _recipe(named[0]) if named else []
    told = [*(flag for _, given in parts for flag in given), *(flag for flag in flags if flag not in HELP)]
    asked = draft(kind, told, prog)
    model = asked.model.name
    if not named and model == Model.name:
        named, parts = [DEFAULT_RECIPE], _recipe(DEFAULT_RECIPE)
    folder = Path("runs") / (Path(named[0]).stem if named else Path(model).name)
    drafted(model, asked.run if "run" in given_names(told) else folder)
    layers: list[Layer] = [(DEFAULT, [f"--run={folder}"])]
    if recorded := exported.flags(model):
        layers += [(EXPORT, recorded)]
    found = resolved(kind, [*layers, *parts, (FLAG, flags)], prog)
    values, usual = dict(leaves(found.config)), dict(leaves(Config()))
    given = [name for name, origin in found.origins.items() if origin == EXPORT and values[name] != usual[name]]
    if not given:
        return found
    how = ", ".join(f"{name} {shown(values[name])}" for name in sorted(given))
    return replace(found, notes=(*found.notes, f"model '{model}' is asked as it was in its training: {how}"))


def _recipe(name: str) -> list[Layer]:
    return [
        (RECIPE if file.parent == files.BOX else FILE, renamed(given)) for file, given in files.read(files.find(name))
    ]


def beside(arguments: Sequence[str]) -> list[Path]:
    """Where code that the settings of a command name may be: beside the user's recipes, the last first, then here."""
    found: list[Path] = []
    if arguments and not arguments[0].startswith("-"):
        files_ = [file for file, _ in files.read(files.find(arguments[0])) if file.parent != files.BOX]
        found = [file.parent for file in reversed(files_)]
    return [*found, Path()]


def suited(found: Resolved[ConfigT]) -> Resolved[ConfigT]:
    """`found` with token limits that the model's context has room for; what was adapted is said."""
    from abzero.config.backends import positions

    return fitted(found, positions(found.config.model.name))


def adapted(found: Resolved[ConfigT], tell: Callable[[str], None] = say) -> ConfigT:
    """The config of a command that starts now, after telling what was adapted in it.

    A model that is a run's folder is named by the checkpoint that it has now: the run may go on.
    """
    for note in found.notes:
        tell(note)
    name = found.config.model.name
    if not (Path(name) / "checkpoints").is_dir():
        return found.config
    from abzero.config.backends.local import model_name

    return replace(found.config, model=replace(found.config.model, name=model_name(name)))


def measured(model: str, by: str | None = None, tell: Callable[[str], None] = say) -> tuple[Config, str]:
    """The settings to measure `model` with, and what to load: a run's newest checkpoint with the run's own settings.

    Any other model is measured `by` a recipe's settings, or by those that training it would begin with.
    """
    from abzero.run.checkpoint import Checkpoints

    check_named(model)
    folder = RunFolder(Path(model))
    if not folder.config.exists() or not folder.checkpoints.exists():
        arguments = [*([by] if by else []), f"--model.name={model}"]
        return adapted(suited(settings(Config, arguments, "abzero eval")), tell), model
    newest = Checkpoints(folder.checkpoints).newest()
    if newest is None:
        raise ConfigError(f"run '{model}' has no whole checkpoint yet: train it first")
    config = from_json(folder.read_config())
    if not (newest / "model").exists():
        from abzero.config.backends import chosen

        raise ConfigError(f"run '{model}' keeps its weights on {chosen(config).where(config)}: export them there")
    return config, str(newest / "model")
