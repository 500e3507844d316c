"""A tree of settings as names and values."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass


def names(settings: object, prefix: str = "") -> Iterator[str]:
    """The names of all settings of a tree, as flags have them."""
    for name, _ in leaves(settings, prefix):
        yield name


def leaves(settings: object, prefix: str = "") -> Iterator[tuple[str, object]]:
    """All settings of a tree, by the names that flags have."""
    for field in fields(settings):  # type: ignore[arg-type]
        name, value = f"{prefix}{field.name.replace('_', '-')}", getattr(settings, field.name)
        if is_dataclass(value):
            yield from leaves(value, f"{name}.")
        else:
            yield name, value


def shown(value: object) -> str:
    """A setting's value as it is written on a command line."""
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
