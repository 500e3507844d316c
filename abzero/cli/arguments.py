"""Kinds of arguments that several commands take."""

from typing import Annotated

from tyro.conf import FlagCreatePairsOff, UseAppendAction

Switch = Annotated[bool, FlagCreatePairsOff]
"""``--name`` turns it on; there is no ``--no-name``."""

Names = UseAppendAction[tuple[str, ...]]
"""An option that may be given several times."""
