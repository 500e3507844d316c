"""What is wrong with settings that somebody wrote in a file: the name, its line, the value, and what was meant."""

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

from abzero.config.config import Config
from abzero.config.flags import nearest
from abzero.config.load import RENAMED, draft
from abzero.config.tree import leaves, shown
from abzero.errors import ConfigError, UsageError

ConfigT = TypeVar("ConfigT", bound=Config)


def check_flags(kind: type[ConfigT], flags: Mapping[str, Sequence[str]], source: str, text: str = "") -> None:
    """Raise `ConfigError` for the first of `flags`, by name, that is no setting, or whose value it cannot have.

    `text` is that of the file `source`; where the name stands in it, the error names the line.
    """
    known = dict(leaves(Config()))
    for name in flags:
        if RENAMED.get(name, name) not in known:
            meant = nearest(name, known)
            remedy = f"did you mean {meant}?" if meant else "abzero train --print-config lists them all"
            raise ConfigError(f"{_place(source, text, name)}: there is no setting '{name}': {remedy}")
    if _takes(kind, [flag for given in flags.values() for flag in given]):
        return
    for name, given in flags.items():
        if not _takes(kind, given):
            value = " ".join(given).partition("=")[2] or " ".join(given[1:])
            example = shown(known[RENAMED.get(name, name)])
            raise ConfigError(f"{_place(source, text, name)}: '{name}' cannot be '{value}': give it such as {example}")
    raise ConfigError(f"{source}: these settings do not go together")


def _takes(kind: type[ConfigT], flags: Sequence[str]) -> bool:
    today = [_by_new_name(flag) for flag in flags]
    try:
        draft(kind, today, "abzero")
    except UsageError:
        return False
    return True


def _by_new_name(flag: str) -> str:
    name, equals, value = flag.partition("=")
    renamed = RENAMED.get(name.removeprefix("--")) if name.startswith("--") else None
    return f"--{renamed}{equals}{value}" if renamed else flag


def _place(source: str, text: str, name: str) -> str:
    """`source`, with the line of the setting `name` if it can be told."""
    group, _, last = name.rpartition(".")
    section = ""
    for number, line in enumerate(text.split("\n"), 1):
        if header := re.match(r"\s*\[\s*([^\]]+?)\s*\]", line):
            section = header[1]
        found = re.match(r"\s*\"?([\w.-]+)\"?\s*=", line)
        if found and f"{section}.{found[1]}".strip(".").replace("_", "-") == name:
            return f"{source}, line {number}"
        if found and not section and group and found[1] == group and last in line.replace("_", "-"):
            return f"{source}, line {number}"
    return source
