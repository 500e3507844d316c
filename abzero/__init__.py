"""Absolute Zero: one model proposes, one model solves, a sandbox verifies. No data.

The public names are loaded when they are first asked for: ``import abzero`` imports nothing heavy. See docs/api.md.
"""

from importlib import import_module

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
