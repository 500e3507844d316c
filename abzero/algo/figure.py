"""What is said of one logged number wherever it is shown."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One logged number."""

    name: str
    """As it is logged; ``{mode}`` stands for a task type's."""
    label: str
    """What tables and charts call it."""
    doc: str
    watch: str = ""
    """What to look for."""
    share: bool = False
    """Whether it is a share in [0, 1]."""

    @property
    def prefix(self) -> str:
        """The name without its mode."""
        return self.name.removesuffix("{mode}")

    @property
    def pattern(self) -> str:
        """A regular expression of the name, whose group is the mode."""
        return self.name.replace("{mode}", "(.+)")
