"""Kinds of arguments that several commands take."""

import difflib
import itertools
import re
from collections.abc import Callable, Sequence
from typing import Annotated

from tyro.conf import FlagCreatePairsOff, UseAppendAction

from abzero.errors import ConfigError

Switch = Annotated[bool, FlagCreatePairsOff]
"""``--name`` turns it on; there is no ``--no-name``."""

Names = UseAppendAction[tuple[str, ...]]
"""An option that may be given several times."""


def wrong_flag(command: Callable[..., int], arguments: Sequence[str], prog: str) -> str:
    """What to say of the first flag that a described `command` does not take; '' if it takes them all."""
    flags = itertools.takewhile(lambda one: one != "--", arguments)
    given = [one.partition("=")[0].replace("_", "-") for one in flags if one.startswith("--")]
    takes = {
        "--help",
        *(flag for name, hint in command.__annotations__.items() if name != "return" for flag in _flags(name, hint)),
    }
    for flag in given:
        if flag not in takes:
            near = difflib.get_close_matches(flag, sorted(takes), 1)
            remedy = f"did you mean {near[0]}?" if near else f"abzero {prog} --help lists all"
            return f"{prog} has no flag {flag}: {remedy}"
    return ""


def _flags(name: str, hint: object) -> list[str]:
    """The flags of an argument: by its own name, or by the one that it is given for the parser."""
    called = [note.name for note in getattr(hint, "__metadata__", ()) if getattr(note, "name", None)] or [name]
    return [f"--{off}{one.replace('_', '-')}" for one in called for off in ("", "no-")]


def numbers(flag: str, text: str) -> tuple[int, ...]:
    """The whole numbers of a list with commas between. Raises `ConfigError`."""
    if not all(re.fullmatch(r"\d{1,9}", one.strip()) for one in text.split(",") if text):
        raise ConfigError(f"{flag} '{text}': whole numbers with commas between are wanted, such as {flag} 0,1,2")
    return tuple(int(one) for one in text.split(",") if text)
