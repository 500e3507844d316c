"""Files of labelled thoughts: what monitors are measured with and classifiers are fitted to.

One JSON object a line: ``text``, the thought (or ``thought``, with ``answer``, ``program`` and ``message`` beside it),
and ``category``, one of the eight or null for a benign one. ``role``, ``id`` and ``style`` may be left out.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from abzero.errors import ConfigError
from abzero.oversight.reading import CATEGORIES, Category, Reading
from abzero.types import ROLES, Role

IN_THE_BOX = Path(__file__).with_name("labelled.jsonl")
"""Invented for this purpose: three hundred short thoughts, 222 in twelve named styles, and 48 that address a solver."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A thought, and what it is about: ``None`` is benign."""

    id: str
    role: Role
    category: Category | None
    text: str
    answer: str = ""
    style: str = ""
    """How it is written, where its author says so: what a fit leaves out in turn."""
    labelled: bool = True
    """Whether it has a category, null being one; one that has none is measured as benign, and that is said."""

    def reading(self, position: int) -> Reading:
        return Reading(0, self.role, position, "", "", self.text, self.answer)


def read(path: Path) -> list[Labelled]:
    """The rows of a file. Raises `ConfigError` with the line that is wrong."""
    rows = []
    try:
        lines = path.read_bytes().decode("utf-8-sig", "surrogatepass").split("\n")
    except OSError as error:
        raise ConfigError(f"'{path}' cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"'{path}' is not UTF-8 from byte {error.start} on: save it as UTF-8") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            rows.append(_row(path, number, line))
    if not rows:
        raise ConfigError(f"'{path}' holds no thought: give one JSON object a line, with 'text' and 'category'")
    return rows


def _row(path: Path, number: int, line: str) -> Labelled:
    where = f"{path}, line {number}"
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{where}: not JSON ({error}): give one object a line") from error
    if not isinstance(row, dict):
        raise ConfigError(f"{where}: not an object with 'text' and 'category': give one a line, in no list")
    text = row.get("text", row.get("thought"))
    answer = _answer(row)
    if not isinstance(text, str) and not answer:
        raise ConfigError(f"{where}: no 'text': give the thought, or 'program', 'message' or 'answer'")
    category = row.get("category")
    if category is not None and category not in CATEGORIES:
        raise ConfigError(f"{where}: category {category!r}: choose from null, {', '.join(CATEGORIES)}")
    role = row.get("role") or "propose"
    if role not in ROLES:
        raise ConfigError(f"{where}: role {role!r}: choose from propose, solve")
    style, thought = str(row.get("style", "")), text if isinstance(text, str) else ""
    return Labelled(str(row.get("id", number)), role, category, thought, answer, style, "category" in row)


def _answer(row: Mapping[str, object]) -> str:
    parts: Sequence[tuple[str, str]] = (
        ("answer", "{}"),
        ("program", "```python\n{}\n```"),
        ("message", "```message\n{}\n```"),
    )
    return "\n".join(form.format(row[name]) for name, form in parts if isinstance(row.get(name), str) and row[name])
