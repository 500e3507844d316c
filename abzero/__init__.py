"""Absolute Zero: one model proposes, one model solves, a sandbox verifies. No data.

The public names are loaded when they are first asked for: ``import abzero`` imports nothing heavy. See docs/api.md.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the same names, for type checkers
    from abzero.algo.advantages import trr_pp as trr_pp
    from abzero.algo.credit import Credit as Credit
    from abzero.errors import AbzeroError as AbzeroError
    from abzero.policy.base import Generator as Generator
    from abzero.policy.base import Learner as Learner
    from abzero.policy.scripted import ScriptedGenerator as ScriptedGenerator
    from abzero.policy.scripted import ScriptedLearner as ScriptedLearner
    from abzero.run.journal import JournalReader as JournalReader
    from abzero.run.journal import JournalWriter as JournalWriter
    from abzero.run.train import train as train
    from abzero.sandbox.base import Call as Call
    from abzero.sandbox.base import Outcome as Outcome
    from abzero.sandbox.fake import FakeSandbox as FakeSandbox
    from abzero.sandbox.pool import SandboxPool as SandboxPool
    from abzero.selfplay import SelfPlay as SelfPlay
    from abzero.tasks import Abduction as Abduction
    from abzero.tasks import Deduction as Deduction
    from abzero.tasks import Induction as Induction
    from abzero.tasks import TaskType as TaskType
    from abzero.tasks.buffer import Buffer as Buffer
    from abzero.tasks.prompts import Prompts as Prompts
    from abzero.types import Attempt as Attempt
    from abzero.types import Case as Case
    from abzero.types import Experience as Experience
    from abzero.types import Proposal as Proposal
    from abzero.types import Rollout as Rollout
    from abzero.types import Step as Step
    from abzero.types import Task as Task
    from abzero.views.replay import replay_run as replay_run

__version__ = "0.1.0"

_HOMES = {
    "AbzeroError": "errors",
    "Abduction": "tasks",
    "Attempt": "types",
    "Buffer": "tasks.buffer",
    "Call": "sandbox.base",
    "Case": "types",
    "Credit": "algo.credit",
    "Deduction": "tasks",
    "Experience": "types",
    "FakeSandbox": "sandbox.fake",
    "Generator": "policy.base",
    "Induction": "tasks",
    "JournalReader": "run.journal",
    "JournalWriter": "run.journal",
    "Learner": "policy.base",
    "Outcome": "sandbox.base",
    "Prompts": "tasks.prompts",
    "Proposal": "types",
    "Rollout": "types",
    "SandboxPool": "sandbox.pool",
    "ScriptedGenerator": "policy.scripted",
    "ScriptedLearner": "policy.scripted",
    "SelfPlay": "selfplay",
    "Step": "types",
    "Task": "types",
    "TaskType": "tasks",
    "replay_run": "views.replay",
    "train": "run.train",
    "trr_pp": "algo.advantages",
}
"""The module, below this one, of every public name."""

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'abzero' has no attribute {name!r}")
    found: object = getattr(import_module(f"abzero.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
