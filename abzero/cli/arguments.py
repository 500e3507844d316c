"""Kinds of arguments that several commands take."""

import difflib
import itertools
from collections.abc import Callable, Sequence
from typing import Annotated

from tyro.conf import FlagCreatePairsOff, UseAppendAction

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
