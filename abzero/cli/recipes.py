"""Which recipe a command means, and the settings to measure a model with."""

from collections.abc import Sequence
from pathlib import Path

from abzero.config.config import Config
from abzero.config.load import from_json, parse, read_recipe
from abzero.errors import ConfigError
from abzero.run.directory import RunFolder

RECIPES = Path(__file__).parents[1] / "config" / "recipes"
DEFAULT_RECIPE = "tiny-cpu"


def named(arguments: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The recipe that the arguments begin with, or the one in the box, and the flags after it."""
    if arguments and not arguments[0].startswith("-"):
        return arguments[0], arguments[1:]
    return DEFAULT_RECIPE, arguments


def recipe(name: str) -> Path:
    """The recipe's file: a path, or the name of one in the box."""
    path = Path(name)
    boxed = RECIPES / f"{path.name.removesuffix('.toml')}.toml"
    return boxed if not path.exists() and boxed.exists() else path


def measured(model: str) -> tuple[Config, str]:
    """The settings to measure `model` with, and what to load: a run's newest checkpoint with the run's own settings."""
    from abzero.run.checkpoint import Checkpoints

    folder = RunFolder(Path(model))
    if not folder.config.exists() or not folder.checkpoints.exists():
        return parse([*read_recipe(recipe(DEFAULT_RECIPE)), f"--model.name={model}"], "abzero eval"), model
    newest = Checkpoints(folder.checkpoints).newest()
    if newest is None:
        raise ConfigError(f"run '{model}' has no whole checkpoint yet: train it first")
    config = from_json(folder.read_config())
    if not (newest / "model").exists():
        from abzero.config.backends import chosen

        raise ConfigError(f"run '{model}' keeps its weights on {chosen(config).where(config)}: export them there")
    return config, str(newest / "model")
