"""What a program finds around itself: of each module its public names, and of the machine and this interpreter nothing.

A program must not see what a plain interpreter would not show it, nor be told a falsehood that it can take for an
answer. So whatever leads from an allowed module to another, to the library's namespaces, to a file or to a clock ends
the run: it is noted where the program cannot take it back, and raised. That is hygiene, not a wall; the walls are the
kernel's. Standard library only.
"""

import _sitebuiltins
import builtins
import ctypes
import sys
import time
from collections.abc import Callable, Collection
from opcode import opmap
from types import FrameType, ModuleType
from typing import Any, NoReturn

from abzero.sandbox.child.guards import Known, Refuse, guard, refuser, space_of_frame

_DUNDERS = ("__name__", "__doc__", "__package__", "__version__", "__author__")
_COUNTING = frozenset({"get_cache_token"})
"""Public, but about what happens to be loaded."""
_CLOCKS = (
    "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns process_time process_time_ns thread_time"
    " thread_time_ns clock_gettime clock_gettime_ns clock_getres get_clock_info sleep localtime gmtime ctime asctime"
    " strftime"
)
_USES = ("__getattribute__", "__call__", "__repr__", "__str__", "__eq__", "__hash__", "__bool__", "__dir__")
_CONSTANTS = (int, float, complex, str, bytes, tuple, type(None))
_ELSEWHERE = (
    "prefix exec_prefix base_prefix base_exec_prefix executable _base_executable pycache_prefix orig_argv _git"
    " _framework platlibdir _stdlib_dir"
)
_FLAGS = {"no_site": 0, "no_user_site": 0, "safe_path": False, "isolated": 0, "ignore_environment": 0}
"""Where this interpreter was started unlike a plain one."""
_SAID_OF_MODULES = frozenset({"__name__", "__qualname__", "__instancecheck__", "__subclasscheck__"})
"""What their class tells of itself, as in a plain interpreter."""
_STAR = bytes((opmap["IMPORT_STAR"], 0) if "IMPORT_STAR" in opmap else (opmap["CALL_INTRINSIC_1"], 2))
"""The instruction by which ``from module import *`` takes a module's namespace."""
_FROM = opmap["IMPORT_FROM"]
_KINDS = {"__loader__": "type", "__spec__": "ModuleSpec", "help": "_Helper"}
_KINDS |= dict.fromkeys(("copyright", "credits", "license"), "_Printer")
"""Builtins that a program may name and no more, and of what class they are."""
_ITEMS = 24
"""Where a tuple's items begin, and those of what is made like one."""


def gated(imports: Collection[str], refused: list[str]) -> dict[str, object]:
    """The builtins of programs that may import `imports` and no more; hides what these lead to, for good."""
    refuse = refuser(refused)
    gate = _gate(views_of(imports, refuse), refuse)
    _stop_clocks(refuse)
    guard(Known(), refuse)
    ours: dict[str, object] = {"__import__": gate, "open": _no_files(refuse)}
    for name, function in ours.items():
        _look_like(function, getattr(builtins, name))
    ours |= {name: _sitebuiltins.Quitter(name, "Ctrl-D (i.e. EOF)") for name in ("exit", "quit")}
    for name, kind in _KINDS.items():
        ours[name] = _hidden(name, kind, refuse)
    return {**vars(builtins), **ours}


def _look_like(function: object, original: object) -> None:
    for name in ("__name__", "__qualname__", "__module__", "__doc__", "__text_signature__"):
        setattr(function, name, getattr(original, name, None))


def _gate(views: dict[str, ModuleType], refuse: Refuse) -> Callable[..., object]:
    """``__import__`` for a program."""
    standard = sys.stdlib_module_names

    def gate(name: str, globals=None, locals=None, fromlist=(), level=0):  # type: ignore[no-untyped-def]
        if type(name) is str and level == 0:
            if name in views:
                return views[name if fromlist else name.partition(".")[0]]
            if name.partition(".")[0] in standard or name == "__main__":
                refuse(f"import of {name}")
        elif type(name) is str:
            raise ImportError("attempted relative import with no known parent package")
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    return gate


def views_of(imports: Collection[str], refuse: Refuse) -> dict[str, ModuleType]:
    """What programs get for the modules `imports`, and for the public ones inside them."""
    kind = _view_kind(refuse)
    views: dict[str, ModuleType] = {}

    def view(real: ModuleType) -> ModuleType:
        name = real.__name__
        if name not in views:
            shown = views[name] = kind(name)
            space = vars(shown)
            space.clear()
            space |= {key: vars(real)[key] for key in _DUNDERS if key in vars(real)}
            for key in _public(real):
                value = getattr(real, key)
                space[key] = view(value) if isinstance(value, ModuleType) else kind if value is ModuleType else value
            if "__all__" in vars(real):
                space["__all__"] = list(real.__all__)
        return views[name]

    for name in sorted(imports):
        if isinstance(real := sys.modules.get(name), ModuleType):
            views[name] = view(real)
    return views


