"""What the loop asks of the language that tasks are written in, in one record."""

from collections.abc import Callable
from dataclasses import dataclass

from abzero.python import analysis


@dataclass(frozen=True, slots=True)
class Language:
    """How programs of one language are compared and measured. Another language is another of these."""

    name: str
    """As syntax highlighters and fenced code blocks call it."""
    normal_form: Callable[[str], str]
    """A program's text, equal for programs that differ only in layout, comments and local names."""
    complexity: Callable[[str], float]
    """Cyclomatic complexity: decisions plus one."""
    distance: Callable[[str, str], float]
    """1 - the similarity of two programs, in [0, 1]."""


PYTHON = Language("python", analysis.normal_form, analysis.complexity, analysis.distance)
