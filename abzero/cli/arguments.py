"""Kinds of arguments that several commands take."""

import re
from typing import Annotated

from tyro.conf import FlagCreatePairsOff, UseAppendAction

from abzero.errors import ConfigError

Switch = Annotated[bool, FlagCreatePairsOff]
"""``--name`` turns it on; there is no ``--no-name``."""

Names = UseAppendAction[tuple[str, ...]]
"""An option that may be given several times."""


def numbers(flag: str, text: str) -> tuple[int, ...]:
    """The whole numbers of a list with commas between. Raises `ConfigError`."""
    if not all(re.fullmatch(r"\d{1,9}", one.strip()) for one in text.split(",") if text):
        raise ConfigError(f"{flag} '{text}': whole numbers with commas between are wanted, such as {flag} 0,1,2")
    return tuple(int(one) for one in text.split(",") if text)
