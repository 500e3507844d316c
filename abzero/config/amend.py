"""A run's recorded settings with flags on top: what may be changed when it goes on, and what not even in a fork."""

from collections.abc import Iterator, Sequence
from dataclasses import is_dataclass
from typing import Any, TypeVar, get_args, get_type_hints

from abzero.config import backends
from abzero.config.config import Config
from abzero.config.load import json_flags
from abzero.config.resolve import FLAG, RUN, Resolved, resolved
from abzero.config.schema import WEIGHTS, Fixed
from abzero.config.tree import leaves, shown
from abzero.errors import ConfigError

ConfigT = TypeVar("ConfigT", bound=Config)

NARROWER = Fixed(
    "no step may round its weights; begin a run with them: abzero export RUN FOLDER, then abzero train --model.name "
    "FOLDER --model.dtype bfloat16",
    in_forks=True,
)
"""Why weights do not become narrower (docs/decisions/069)."""


def resumed(kind: type[ConfigT], recorded: str, flags: Sequence[str], prog: str) -> Resolved[ConfigT]:
    """The settings of config.json, `recorded`, with `flags` on top. Raises `ConfigError` for one that is fixed."""
    found = _over(kind, recorded, flags, prog)
    if refused := _refused(recorded, found.config, prog):
        news = {name: shown(values[1]) for name, values, rule in refused if not rule.in_forks}
        flags = [f"--{name} {value}" for name, value in ({"run": "NEW"} | news).items()]
        remedy = f"; a new run may go on from here so: abzero fork RUN {' '.join(flags)}" if news else ""
        raise ConfigError("; ".join(_told(*one) for one in refused) + remedy)
    return found


def forked(kind: type[ConfigT], recorded: str, flags: Sequence[str], prog: str) -> Resolved[ConfigT]:
    """As `resumed`, for a new run from a checkpoint: only what that depends on is fixed."""
    found = _over(kind, recorded, flags, prog)
    refused = [one for one in _refused(recorded, found.config, prog) if one[2].in_forks]
    if refused:
        raise ConfigError("; ".join(_told(*one) for one in refused))
    return found


def fixed(settings: object, prefix: str = "", rule: Fixed | None = None) -> Iterator[tuple[str, Fixed]]:
    """The settings that a resume may not change, by name, each with its rule or its group's."""
    for name, hint in get_type_hints(type(settings), include_extras=True).items():
        own = next((note for note in get_args(hint)[1:] if isinstance(note, Fixed)), rule)
        value, name = getattr(settings, name), f"{prefix}{name.replace('_', '-')}"
        if is_dataclass(value):
            yield from fixed(value, f"{name}.", own)
        elif own:
            yield name, own


def _over(kind: type[ConfigT], recorded: str, flags: Sequence[str], prog: str) -> Resolved[ConfigT]:
    return resolved(kind, [(RUN, json_flags(recorded)), (FLAG, flags)], prog)


def _refused(recorded: str, config: Config, prog: str) -> list[tuple[str, tuple[Any, Any], Fixed]]:
    """The fixed settings that differ from what was recorded: name, both values, rule."""
    before = resolved(Config, [(RUN, json_flags(recorded))], prog).config
    was, now, rules = dict(leaves(before)), dict(leaves(config)), dict(fixed(config))
    if (backends.chosen(before).memory is None) != (backends.chosen(config).memory is None):
        rules["model.engine"] = WEIGHTS
    if (before.model.dtype, config.model.dtype) == ("float32", "bfloat16"):
        rules["model.dtype"] = NARROWER
    return [(name, (was[name], now[name]), rule) for name, rule in rules.items() if was.get(name) != now.get(name)]


def _told(name: str, values: tuple[Any, Any], rule: Fixed) -> str:
    return f"{name} {shown(values[1])}: this run has {shown(values[0])}, and keeps it, since {rule.why}"
