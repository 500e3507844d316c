"""Code of the user's that a setting names as ``module:name``: which settings, which file, its bytes, loaded.

Nothing here decides whether it may run: who calls `load` has decided (``cli/trust.py``).
"""

import hashlib
import importlib.abc
import importlib.util
import inspect
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING

from abzero.errors import ConfigError
from abzero.run.files import read_bytes

if TYPE_CHECKING:
    from abzero.config.config import Config

_NAME = r"[^\W\d]\w*"
_REFERENCE = re.compile(rf"({_NAME}(?:\.{_NAME})*):({_NAME})")
_TASK_TYPE = (
    *("mode", "sources", "shares_seeds_with", "needs_reference", "seed"),
    *("propose", "construct", "truth", "ask", "answer", "grade"),
)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a setting, or a flag of a command, may name."""

    setting: str
    what: str
    has: tuple[str, ...] = ()
    """Attributes without which it is none."""
    contract: str = ""
    """The function of `abzero.testing` that tests one."""
    takes: tuple[str, ...] = ()
    """What it is called with, in order, if it is a function."""


TASK_TYPE = Kind("tasks.modes", "a task type", _TASK_TYPE, "check_task_type")
LEARNABILITY = Kind("reward.learnability", "a learnability", ("__call__",), "check_learnability", ("solve_rate",))
BONUS = Kind("reward.bonuses", "a bonus", ("__call__",), "check_bonus", ("offer",))
SOLVER_REWARD = Kind("reward.solver", "a solver reward", ("__call__",), "check_solver_reward", ("score", "well_formed"))
ESTIMATOR = Kind("advantage.estimator", "an estimator", ("__call__",), "check_estimator", ("batch", "weight"))
OBSERVER = Kind("observe.own", "an observer", ("__call__",), "check_observer", ("step",))
BENCHMARK = Kind("suite", "a benchmark", ("problems", "check"), "check_benchmark")


@dataclass(frozen=True, slots=True)
class CodeReference:
    """Code that a setting names."""

    kind: Kind
    module: str
    name: str

    @property
    def text(self) -> str:
        return f"{self.module}:{self.name}"


@dataclass(frozen=True, slots=True)
class CodeFile:
    """The file that a reference means, as it is now."""

    path: Path
    text: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text).hexdigest()


Own = Mapping[str, object]
"""What references mean, by their text; what is not in it was not allowed to be loaded."""


def is_reference(value: str) -> bool:
    """Whether a setting's value names code, well or badly."""
    return ":" in value


def read(kind: Kind, value: str) -> CodeReference:
    """The reference that `value` is. Raises `ConfigError`."""
    if (found := _REFERENCE.fullmatch(value)) and not found[1].endswith(".py"):
        return CodeReference(kind, found[1], found[2])
    raise ConfigError(
        f"{kind.setting} '{value}' names no code: write the module without .py, a colon, and the name of {kind.what} "
        f"in it, such as --{kind.setting} mine:Name for a file mine.py"
    )


def bonus(value: str) -> tuple[CodeReference, float]:
    """A bonus of the user's and its coefficient. Raises `ConfigError`."""
    named, _, coefficient = value.partition("=")
    try:
        return read(BONUS, named), float(coefficient)
    except ValueError as error:
        raise ConfigError(
            f"{BONUS.setting} '{value}': give it a coefficient, such as --{BONUS.setting} {named}=0.5"
        ) from error


def references(config: "Config") -> list[CodeReference]:
    """All code that the settings of `config` name. Raises `ConfigError` for what is no reference."""
    return list(_references(config))


def _references(config: "Config") -> Iterator[CodeReference]:
    for mode in config.tasks.modes:
        if is_reference(mode):
            yield read(TASK_TYPE, mode)
    for kind, value in (
        (LEARNABILITY, config.reward.learnability),
        (SOLVER_REWARD, config.reward.solver),
        (ESTIMATOR, config.advantage.estimator),
    ):
        if is_reference(value):
            yield read(kind, value)
    for value in config.reward.bonuses:
        yield bonus(value)[0]
    for value in config.observe.own:
        yield read(OBSERVER, value)


def find(reference: CodeReference, folders: Sequence[Path]) -> CodeFile:
    """The file that `reference` means: one in `folders`, the first that has it, or of what is installed.

    Nothing is imported. Raises `ConfigError`.
    """
    *above, last = reference.module.split(".")
    beside = [path for folder in folders for path in _candidates(folder.joinpath(*above), last)]
    path = next((path for path in beside if path.is_file()), None) or _installed(reference.module)
    if path is None:
        places = ", ".join(f"'{folder}'" for folder in dict.fromkeys(map(str, folders)))
        raise ConfigError(
            f"{reference.kind.setting} '{reference.text}': there is no module '{reference.module}': put "
            f"{last}.py into {places or 'this folder'}, or install it"
        )
    return at(path)


