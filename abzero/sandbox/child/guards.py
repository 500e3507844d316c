"""Attributes of the interpreter's own objects that lead a program out of what it was given. Standard library only.

Functions, frames, code, tracebacks and classes know where they come from. A program may ask that of its own; if it asks
it of the library's, the run ends. The library itself may ask anything.
"""

import ctypes
import gc
import sys
import types
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, NoReturn


class Refusal(BaseException):
    """Raised in the program where it asks for what is kept from it."""


Refuse = Callable[[str], NoReturn]


def refuser(refused: list[str]) -> Refuse:
    """A function that ends a run, whatever the program does about it: the reason goes into `refused`."""
    note, refusal = refused.append, Refusal

    def refuse(reason: str) -> NoReturn:
        note(reason)
        raise refusal(reason)

    return refuse


space_of_frame = vars(types.FrameType)["f_globals"].__get__


class Known:
    """Tells the library's own code from a program's."""

    def __init__(self) -> None:
        self._kept = [vars(module) for module in [*sys.modules.values()] if isinstance(module, ModuleType)]
        self._spaces = frozenset(map(id, self._kept))
        self._kinds = frozenset(map(id, _all_kinds(object)))

    def space(self, namespace: object) -> bool:
        return id(namespace) in self._spaces

    def asks(self, frame: types.FrameType) -> bool:
        """Whether the code that runs in `frame` is the library's."""
        return id(space_of_frame(frame)) in self._spaces

    def kind(self, kind: type) -> bool:
        return id(kind) in self._kinds


def _all_kinds(kind: type) -> Iterator[type]:
    yield kind
    below: list[type] = type.__subclasses__(kind)
    for kind in below:
        yield from _all_kinds(kind)


def guard(known: Known, refuse: Refuse) -> None:
    """Keep programs from the namespaces, frames, files and classes of the library."""
    frame, space_of = types.FrameType, vars(types.FunctionType)["__globals__"].__get__

    def foreign_function(function: types.FunctionType, value: object) -> bool:
        return known.space(space_of(function))

    def foreign_frame(owner: types.FrameType, value: object) -> bool:
        return known.asks(owner)

    def next_foreign(owner: object, value: types.FrameType | None) -> bool:
        return value is not None and known.asks(value)

    def a_file(code: types.CodeType, value: str) -> bool:
        return not value.startswith("<")

    def a_module(function: object, value: object) -> bool:
        return isinstance(value, ModuleType)

    guards: list[tuple[type, str, Callable[[Any, Any], bool]]] = [
        (types.FunctionType, "__globals__", foreign_function),
        (types.FunctionType, "__closure__", foreign_function),
        (types.FunctionType, "__builtins__", foreign_function),
        (frame, "f_globals", foreign_frame),
        (frame, "f_locals", foreign_frame),
        (frame, "f_builtins", foreign_frame),
        (frame, "f_back", next_foreign),
        (types.TracebackType, "tb_frame", next_foreign),
        (types.CodeType, "co_filename", a_file),
        (types.BuiltinFunctionType, "__self__", a_module),
    ]
    for kind, name, foreign in guards:
        original = vars(kind)[name]
        plain = type(type(original).__name__, (_Guard,), {"__module__": "builtins", "__slots__": ()})
        _replace(kind, name, plain(original, name, foreign, known, refuse))
    below = type.__subclasses__

    def subclasses(cls: type) -> list[type]:
        if known.kind(cls) and not known.asks(sys._getframe(1)):
            refuse(f"the subclasses of {cls.__name__}")
        return below(cls)

    subclasses.__name__ = subclasses.__qualname__ = "__subclasses__"
    _replace(type, "__subclasses__", subclasses)


class _Guard:
    """An attribute that a program may have of what is its own."""

    def __init__(
        self, original: Any, name: str, foreign: Callable[[Any, Any], bool], known: Known, refuse: Refuse
    ) -> None:
        self._original, self._name, self._foreign, self._known, self._refuse = original, name, foreign, known, refuse

    def __get__(self, owner: object, kind: type | None = None) -> object:
        if owner is None:
            return self
        value = self._original.__get__(owner, kind)
        if self._foreign(owner, value) and not self._known.asks(sys._getframe(1)):
            self._refuse(f"{self._name} of the library")
        return value

    def __set__(self, owner: object, value: object) -> None:
        self._original.__set__(owner, value)

    def __delete__(self, owner: object) -> None:
        self._original.__delete__(owner)


def _replace(kind: type, name: str, value: object) -> None:
    """Set an attribute of a builtin class, which the language does not allow."""
    [space] = gc.get_referents(vars(kind))
    space[name] = value
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))
