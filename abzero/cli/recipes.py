"""Which settings a command means: those of a recipe, of a run, or the defaults, with flags on top."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from tyro.conf import Positional

from abzero.cli.output import say
from abzero.config import recipe as files
from abzero.config.config import Config
from abzero.config.load import draft, from_json, renamed
from abzero.config.resolve import DEFAULT, FILE, FLAG, RECIPE, Layer, Resolved, fitted, resolved
from abzero.config.schema import Model
from abzero.errors import ConfigError
from abzero.run.directory import RunFolder

DEFAULT_RECIPE = "tiny-cpu"
"""The recipe of the model in the box, and of no other model."""
HELP = ("-h", "--help")
ConfigT = TypeVar("ConfigT", bound=Config)


def settings(kind: type[ConfigT], arguments: Sequence[str], prog: str) -> Resolved[ConfigT]:
    """What ``[RECIPE.toml] [--section.key value]`` stands for; the model in the box has a recipe without being told."""
    named, flags = arguments[:1], renamed(arguments[1:])
    if not named or named[0].startswith("-"):
        flags = renamed(arguments)
        model = draft(kind, [flag for flag in flags if flag not in HELP], prog).model.name
        named = [DEFAULT_RECIPE] if model == Model.name else []
        layers: list[Layer] = [(DEFAULT, [f"--run=runs/{Path(model).name}"])]
    if named:
        path = files.find(named[0])
        layers = [(DEFAULT, [f"--run=runs/{path.stem}"])]
        layers += [(RECIPE if file.parent == files.BOX else FILE, given) for file, given in files.read(path)]
    return resolved(kind, [*layers, (FLAG, flags)], prog)


def beside(arguments: Sequence[str]) -> list[Path]:
    """Where code that the settings of a command name may be: beside the user's recipes, the last first, then here."""
    found: list[Path] = []
    if arguments and not arguments[0].startswith("-"):
        files_ = [file for file, _ in files.read(files.find(arguments[0])) if file.parent != files.BOX]
        found = [file.parent for file in reversed(files_)]
    return [*found, Path()]


def show_recipes(name: Positional[str | None] = None) -> int:
    """List the recipes in the box, or print one: a recipe of yours may begin with base = "its name"."""
    if name is None:
        for recipe, about in files.in_the_box().items():
            say(f"{recipe}\n    {about}")
        say('use one: abzero train NAME; build on one: base = "NAME" as the first line of a file of yours')
    else:
        say(files.find(name).read_text(encoding="utf-8").rstrip())
    return 0


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

    Any other model is measured `by` a recipe's settings, or by those that training it would begin with; what was
    exported from a run of the model in the box, by that one's recipe.
    """
    from abzero.run.checkpoint import Checkpoints

    folder = RunFolder(Path(model))
    if not folder.config.exists() or not folder.checkpoints.exists():
        if by is None and model != Model.name and from_the_box(model):
            by = DEFAULT_RECIPE
            tell(f"model '{model}' was trained from {Model.name}, so with the settings of {by}; --recipe gives others")
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


def from_the_box(model: str) -> bool:
    """Whether it is the model in the box, or a folder whose card names that as what was trained."""
    if model == Model.name:
        return True
    try:
        with (Path(model) / "README.md").open(encoding="utf-8") as card:
            head = [line.rstrip() for _, line in zip(range(9), card, strict=False)]
    except (OSError, UnicodeDecodeError):
        return False
    return f"base_model: {Model.name}" in head
