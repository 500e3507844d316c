"""Where a completion's thought ends: one answer for the parser, the monitors, the figures and whoever shows it."""

import re

CLOSING = r"(?i:<[ \t]*+/[ \t]*+think[ \t]*+>)"
"""The tag that ends a thought: in capitals or with spaces it is one, too."""
_CLOSING = re.compile(CLOSING)


def parted(completion: str) -> tuple[str, str | None]:
    """The thought, and what follows the first tag that closes it; all and ``None`` where none does."""
    tag = _CLOSING.search(completion)
    return (completion[: tag.start()], completion[tag.end() :]) if tag else (completion, None)
