"""What a sandbox needs of its machine and its user, checked before anything starts. No processes here."""

import os
import resource
import sys

from abzero.errors import ConfigError
from abzero.python import literals
from abzero.sandbox.child.limits import Limits

_DIGITS = 4300
"""Of the longest integer among values."""
_LONGEST = 3600.0
_MOST_MEMORY = 1 << 46
_ISOLATED_EACH = 8
"""Calls isolated at once for each worker: no processor waits for the trainer, and a burst of forks costs less."""
_DESCRIPTORS, _DESCRIPTORS_EACH = 24, 3
"""For zygotes and their like, and for each child."""


def isolated_at_once(limits: Limits, workers: int) -> int:
    """How many calls may be isolated at once: one for each worker at least, and no more than half the machine's memory
    has room for if all take what they may, nor than there are descriptors for. Raises `ConfigError` where `limits` or
    the process's own make no sense.
    """
    _check(limits)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    descriptors = (_free_descriptors() - _DESCRIPTORS) // _DESCRIPTORS_EACH
    if descriptors < workers:
        wanted = _DESCRIPTORS + _DESCRIPTORS_EACH * _ISOLATED_EACH * workers
        raise ConfigError(
            f"a sandbox of {workers} workers needs some {wanted} more file descriptors, and this process may open only"
            f" {_free_descriptors()}: raise the limit (ulimit -n {1024 + wanted}), or take fewer workers"
            " (--sandbox.workers 1)"
        )
    return max(workers, min(_ISOLATED_EACH * workers, memory // 2 // limits.memory_bytes, descriptors))


def _check(limits: Limits) -> None:
    if not 0 < limits.cpu_seconds <= _LONGEST:
        raise ConfigError(
            f"cpu_seconds must be more than 0 and at most {_LONGEST:.0f}, not {limits.cpu_seconds}:"
            " --sandbox.cpu-seconds 0.5"
        )
    if not 0 < limits.memory_bytes <= _MOST_MEMORY:
        raise ConfigError(
            f"memory_bytes must be more than 0 and at most 2**46, not {limits.memory_bytes}: 512 MiB is usual"
        )
    if limits.value_characters > literals.MAX_CHARACTERS:
        raise ConfigError(f"value_characters must be at most {literals.MAX_CHARACTERS}, not {limits.value_characters}")
    if 0 < sys.get_int_max_str_digits() < _DIGITS:
        raise ConfigError(
            f"Python is told to read integers of at most {sys.get_int_max_str_digits()} digits (PYTHONINTMAXSTRDIGITS"
            f" or -X int_max_str_digits), values have up to {_DIGITS}: unset PYTHONINTMAXSTRDIGITS"
        )


def _free_descriptors() -> int:
    """How many more files this process may open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return sys.maxsize
    try:
        taken = len(os.listdir("/dev/fd"))
    except OSError:
        taken = 0
    return max(0, soft - taken)
