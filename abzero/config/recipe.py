"""Recipes: TOML files of settings, in the box or a user's, which may build on one another."""

import difflib
import itertools
import re
import tomllib
from pathlib import Path

from abzero.config.config import Config
from abzero.config.faults import check_flags
from abzero.config.load import by_name
from abzero.errors import ConfigError

BOX = Path(__file__).parent / "recipes"
"""Where the recipes in the box are."""


def in_the_box() -> dict[str, str]:
    """The name of each recipe in the box, and the first sentence of what it says of itself."""
    return {file.stem: _about(file.read_text(encoding="utf-8")) for file in sorted(BOX.glob("*.toml"))}


def _about(text: str) -> str:
    remarks = itertools.takewhile(lambda line: line.startswith("#"), text.split("\n"))
    words = " ".join(line.lstrip("# ").rstrip() for line in remarks)
    return re.split(r"(?<=[a-z])[.:] ", words, maxsplit=1)[0].removesuffix(".")


def find(name: str, beside: Path = Path()) -> Path:
    """A recipe's file: a path, from the folder `beside` on, or a name in the box. Raises `ConfigError`."""
    path, boxed = beside / name, BOX / f"{name.removesuffix('.toml')}.toml"
    if path.is_file() or "/" in name:
        return path
    if boxed.is_file():
        return boxed
    near = difflib.get_close_matches(name.removesuffix(".toml"), in_the_box(), 1)
    remedy = f"did you mean {near[0]}?" if near else "abzero recipes lists those in the box"
    raise ConfigError(
        f"recipe '{name}' cannot be read: there is no such file, and none of this name in the box; {remedy}"
    )


def read_recipe(path: Path) -> list[str]:
    """The flags that a recipe stands for, its base's among them. Raises `ConfigError`."""
    return [flag for _, flags in read(path) for flag in flags]


def read(path: Path, below: tuple[Path, ...] = ()) -> list[tuple[Path, list[str]]]:
    """The flags that a recipe stands for, those of its ``base`` first, each with the file that has them.

    Raises `ConfigError`, with the line, for what is no TOML, no setting, or no value of it.
    """
    try:
        if not path.is_file():
            raise ConfigError(f"recipe '{path}' cannot be read: there is no such file")
        text = path.read_text(encoding="utf-8-sig")
        settings = tomllib.loads(text)
        base = settings.pop("base", None)
        flags = by_name(settings)
    except OSError as error:
        raise ConfigError(f"recipe '{path}' cannot be read: {error.strerror}") from error
    except RecursionError as error:
        raise ConfigError(f"recipe '{path}' is no recipe: its brackets are nested too deep") from error
    except ValueError as error:
        raise ConfigError(f"recipe '{path}' is no TOML: {error}") from error
    check_flags(Config, flags, f"recipe '{path}'", text)
    own = (path, [flag for given in flags.values() for flag in given])
    if base is None:
        return [own]
    if not isinstance(base, str):
        raise ConfigError(f"recipe '{path}': base is the name of another recipe, such as base = \"qwen2.5-7b-coder\"")
    lower, above = find(base, path.parent), (*below, path.resolve())
    if lower.resolve() in above:
        raise ConfigError(f"recipe '{path}': base '{base}' builds on this very recipe: name another one")
    return [*read(lower, above), own]
