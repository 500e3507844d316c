"""Where a completion's thought ends: one answer for the parser, the monitors, the figures and whoever shows it."""

from abzero.text.tags import THINK_CLOSES


def parted(completion: str) -> tuple[str, str | None]:
    """The thought, and what follows the first tag that closes it; all and ``None`` where none does."""
    tag = THINK_CLOSES.search(completion)
    return (completion[: tag.start()], completion[tag.end() :]) if tag else (completion, None)
