import builtins
import sys

import pytest

from abzero.sandbox.child import analyze


def compiled(source: str):
    return compile(source, "<program>", "exec", dont_inherit=True)


CLEAN = {
    "arithmetic": "def f(x):\n    return x + 1",
    "a class": "class A:\n    def __init__(self, v):\n        self.v = v\ndef f(x):\n    return A(x).v",
    "methods and private names": "class A:\n    def __eq__(self, o):\n        self.__n = 1\ndef f(x):\n    return A()",
    "library": "import math\nfrom collections import Counter\ndef f(x):\n    return math.sqrt(Counter(x)['a'])",
    "typing": "from typing import List\ndef f(x: List[int]) -> int:\n    return x[0]",
    "annotations": "from typing import List\nx: List[int] = []\nclass A:\n    y: int = 0\ndef f(x: int):\n    return x",
    "comprehensions": "def f(x):\n    return {k: [i for i in v] for k, v in x.items()}",
    "a module's name where nothing is imported": "def f(x):\n    return random.random() if x else 0",
    "formatting": "def f(x):\n    return '{:.2f} {y!r:>{w}}'.format(x, y=1, w=3) + format(x, '.2f')",
    "None, True and such": "def f(x, y):\n    z = x is None\n    return z, x is not True, x is ..., x.id",
    "errors": "def f(x):\n    try:\n        return x[0]\n    except IndexError as e:\n        return str(e)",
}
REACHING = {
    "setting an attribute of a module": "import math\ndef f(x):\n    math.pi = 3",
    "deleting one": "import math\ndel math.pi",
    "an attribute by its name": "def f(x):\n    return getattr(x, 'a')",
    "a special attribute": "def f(x):\n    return x.__class__",
    "a special name in a text": "def f(x):\n    return '{0.__globals__}'.format(f)",
    "attributes in a format": "def f(x):\n    return '{0.gi_frame.f_back}'.format(i for i in x)",
    "attributes in a format's format": "def f(x):\n    return '{1:{0.gi_frame}}'.format(x, 1)",
    "items in a format": "def f(x):\n    return '{0[:].gi_frame}'.format(x)",
    "a format made of parts": "def f(x):\n    return ('{0.gi_' + x + '}').format(i for i in x)",
    "a format that may be another": "def f(x, y):\n    return ('{}' if y else x).format(f)",
    "a format that may be another still": "def f(x, y):\n    return (x if y else '{}').format(f)",
    "a format given to something": "def f(x):\n    return list(map(str.format, x, x))",
    "a format with names": "def f(x):\n    return x.format_map({'x': f})",
    "a special name in a pattern": "def f(x):\n    match x:\n        case object(real=r):\n            return r",
    "a finaliser": "class A:\n    def __del__(self):\n        pass",
    "a frame": "def f(x):\n    return (i for i in x).gi_frame",
    "a traceback": "def f(x):\n    try:\n        x()\n    except TypeError as e:\n        return e.__traceback__",
    "the namespace": "def f(x):\n    return globals()",
    "a code object, of which a type makes a function": "def f(x):\n    return type(f)(compile(x, '', 'exec'))",
    "patterns, which are kept": "import re\ndef f(x):\n    return re.compile(x).findall(x)",
    "which of two equal texts it is": "def f(x):\n    return x is ''.join(x)",
    "which it is, or None": "def f(x, y):\n    return x is (x + '' if y else None)",
    "which it is, by a function": "import operator\ndef f(x):\n    return operator.is_not(x, '')",
    "where it lies": "def f(x):\n    return id(x)",
    "a class that takes attributes": "def f(x):\n    ExceptionGroup.x = x",
    "what makes such a class": "def f(x):\n    type(BaseExceptionGroup('', [x])).x = x",
    "syntax that makes such a class": "try:\n    f()\nexcept* ValueError as e:\n    type(e).x = 1",
    "evaluation": "def f(x):\n    return eval('x')",
    "a module that is not for a shared child": "import decimal\ndef f(x):\n    return 1",
    "a module inside a module": "import typing\ndef f(x):\n    return typing.sys",
    "threads": "import queue\ndef f(x):\n    return queue.threading.Thread().name",
    "a private name of a module": "import collections\ndef f(x):\n    return collections._sys",
    "comparison that caches could meet": "import re\nclass T(str):\n    def __eq__(self, o):\n        return True",
    "a class built by a call, where caches could meet it": "import re\nT = type('T', (str,), {})",
    "a class built by another call": "import typing\nT = typing.ABCMeta('T', (str,), {})",
    "a class built by what an alias stands for": "import typing\nT = typing.get_origin(typing.Type)('T', (str,), {})",
    "a mark on anything": "import typing, heapq\ntyping.abstractmethod(heapq.merge)",
    "annotations of the library": "import heapq\ndef f(x):\n    heapq.merge.__annotations__['x'] = x",
    "annotations of a module": "from heapq import __annotations__ as shared",
    "a list of the library's": "import __future__\ndef f(x):\n    __future__.all_feature_names.append(x)",
    "a text that the library evaluates": "import typing\ndef f(x: 'y'):\n    return typing.get_type_hints(f)",
    "copying names onto anything": "import functools, math\nfunctools.update_wrapper(math, f)",
    "joining an abstract class": "from collections.abc import Sequence\nSequence.register(int)",
    "a module's name beside an import": "import re\nfrom re import enum\ndef f(x):\n    return enum",
    "a name in other letters": "def f(x):\n    return ｇetattr(x, 'a')",
    "a nested function that reaches": "def f(x):\n    def g():\n        return lambda: vars(x)\n    return g",
}
if sys.version_info >= (3, 12):
    REACHING["what a type variable leads to"] = "def f[T](x: T):\n    type(T | int).__repr__ = x"
    REACHING["what a bound type variable leads to"] = "def f[T: int](x: T):\n    type(T | int).__repr__ = x"
    REACHING["what an alias leads to"] = "type X = int\ndef f(x):\n    type(X | int).__repr__ = x"
    REACHING["what a generic class leads to"] = "class A[T]:\n    pass\nA.mro()[1].__init__ = print"
    CLEAN["type variables"] = "def f[T](x: list[T]) -> T:\n    return x[0]"
