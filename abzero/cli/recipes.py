"""Which settings a command means: those of a recipe, of a run, or the defaults, with flags on top."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from abzero.cli.output import say
from abzero.config.config import Config
from abzero.config.load import draft, from_json, read_recipe, renamed
from abzero.config.resolve import DEFAULT, FILE, FLAG, RECIPE, Layer, Resolved, fitted, resolved
from abzero.config.schema import Model
from abzero.errors import ConfigError
from abzero.run.directory import RunFolder

RECIPES = Path(__file__).parents[1] / "config" / "recipes"
DEFAULT_RECIPE = "tiny-cpu"
"""The recipe of the model in the box, and of no other model."""
HELP = ("-h", "--help")
Kind = TypeVar("Kind", bound=Config)


def recipe(name: str) -> Path:
    """The recipe's file: a path, or the name of one in the box."""
    path = Path(name)
    boxed = RECIPES / f"{path.name.removesuffix('.toml')}.toml"
    return boxed if not path.exists() and boxed.exists() else path


def settings(kind: type[Kind], arguments: Sequence[str], prog: str) -> Resolved[Kind]:
    """What ``[RECIPE.toml] [--section.key value]`` stands for; the model in the box has a recipe without being told."""
    named, flags = arguments[:1], renamed(arguments[1:])
    if not named or named[0].startswith("-"):
        flags = renamed(arguments)
        model = draft(kind, [flag for flag in flags if flag not in HELP], prog).model.name
        named = [DEFAULT_RECIPE] if model == Model.name else []
        layers: list[Layer] = [(DEFAULT, [f"--run=runs/{Path(model).name}"])]
    if named:
        path = recipe(named[0])
        origin = RECIPE if path.parent == RECIPES else FILE
        layers = [(DEFAULT, [f"--run=runs/{path.stem}"]), (origin, read_recipe(path))]
    return resolved(kind, [*layers, (FLAG, flags)], prog)


def suited(found: Resolved[Kind]) -> Resolved[Kind]:
    """`found` with token limits that the model's context has room for; what was adapted is said."""
    from abzero.config.backends import positions

    return fitted(found, positions(found.config.model.name))


def adapted(found: Resolved[Kind]) -> Kind:
    """The config of a command that starts now, after saying what was adapted in it."""
    for note in found.notes:
        say(note)
    return found.config


def measured(model: str, by: str | None = None) -> tuple[Config, str]:
    """The settings to measure `model` with, and what to load: a run's newest checkpoint with the run's own settings.

    Any other model is measured `by` a recipe's settings, or by those that training it would begin with.
    """
    from abzero.run.checkpoint import Checkpoints

    folder = RunFolder(Path(model))
    if not folder.config.exists() or not folder.checkpoints.exists():
        arguments = [*([by] if by else []), f"--model.name={model}"]
        return adapted(suited(settings(Config, arguments, "abzero eval"))), model
    newest = Checkpoints(folder.checkpoints).newest()
    if newest is None:
        raise ConfigError(f"run '{model}' has no whole checkpoint yet: train it first")
    config = from_json(folder.read_config())
    if not (newest / "model").exists():
        from abzero.config.backends import chosen

        raise ConfigError(f"run '{model}' keeps its weights on {chosen(config).where(config)}: export them there")
    return config, str(newest / "model")