def _public(real: ModuleType) -> list[str]:
    """The names of `real` that are its own to give."""
    listed = getattr(real, "__all__", None)
    native = not (getattr(real, "__file__", None) or "").endswith(".py")
    own = (real.__name__, f"_{real.__name__}")
    found = []
    for key in {*vars(real), *(listed or ())}:
        value = getattr(real, key)
        if key.startswith("_") and key not in (listed or ()):
            if key.endswith("__") and callable(value) and getattr(value, "__module__", None) in own:
                found.append(key)  # operator.__add__
            continue
        if isinstance(value, ModuleType):
            public = value.__name__ == f"{real.__name__}.{key}" or value.__name__ == "collections.abc"
        else:
            public = listed is not None and key in listed
            public = public or getattr(value, "__module__", None) in own
            public = public or (listed is None and native) or isinstance(value, _CONSTANTS)
        if public and key not in _COUNTING:
            found.append(key)
    return sorted(found)


def _view_kind(refuse: Refuse) -> type[ModuleType]:
    """The class of what programs take for modules; whoever asks it for more than its name ends the run."""
    plain, present, modules, kind = ModuleType.__getattribute__, hasattr, dict(sys.modules), ModuleType

    def missing(self: ModuleType, name: str) -> object:
        own = plain(self, "__name__")
        if not present(modules.get(own), name) or _interpreter_asks(sys._getframe(1), name):
            raise AttributeError(f"module {own!r} has no attribute {name!r}")
        refuse(f"{own}.{name}")

    def names(self: ModuleType) -> NoReturn:
        refuse("the names in a module")

    def text(self: ModuleType) -> NoReturn:
        refuse("where a module lies")

    def namespace(self: ModuleType) -> dict[str, Any]:
        frame = sys._getframe(1)
        if space_of_frame(frame) is here or frame.f_code.co_code[frame.f_lasti :][:2] == _STAR:
            return original.__get__(self)  # type: ignore[no-any-return]
        return refuse("a module's namespace")

    def of_class(cls: type, name: str) -> object:
        if name == "__module__":
            return "builtins"
        if name not in _SAID_OF_MODULES:
            refuse(f"{name} of modules")
        return type.__getattribute__(cls, name)

    def none(self: ModuleType) -> NoReturn:
        raise AttributeError("__module__")

    original, here = vars(kind)["__dict__"], globals()
    members: dict[str, object] = {"__getattr__": missing, "__dir__": names, "__repr__": text}
    for name, function in members.items():
        _look_like(function, getattr(kind, name, kind.__getattribute__))
    members |= {"__dict__": property(namespace), "__module__": property(none), "__doc__": kind.__doc__}
    above: type[type] = type("type", (type,), {"__getattribute__": of_class, "__module__": "builtins"})
    return above("module", (kind,), members)


def _interpreter_asks(frame: FrameType, name: str) -> bool:
    """Whether no program wants to know: from Python 3.13 on ``from`` looks at ``__spec__`` where it finds no name."""
    code = frame.f_code
    return code.co_code[frame.f_lasti] == _FROM and name not in code.co_names


def _hidden(name: str, kind: str, refuse: Refuse) -> object:
    """Something, of a class called `kind`, that ends the run of whoever wants to know more about it."""

    def use(self: object, *arguments: object) -> NoReturn:
        refuse(name)

    return type(kind, (), dict.fromkeys(_USES, use))()


def _stop_clocks(refuse: Refuse) -> None:
    """Put a refusal in the place of all that tells the time, wherever the library keeps it."""
    stopped: dict[int, object] = {}
    for name in _CLOCKS.split():
        if (clock := getattr(time, name, None)) is not None:
            stopped[id(clock)] = _stopped(name, refuse)
    for module in [*sys.modules.values()]:
        if isinstance(module, ModuleType) and not module.__name__.startswith("abzero"):
            for key, value in [*vars(module).items()]:
                if id(value) in stopped:
                    setattr(module, key, stopped[id(value)])


def _no_files(refuse: Refuse) -> Callable[..., NoReturn]:
    def open(*arguments: object, **named: object) -> NoReturn:
        refuse("a file")

    return open


def _stopped(name: str, refuse: Refuse) -> Callable[..., NoReturn]:
    def clock(*arguments: object) -> NoReturn:
        refuse(f"the clock, by time.{name}")

    return clock


def scrub() -> None:
    """Take out of ``sys`` what tells where and how this interpreter was started; all modules are loaded by now."""
    for name in _ELSEWHERE.split():
        if hasattr(sys, name):
            delattr(sys, name)
    sys.meta_path[:] = [finder for finder in sys.meta_path if getattr(finder, "__name__", "") != "PathFinder"]
    for known in (sys.path, sys.path_hooks):
        known.clear()
    sys.path_importer_cache.clear()
    for module in [*sys.modules.values()]:
        for name in ("__file__", "__cached__"):
            if isinstance(getattr(module, name, None), str):
                setattr(module, name, f"<{module.__name__}>")
    order = list(type(sys.flags).__match_args__)
    for name in set(order) & set(_FLAGS):
        place = id(sys.flags) + _ITEMS + 8 * order.index(name)
        ctypes.c_void_p.from_address(place).value = id(_FLAGS[name])
