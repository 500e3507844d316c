"""Task types, one file each. A new one is a file here and a line in `TYPES`."""

from abzero.tasks.abduction import Abduction
from abzero.tasks.base import TaskType
from abzero.tasks.deduction import Deduction
from abzero.tasks.induction import Induction

TYPES = (Abduction, Deduction, Induction)
"""In the order in which a step treats them (Algorithm 1)."""

__all__ = ["TYPES", "Abduction", "Deduction", "Induction", "TaskType"]