HASHING = {
    "a set display": "def f(x):\n    return {x}",
    "a constant set": "def f(x):\n    return [y for y in {1, 2}]",
    "a set comprehension": "def f(x):\n    return {y for y in x}",
    "the word set": "def f(x):\n    return set(x)",
    "a hash": "def f(x):\n    return hash(x)",
    "a difference of views": "def f(a, b):\n    return a.keys() - b.keys()",
    "views from elsewhere": "def g(d):\n    return d.keys()\ndef f(a, b):\n    return g(a) - g(b)",
    "an operator by its name": "import operator\ndef f(a, b):\n    return operator.sub(a.keys(), b.keys())",
    "chance, inside the library": "import statistics\ndef f(x):\n    return statistics.NormalDist().samples(1)[0] > 0",
    "deep inside": "def f(x):\n    return lambda: (lambda: frozenset(x))",
}

if sys.version_info >= (3, 13):
    HASHING["a list display of whatever there is"] = "def f(x):\n    return [*x]"
    HASHING["one that may be a constant"] = "def f(x, y):\n    return [*(x if y else (1, 2, 3))]"
    HASHING["arguments after others"] = "def f(x):\n    return max(1, *x)"


@pytest.mark.parametrize("source", CLEAN.values(), ids=CLEAN)
def test_an_ordinary_program_may_share_a_child(source):
    assert analyze.analyze(compiled(source)).clean


@pytest.mark.parametrize("source", REACHING.values(), ids=REACHING)
def test_what_could_reach_beyond_itself_runs_alone(source):
    assert not analyze.analyze(compiled(source)).clean


@pytest.mark.parametrize("arguments", ["typing.sys", "collections._sys", "random", "type('T', (), {})"])
def test_a_call_is_seen_beside_whatever_its_program_imported(arguments):
    call = compile(f"f({arguments})", "<call>", "eval")
    assert not analyze.analyze(call, beside_imports=True).clean


@pytest.mark.parametrize("source", HASHING.values(), ids=HASHING)
def test_what_could_depend_on_a_hash_gets_all_seeds(source):
    assert analyze.analyze(compiled(source)).hashing


def test_every_builtin_that_passes_is_known_to_be_harmless():
    passing = {name for name in dir(builtins) if analyze.analyze(compiled(f"def f(x):\n    return x, {name}")).clean}
    reaching = "breakpoint compile delattr eval exec getattr globals input locals memoryview open setattr vars"
    assert passing.isdisjoint(reaching.split())
    assert {"len", "print", "ValueError", "hasattr"} <= passing


@pytest.mark.parametrize("source", [CLEAN["comprehensions"], "x = [1, 2, 3], [*(4, 5, 6)], max(*x)"])
def test_what_cannot_gets_two(source):
    assert not analyze.analyze(compiled(source)).hashing
