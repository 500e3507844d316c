"""Where settings come from and go to: TOML and JSON become flags, and all flags go through one parser."""

import dataclasses
import json
import tomllib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import tyro

from abzero.config.config import Config
from abzero.errors import ConfigError, RunError

Settings = Mapping[str, object]
RENAMED = {"tasks.idle-steps": "tasks.redundant-steps", "reward.extreme": "reward.unlearnable"}
"""Settings by the names that they had in the version before this one, and that they still may be given by."""
Kind = TypeVar("Kind", bound=Config)


def read_recipe(path: Path) -> list[str]:
    """The flags that a TOML file stands for. Raises `ConfigError`, with the line, if it is no TOML."""
    try:
        return list(_flags(tomllib.loads(path.read_text(encoding="utf-8-sig"))))
    except OSError as error:
        raise ConfigError(f"recipe '{path}' cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"recipe '{path}' is no TOML: {error}") from error


def parse(flags: Sequence[str], prog: str) -> Config:
    """The config that `flags` make, the last of equal ones winning. Exits with usage where they are wrong."""
    return parse_as(Config, flags, prog)


def parse_as(kind: type[Kind], flags: Sequence[str], prog: str) -> Kind:
    """As `parse`, for a config that holds more. Raises `ConfigError` for what its engine cannot honour."""
    config = tyro.cli(kind, args=[_by_new_name(flag) for flag in flags], prog=prog)
    from abzero.config.backends import chosen  # only now: the parser's --help needs no torch

    chosen(config).check(config)
    return config


def _by_new_name(flag: str) -> str:
    """`flag`, with a warning where it has a former name; Python shows a warning once."""
    given, equals, value = flag.partition("=")
    name = RENAMED.get(given.removeprefix("--").replace("_", "-"))
    if name is None or not given.startswith("--"):
        return flag
    warnings.warn(f"the setting {given.removeprefix('--')} is now called {name}", FutureWarning, stacklevel=3)
    return f"--{name}{equals}{value}"


def to_json(config: Config) -> str:
    """Every setting, resolved; what `from_json` reads."""
    return json.dumps(dataclasses.asdict(config), indent=2, default=str) + "\n"


def from_json(text: str) -> Config:
    try:
        settings = json.loads(text)
    except ValueError as error:
        raise RunError(
            f"config.json of the run is damaged ({error}): put it back from a copy, or begin anew"
        ) from error
    return parse(list(_flags(settings)), "abzero resume")


def _flags(settings: Settings, prefix: str = "") -> Iterator[str]:
    for name, value in settings.items():
        flag = f"{prefix}{name.replace('_', '-')}"
        match value:
            case dict():
                yield from _flags(value, f"{flag}.")
            case list():
                yield from (f"--{flag}", *map(str, value))
            case None:
                continue
            case _:
                yield f"--{flag}={value}"