def at(path: Path) -> CodeFile:
    """The file at `path`, as it is now. Raises `RunError`."""
    path = path.resolve()
    return CodeFile(path, read_bytes(path))


def _candidates(folder: Path, last: str) -> tuple[Path, Path]:
    return folder / f"{last}.py", folder / last / "__init__.py"


def _installed(module: str) -> Path | None:
    """The source of an installed module, found without importing the packages above it."""
    parts = module.split(".")
    places: Sequence[str] | None = None
    for count in range(1, len(parts) + 1):
        name = ".".join(parts[:count])
        finders = (finder for finder in sys.meta_path if hasattr(finder, "find_spec"))
        spec = next((found for finder in finders if (found := finder.find_spec(name, places))), None)
        if spec is None:
            return None
        places = list(spec.submodule_search_locations or ())
    assert spec is not None, "a module has a part"
    return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None


def load(reference: CodeReference, source: CodeFile) -> object:
    """Run `source`, and take what `reference` names. Raises `ConfigError` if it fails, or has no such name."""
    place = f"{reference.kind.setting} '{reference.text}'"
    found: object = getattr(_module(reference.module, source, place), reference.name, None)
    if found is None:
        raise ConfigError(f"{place}: '{source.path}' defines no '{reference.name}': name something that it has")
    if reference.kind.takes and not isinstance(found, type):
        fit(reference.kind, found, reference.text)
    return found


def fit(kind: Kind, made: object, text: str) -> None:
    """Raise `ConfigError` if `made`, which `text` names, is not of this kind."""
    lacking = [name for name in kind.has if not hasattr(made, name)]
    if lacking and kind.takes:
        fault = "cannot be called"
    elif lacking:
        fault = f"lacks {', '.join(lacking)}"
    elif kind.takes and not _accepts(made, kind.takes):
        fault = f"does not take ({', '.join(kind.takes)})"
    else:
        return
    raise ConfigError(
        f"{kind.setting} '{text}' is not {kind.what}: it {fault}; docs/extending.md says what one has, and "
        f"abzero.testing.{kind.contract} tests it"
    )


def made(kind: Kind, make: object, text: str, *arguments: object, **optional: object) -> object:
    """What the class or function `make`, which `text` names, makes of `arguments`, and of those of `optional` that it
    takes by name. Raises `ConfigError` if it takes others.
    """
    if not callable(make) or not _accepts(make, arguments):
        given = ", ".join(type(argument).__name__ for argument in arguments) or "nothing"
        raise ConfigError(f"{kind.setting} '{text}' is not {kind.what}: name a class or function that is given {given}")
    taken = inspect.signature(make).parameters
    found: object = make(*arguments, **{name: value for name, value in optional.items() if name in taken})
    fit(kind, found, text)
    return found


def _accepts(function: object, arguments: Sequence[object]) -> bool:
    try:
        inspect.signature(function).bind(*arguments)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return True


def _module(name: str, source: CodeFile, place: str) -> ModuleType:
    """The module of `source`, run once in a process; the folder that it is in is searched last for what it imports."""
    if known := sys.modules.get(name):
        loader, file = getattr(known, "__loader__", None), getattr(known, "__file__", None)
        if loader.source == source if isinstance(loader, _Bytes) else file and Path(file).resolve() == source.path:
            return known
        raise ConfigError(f"{place}: a module '{name}' is in use already: give the file '{source.path}' another name")
    spec = importlib.util.spec_from_loader(name, _Bytes(source), origin=str(source.path))
    assert spec is not None, "it has a loader"
    module = importlib.util.module_from_spec(spec)
    module.__file__ = str(source.path)
    folder = str(source.path.parent.absolute())
    if folder not in sys.path:
        sys.path.append(folder)
    sys.modules[name] = module
    try:
        _Bytes(source).exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ConfigError(f"{place}: '{source.path}' cannot be imported: {type(error).__name__}: {error}") from error
    return module


class _Bytes(importlib.abc.InspectLoader):
    """Loads the bytes that were hashed: not what stands in the file a moment later, nor compiled files beside it."""

    def __init__(self, source: CodeFile) -> None:
        self.source = source

    def get_source(self, fullname: str) -> str:
        return importlib.util.decode_source(self.source.text)

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.source.text, str(self.source.path))
