"""What can go wrong, as an outline.

AbzeroError
├── ConfigError          the user's: names the setting, the value and the remedy
│   └── UsageError       a command's arguments are not what it takes
├── RunError             a run's folder, checkpoint or journal is not what it should be
├── SandboxError         ours: the sandbox cannot be trusted or does not answer
│   └── IsolationError   this machine lacks what the isolation level needs
├── BackendError         a model's backend is missing, dead, or not what it claims to be
├── Halt                 an observer asks the run to stop, in words
│   └── Pause            it waits for a person
└── ModelError           the model's: data, becomes a reward
    ├── Malformed        the completion does not have the shape that was asked for
    ├── Rejected         the shape is right, but the task or the answer does not hold
    ├── Unsteady         the task's own program gave another value when it was run again: it is no task
    └── Unforeseen       a check raised something else over what the model wrote: ours to mend, nobody's reward
"""


class AbzeroError(Exception):
    """Root of everything that this package raises on purpose."""


class ConfigError(AbzeroError):
    """A setting is wrong: the message names it, its value and the remedy."""


class UsageError(ConfigError):
    """A command's arguments are not what it takes: an unknown flag, a value of another kind, a word too few."""


class RunError(AbzeroError):
    """A run's folder, checkpoint or journal is missing, damaged or in the way."""


class SandboxError(AbzeroError):
    """The sandbox failed for a reason of its own; never becomes a reward."""


class IsolationError(SandboxError):
    """This machine lacks a feature that the isolation level needs."""


class BackendError(AbzeroError):
    """A model's backend is missing, dead, stale or of another version."""


class Halt(AbzeroError):
    """Raised by an observer to end a run after the current step; the message says why."""


class Pause(Halt):
    """Raised by an observer to end a run after the current step until a person has decided about it."""


class ModelError(AbzeroError):
    """What the model wrote is no good. Data: it becomes a reward."""


class Malformed(ModelError):
    """The completion does not have the shape that was asked for."""


class Rejected(ModelError):
    """The shape is right, but the task or the answer does not hold."""


class Unsteady(ModelError):
    """The task's own program gave different values while an answer was graded: the answer is not right, and the task no
    task.
    """


class Unforeseen(ModelError):
    """A check raised something else than `ModelError` over what a model wrote: a fault of ours. The rollout is neither
    rewarded nor learned from.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(f"a fault of ours: {type(error).__name__}: {str(error)[:200]}")
        self.name = type(error).__name__
