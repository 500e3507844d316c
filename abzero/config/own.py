"""Objects out of the user's code that settings name, each checked to be of its kind."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import MappingProxyType
from typing import Any, cast

from abzero.algo.rewards import BONUSES, Bonus
from abzero.config import named
from abzero.config.named import CodeReference, Kind, Own
from abzero.config.schema import Tasks
from abzero.errors import ConfigError
from abzero.evals.base import Benchmark
from abzero.run.directory import RunFolder
from abzero.run.train import Observer
from abzero.tasks import TaskType
from abzero.tasks.base import Same
from abzero.tasks.prompts import Prompts

NONE: Own = MappingProxyType({})
"""No code of the user's."""


def task_type(reference: CodeReference, own: Own, tasks: Tasks, prompts: Prompts, equal: Same) -> TaskType:
    optional = {
        "max_output": tasks.max_output,
        "same": equal,
        "redundant_steps": tasks.redundant_steps,
        "strip_comments": tasks.strip_comments,
    }
    made = named.made(reference.kind, loaded(reference, own), reference.text, prompts, **optional)
    return cast(TaskType, made)


def loaded(reference: CodeReference, own: Own) -> object:
    """What `reference` means. Raises `ConfigError` where nobody allowed it to be loaded."""
    if reference.text not in own:
        raise ConfigError(f"{reference.kind.setting} '{reference.text}' is code, and this command runs none of a run's")
    return own[reference.text]


def function(kind: Kind, value: str, own: Own) -> Callable[..., Any]:
    """The function that `value` names."""
    found = loaded(named.read(kind, value), own)
    named.fit(kind, found, value)
    return cast(Callable[..., Any], found)


def bonus(value: str, own: Own) -> tuple[Bonus, float]:
    reference, coefficient = named.bonus(value)
    if reference.name in BONUSES:
        raise ConfigError(f"reward.bonuses '{value}' is called as one in the box: give it another name")
    value_of = function(named.BONUS, reference.text, own)
    return Bonus(reference.name, value_of, str(value_of.__doc__)), coefficient


def observer(reference: CodeReference, folder: RunFolder, own: Own) -> AbstractContextManager[Observer]:
    """A function of a step; of a class, what it makes of the run's folder, which is closed if it can be."""
    found = loaded(reference, own)
    if not isinstance(found, type):
        return nullcontext(cast(Observer, function(reference.kind, reference.text, own)))
    made = named.made(reference.kind, found, reference.text, folder.path)
    observe = cast(Observer, made)
    return _closing(observe, made.close) if hasattr(made, "close") else nullcontext(observe)


@contextmanager
def _closing(observe: Observer, close: Callable[[], None]) -> Iterator[Observer]:
    try:
        yield observe
    finally:
        close()


def benchmark(reference: CodeReference, own: Own, seed: int, n: int) -> Benchmark:
    """A benchmark of the user's: an object, or what a class or function makes of `seed` and `n`, as it takes them."""
    found = loaded(reference, own)
    if isinstance(found, type) or not hasattr(found, "problems"):
        return cast(Benchmark, named.made(reference.kind, found, reference.text, seed=seed, n=n))
    named.fit(reference.kind, found, reference.text)
    return cast(Benchmark, found)
