"""What programs in a shared child can reach, walked; and what they leave behind, compared object by object."""

import builtins
import collections
import functools
import importlib
import json
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from abzero.sandbox.child import analyze, surroundings
from abzero.sandbox.child.guards import refuser

IMMUTABLE_TYPE = 1 << 8
CONTAINERS = (list, dict, set, bytearray, collections.deque)
ATOMS = (int, float, complex, str, bytes, type(None), type(...), type(NotImplemented))
LIBRARY = (types.FunctionType, types.MethodType, staticmethod, classmethod, property)
"""What only a store to an attribute can change, which is not for a shared child beside an import."""


def passes(source: str) -> bool:
    return analyze.analyze(compile(source, "<program>", "exec", dont_inherit=True)).clean


@functools.cache
def attribute_passes(name: str, beside_imports: bool) -> bool:
    return name.isidentifier() and passes("import math\n" * beside_imports + f"def f(x):\n    return x.{name}")


def known(value: object) -> int:
    """What to know it by: one number, text or builtin function is like the next, and leads where its type does."""
    like_others = (*ATOMS, types.BuiltinFunctionType, types.MethodWrapperType)
    return id(type(value) if isinstance(value, like_others) else value)


def own_objects() -> Iterator[object]:
    """One of everything that syntax and harmless builtins make."""
    yield from (1, 2.0, 3j, "a", b"b", [], (), {}, set(), frozenset(), None, ..., NotImplemented, True, bytearray())
    yield from ((i for i in ()), lambda: 0, iter([]), iter(()), iter({}), iter(set()), iter(""), iter(b""), {}.keys())
    yield from ({}.values(), {}.items(), iter({}.keys()), iter({}.items()), range(3), iter(range(3)), slice(1))
    yield from (iter(range(1 << 70)), enumerate([]), zip(), map(abs, []), filter(None, []), reversed([]), property())
    yield from (staticmethod(abs), classmethod(abs), list[int], int | str, [].append, str.join, "".join, iter(int, 0))
    yield from (type, object, ValueError(), StopIteration(1), memoryview(b""), object())


def test_no_builtin_leads_to_a_class_that_takes_attributes_or_to_a_container():
    """Without an import, programs may store attributes: nothing that outlives them may take any."""
    waiting = [(value, name) for name, value in vars(builtins).items() if passes(f"def f(x):\n    return x, {name}")]
    waiting += [(value, repr(value)) for value in own_objects()]
    assert {"len", "type", "ValueError"} <= {name for _, name in waiting}
    seen: dict[int, object] = {}
    while waiting:
        value, path = waiting.pop()
        if known(value) in seen:
            continue
        seen[known(value)] = value
        kind = value if isinstance(value, type) else type(value)
        assert kind.__flags__ & IMMUTABLE_TYPE, f"{path} leads to {kind}, which anybody can change"
        waiting.append((type(value), f"type({path})"))
        for name in dir(value):
            if attribute_passes(name, beside_imports=False):
                found = getattr(value, name, None)
                assert not (isinstance(value, type) and isinstance(found, CONTAINERS)), f"{path}.{name}"
                waiting.append((found, f"{path}.{name}"))
    assert len(seen) > 500


def test_no_builtin_takes_an_attribute_that_a_program_may_set():
    """Not by their classes alone: a builtin function's ``__module__`` takes anything."""
    tried = 0
    for name, value in vars(builtins).items():
        for attribute in {"calls", *dir(value)}:
            if passes(f"def f(x):\n    {name}.{attribute} = x"):
                tried += 1
                with pytest.raises((AttributeError, TypeError)):
                    setattr(value, attribute, getattr(value, attribute, None))
    assert tried > 500


@pytest.mark.parametrize("name", ["ExceptionGroup", "BaseExceptionGroup", "__loader__", "exit", "quit"])
def test_what_can_be_changed_does_not_pass(name):
    assert not passes(f"def f(x):\n    return {name}")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_no_import_leads_to_what_a_program_could_change_without_a_store():
    """From what programs get for a module, along every name that passes."""
    for name in analyze.SHARED_IMPORTS:
        importlib.import_module(name)
    views = surroundings.views_of(analyze.SHARED_IMPORTS, refuser([]))
    waiting: list[tuple[object, str]] = [(views[name], name) for name in analyze.SHARED_IMPORTS]
    seen: dict[int, object] = {}
    while waiting:
        value, path = waiting.pop()
        if known(value) in seen:
            continue
        seen[known(value)] = value
        assert not isinstance(value, (*CONTAINERS, types.CodeType, types.FrameType)), path
        if isinstance(value, types.ModuleType):
            assert value.__name__ in analyze.SHARED_IMPORTS, path
        assert not isinstance(value, functools._lru_cache_wrapper), f"{path} remembers"
        assert not hasattr(value, "cache_clear"), f"{path} remembers"
        names = vars(types.ModuleType)["__dict__"].__get__(value) if isinstance(value, types.ModuleType) else dir(value)
        for name in names:
            if not isinstance(value, ATOMS) and attribute_passes(name, beside_imports=True):
                waiting.append((getattr(value, name, None), f"{path}.{name}"))
    assert len(seen) > 300


TYPING = """
import typing
from abzero.sandbox.child.typing_caches import TypingCaches
caches = TypingCaches()
assert typing.List[int] is typing.List[int]
caches.bypass()
for make in (lambda: typing.List[int], lambda: typing.Union[str, bytes], lambda: typing.Literal[1, 2],
             lambda: typing.Callable[[int], str], lambda: typing.Optional["Tree"], lambda: typing.Annotated[int, 3]):
    assert make() == make() and make() is not make(), make()
assert str(typing.Dict[str, typing.Union[int, str]]) != str(typing.Dict[str, typing.Union[str, int]])
"""


def test_typing_remembers_nothing_once_it_is_told_so():
    subprocess.run([sys.executable, "-c", TYPING], check=True)


LAST_MEMORY_ERROR = """
from abzero.sandbox.child import memory_errors
errors = memory_errors.MemoryErrors()
held = [memory_errors._raised() for _ in range(40)]
alike = sum(one is held[-1] for one in held)
held[-1].calls, held[-1].args = 1, (2,)
errors.restore()
again = [memory_errors._raised() for _ in range(40)]
assert sum(one is again[-1] for one in again) == alike, alike
assert not vars(again[-1]) and again[-1].args == ()
"""


def test_each_call_finds_the_memory_errors_that_the_first_one_found():
    subprocess.run([sys.executable, "-c", LAST_MEMORY_ERROR], check=True)


FOOTPRINTS = Path(__file__).parent / "footprints.py"


def test_programs_of_the_lane_leave_nothing_behind():
    """Every attack that the analysis lets into a shared child, and what ordinary programs do."""
    done = subprocess.run([sys.executable, str(FOOTPRINTS)], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["ran"] > 20
    assert found["left"] == []


def test_footprints_are_seen():
    """Or the test above shows nothing."""
    done = subprocess.run([sys.executable, str(FOOTPRINTS), "--poison"], capture_output=True, text=True, check=True)
    assert len(json.loads(done.stdout)["left"]) >= 4
