"""How a command's settings come about: defaults, a recipe, flags on top, and what is adapted to the model."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from abzero.config.config import Config, largest_divisor
from abzero.config.load import checked, draft, renamed
from abzero.config.tree import leaves, names

ConfigT = TypeVar("ConfigT", bound=Config)

DEFAULT, EXPORT, RECIPE, FILE, RUN = "default", "export", "recipe", "file", "run"
FLAG, ADAPTED = "flag", "adapted"
"""Where a value comes from; an export is what a trained model's abzero.json says, a recipe one in the box, a file one
of the user's, a run what its config.json says.
"""

PROMPT = "sampling.max-prompt-tokens"
LONG = 1024
"""Tokens of a prompt that have room for the paper's instructions to a proposer, about 700, and a reference."""

Layer = tuple[str, Sequence[str]]
"""Where flags come from, and the flags."""


@dataclass(frozen=True)
class Resolved(Generic[ConfigT]):
    """A config and how it came about."""

    config: ConfigT
    origins: Mapping[str, str]
    """Where each setting comes from, by its name; one that is not named has its default."""
    notes: tuple[str, ...] = ()
    """What was adapted and why, a sentence each."""

    def adapted(self, values: Mapping[str, object], note: str) -> "Resolved[ConfigT]":
        """With other values for some settings, and the sentence that tells it."""
        origins = {**self.origins, **dict.fromkeys(values, ADAPTED)}
        return Resolved(_with(self.config, values), origins, (*self.notes, note))


def resolved(kind: type[ConfigT], layers: Sequence[Layer], prog: str) -> Resolved[ConfigT]:
    """Put `layers` one over the other, the last on top. Raises `UsageError` where a flag is wrong; exits for --help.

    Where a layer sets the batch size, attempts of a layer below follow it to the next smaller number that divides it.
    """
    values, origins, rank = None, dict[str, str](), dict[str, int]()
    for place, (origin, flags) in enumerate(layers):
        flags = renamed(flags)
        values = draft(kind, flags, prog, values)
        given = set(given_names(flags)) & set(names(values))
        origins |= dict.fromkeys(given, origin)
        rank |= dict.fromkeys(given, place)
    assert values is not None, "there is no layer"
    size, attempts = values.batch_size, values.solve.attempts
    follows = rank.get("solve.attempts", -1) < rank.get("batch-size", -1)
    if not (follows and size >= 1 and attempts >= 1 and size % attempts):
        return Resolved(checked(kind, values), origins)
    fitting = largest_divisor(size, attempts)
    found = Resolved(values, origins).adapted(
        {"solve.attempts": fitting}, f"solve.attempts {fitting}: {attempts} does not divide batch-size {size}"
    )
    return Resolved(checked(kind, found.config), found.origins, found.notes)


def fitted(found: Resolved[ConfigT], positions: int | None) -> Resolved[ConfigT]:
    """Lower the token limits that nobody has set by hand, until prompt and completion fit the model's `positions`.

    Prompts are the compact ones where the paper's have no room.
    """
    config = found.config
    limits = {PROMPT: config.sampling.max_prompt_tokens, "sampling.max-tokens": config.sampling.max_tokens}
    free = [name for name in limits if found.origins.get(name, DEFAULT) in (DEFAULT, EXPORT)]
    room = (positions or 0) - sum(limit for name, limit in limits.items() if name not in free)
    total = sum(limits[name] for name in free)
    if not positions or room >= total or room < len(free) or not free:
        return found
    shares = {name: max(1, room * limits[name] // total) for name in free}
    shares[free[-1]] = room - sum(shares[name] for name in free[:-1])
    told = ", ".join(f"{name} {share} in place of {limits[name]}" for name, share in shares.items())
    found = found.adapted(shares, f"model '{config.model.name}' has {positions} positions, so {told}")
    if shares.get(PROMPT, LONG) >= LONG or found.origins.get("tasks.prompts", DEFAULT) != DEFAULT:
        return found
    return found.adapted({"tasks.prompts": "compact"}, "tasks.prompts compact: the paper's would not fit")


def _with(config: ConfigT, values: Mapping[str, object]) -> ConfigT:
    """`config` with other values for the settings of these names."""
    for name, value in values.items():
        group, _, last = name.replace("-", "_").rpartition(".")
        top: dict[str, Any] = {group: replace(getattr(config, group), **{last: value})} if group else {last: value}
        config = replace(config, **top)
    return config


def as_toml(found: Resolved[ConfigT]) -> str:
    """The whole tree as a recipe, with the origin of each value behind it and what was adapted above."""
    lines = [f"# {note}" for note in found.notes]
    section = ""
    for name, value in sorted(leaves(found.config), key=lambda leaf: leaf[0].count(".") > 0):
        group, _, last = name.rpartition(".")
        if group != section:
            lines += ["", f"[{group}]"]
            section = group
        entry = f"# {last} is not set" if value is None else f"{last} = {_toml(value)}"
        lines.append(f"{entry:<44} # {found.origins.get(name, DEFAULT)}")
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    match value:
        case tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case str() | Path():
            return json.dumps(str(value), ensure_ascii=False)
        case bool():
            return str(value).lower()
        case _:
            return repr(value)


def given_names(flags: Sequence[str]) -> Iterator[str]:
    """The names of the settings that `flags` give, as in ``sampling.max-tokens``."""
    for flag in flags:
        if flag.startswith("--"):
            yield flag.removeprefix("--").partition("=")[0].replace("_", "-")
