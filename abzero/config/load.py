"""Where settings come from and go to: TOML and JSON become flags, and all flags go through one parser."""

import dataclasses
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from abzero.config.config import Config
from abzero.config.flags import parsed
from abzero.errors import ConfigError, RunError
from abzero.text.sanitize import harmless

Settings = Mapping[str, object]
RENAMED = {"tasks.idle-steps": "tasks.redundant-steps", "reward.extreme": "reward.unlearnable"}
"""Settings by the names that they had in the version before this one, and that they still may be given by."""
ConfigT = TypeVar("ConfigT", bound=Config)


def parse(flags: Sequence[str], prog: str) -> Config:
    """The config that `flags` make, the last of equal ones winning. Raises `UsageError` where they are wrong."""
    return checked(Config, draft(Config, renamed(flags), prog))


def draft(kind: type[ConfigT], flags: Sequence[str], prog: str, over: ConfigT | None = None) -> ConfigT:
    """The settings that `flags` make of the defaults, or of another draft; not yet checked against each other.

    Raises `UsageError` where a flag is wrong.
    """
    same = {"__module__": kind.__module__, "__doc__": kind.__doc__}
    unchecked: type[ConfigT] = type(kind.__name__, (kind,), {"__post_init__": lambda _: None, **same})
    return parsed(unchecked, flags, prog, None if over is None else unchecked(**_fields(kind, over)))


def checked(kind: type[ConfigT], values: ConfigT) -> ConfigT:
    """`values` as a config. Raises `ConfigError` for what does not go together, or what its backend cannot honour."""
    config = kind(**_fields(kind, values))
    from abzero.config.backends import chosen  # only now: the parser's --help needs no torch

    chosen(config).check(config)
    return config


def _fields(kind: type[Config], values: Config) -> dict[str, Any]:
    return {field.name: getattr(values, field.name) for field in dataclasses.fields(kind)}


def renamed(flags: Sequence[str]) -> list[str]:
    """`flags`, with a warning for each that has a former name; Python shows a warning once."""
    return [_by_new_name(flag) for flag in flags]


def _by_new_name(flag: str) -> str:
    given, equals, value = flag.partition("=")
    name = RENAMED.get(given.removeprefix("--").replace("_", "-"))
    if name is None or not given.startswith("--"):
        return flag
    warnings.warn(f"the setting {given.removeprefix('--')} is now called {name}", FutureWarning, stacklevel=4)
    return f"--{name}{equals}{value}"


def to_json(config: Config) -> str:
    """Every setting, resolved; what `from_json` reads."""
    return json.dumps(dataclasses.asdict(config), indent=2, default=str) + "\n"


def from_json(text: str) -> Config:
    return parse(json_flags(text), "abzero resume")


def as_recorded(text: str) -> Config:
    """The settings of a run that is only read: not checked against its backend, whose libraries load for seconds."""
    return draft(Config, renamed(json_flags(text)), "abzero resume")


def json_flags(text: str) -> list[str]:
    """The flags that a run's config.json stands for. Raises `RunError` for what `to_json` did not write."""
    remedy = "put it back from a copy, or begin anew in another folder"
    try:
        settings = json.loads(text)
        if not isinstance(settings, dict):
            raise ValueError(f"a {type(settings).__name__}, not an object of settings")
        flags = by_name(settings)
    except (ValueError, RecursionError) as error:
        raise RunError(f"config.json of the run is damaged ({error}): {remedy}") from error
    from abzero.config.faults import check_flags  # it needs `draft`

    try:
        check_flags(Config, flags, "config.json of the run")
    except ConfigError as error:
        raise RunError(f"{harmless(str(error))}; {remedy}") from error
    return [flag for given in flags.values() for flag in given]


def by_name(settings: Settings) -> dict[str, Sequence[str]]:
    """The flags that a tree of settings stands for, by their names. Raises `ValueError` for what no flag can say."""
    found: dict[str, Sequence[str]] = {}
    for name, flags in _flags(settings):
        if any("\0" in flag for flag in flags):
            raise ValueError(f"'{name}' holds a NUL character")
        found[name] = flags
    return found


def _flags(settings: Settings, prefix: str = "") -> Iterator[tuple[str, Sequence[str]]]:
    for name, value in settings.items():
        flag = f"{prefix}{name.replace('_', '-')}"
        match value:
            case dict():
                yield from _flags(value, f"{flag}.")
            case list():
                yield flag, (f"--{flag}", *map(str, value))
            case None:
                continue
            case _:
                yield flag, (f"--{flag}={value}",)
