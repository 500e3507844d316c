"""What a program finds around itself: a plain interpreter's modules, or the end of its run; never a falsehood."""

import encodings
import operator
import pkgutil

import pytest

from abzero.sandbox.base import Call, Nondeterministic, Refused, Returned
from abzero.sandbox.child.guards import Refusal, refuser
from abzero.sandbox.child.surroundings import views_of

ORDINARY = {
    "functions and constants": ("import math\nfrom math import pi", "math.floor(pi)", "3"),
    "all names": (
        "from math import *\nfrom collections import *\nfrom json import *",
        "[floor(2.5), dumps([1])]",
        None,
    ),
    "a module in a package": ("import collections.abc as abc", "isinstance([], abc.Sequence)", "True"),
    "a package's module by its attribute": ("import json", "json.decoder.JSONDecodeError.__name__", None),
    "a name that there is not": ("import math", "getattr(math, 'nothing', 1)", "1"),
    "a name that cannot be imported": (
        "try:\n    from math import nothing\nexcept ImportError:\n    nothing = 5",
        "nothing",
        "5",
    ),
    "a module's name": ("import re", "re.__name__", "'re'"),
    "what kind of thing it is": ("import re, types", "isinstance(re, types.ModuleType)", "True"),
    "the code of one's own": ("", "f.__code__.co_filename[:1] == '<' and f.__globals__ is globals()", "True"),
    "classes of one's own": ("class A: pass\nclass B(A): pass", "[b.__name__ for b in A.__subclasses__()]", "['B']"),
    "data classes": ("from dataclasses import *\n@dataclass\nclass A:\n    n: int = 1", "repr(A())", "'A(n=1)'"),
    "enumerations": ("import enum\nclass A(enum.Enum):\n    B = 1", "A(1).name", "'B'"),
    "decimals": ("from decimal import *", "str(Decimal('1') / 3)[:5]", "'0.333'"),
    "operators by their special names": (
        "import operator",
        "[operator.__add__(1, 2), operator.__eq__(1, 2)]",
        "[3, False]",
    ),
    "the class of modules": ("import re", "[type(re).__name__, type(re).__module__, isinstance(re, type(re))]", None),
    "an exit caught": ("", "tried(lambda: exit())", "'SystemExit'"),
}
HIDDEN = {
    "a module that another needs": ("import contextlib", "contextlib.os.sep"),
    "one under another name": ("import collections", "collections._sys.platform"),
    "one by a loop over names": (
        "import functools",
        "[getattr(functools, n) for n in ('reduce', '_' + 'unwrap_partial')]",
    ),
    "one by import from": ("from dataclasses import sys", "sys.platform"),
    "whether there is one": ("import contextlib", "hasattr(contextlib, 'os')"),
    "a private part": ("import re", "re._parser.WHITESPACE"),
    "where a module lies": ("import json", "json.__file__"),
    "where it lies, as text": ("import json", "str(json)"),
    "its loader": ("import json", "json.__spec__.origin"),
    "its names": ("import json", "len(dir(json))"),
    "what its class comes from": ("import json", "len(type(json).__mro__)"),
    "what its class has": ("import json", "len(type(json).__dict__)"),
    "what is above its class": ("import json", "type(json).__base__.__name__"),
    "the names in its class": ("import json", "len(dir(type(json)))"),
    "its namespace": ("import json", "len(vars(json))"),
    "a clock under another name": ("import queue", "queue.time()"),
    "how many abstract classes there are": ("import abc", "abc.get_cache_token()"),
    "the namespace of a function": ("import heapq", "len(heapq.merge.__globals__)"),
    "the file of a function": ("import heapq", "heapq.merge.__code__.co_filename"),
    "what a function closes over": ("", "__import__.__closure__ and 1"),
    "all classes": ("", "len(object.__subclasses__())"),
    "all classes, by the metaclass": ("", "len(type.__subclasses__(int))"),
    "the builtins as a module": ("", "len.__self__.__name__"),
    "the loader of builtins": ("", "__builtins__['__loader__'].load_module('os').sep"),
    "the stack": ("def g():\n    yield 1\n", "outer(1)"),
    "who started it": ("import json", "__import__('__main__').__name__"),
    "a file": ("", "open('/etc/hostname').read()"),
    "a file that is missing": ("", "tried(lambda: open('nothing'))"),
}
HELP = """
def tried(act):
    try:
        return act()
    except BaseException as error:
        return type(error).__name__
def outer(n):
    try:
        raise ValueError
    except ValueError as error:
        frame = error.__traceback__.tb_frame
        while frame.f_back is not None:
            frame = frame.f_back
            n += 1
        return n
"""


def program(imports: str, expression: str, swallow: bool = False) -> str:
    lines = f"    try:\n        return {expression}\n    except BaseException:\n        return 'swallowed'\n"
    return f"{HELP}{imports}\ndef f(x):\n" + (lines if swallow else f"    return {expression}\n")


@pytest.mark.parametrize(("imports", "expression", "value"), ORDINARY.values(), ids=ORDINARY)
def test_a_program_finds_what_a_plain_interpreter_has(pool, imports, expression, value):
    [outcome] = pool.run([Call(program(imports, expression), "1", verify=True)])
    assert isinstance(outcome, Returned)
    assert value in (None, outcome.value)


@pytest.mark.parametrize(("imports", "expression"), HIDDEN.values(), ids=HIDDEN)
def test_what_leads_elsewhere_ends_the_run_even_if_that_is_swallowed(pool, imports, expression):
    for swallow in (False, True):
        [outcome] = pool.run([Call(program(imports, expression, swallow), "1", verify=True)])
        assert isinstance(outcome, Refused)


def test_what_the_interpreter_asks_of_a_module_while_it_imports_is_no_refusal():
    """A name that a program's text does not have; where it has it, it is the program that asks."""
    refused: list[str] = []
    shown = views_of(["json"], refuser(refused))["json"]
    asking = type("asking", (type(shown),), {"nothing": property(operator.attrgetter("__spec__"))})("json")
    del asking.__spec__
    space = {"__builtins__": {"__import__": lambda *_: asking}}
    with pytest.raises(ImportError):
        exec("from json import nothing", space)
    assert not refused
    with pytest.raises(Refusal):
        exec("__spec__ = 1\nfrom json import nothing", space)
    assert refused == ["json.__spec__"]


ALIKE = """
def described(value):
    found = [type(value).__name__, callable(value)]
    for name in ('__name__', '__qualname__', '__module__', '__all__', '__version__'):
        try:
            found.append(getattr(value, name))
        except AttributeError as error:
            found.append('none')
    return found if len(repr(found)) < 5000 else len(found)
def mentions(value):
    return 'abzero' in repr([getattr(value, name, None) for name in ('__module__', '__qualname__', '__doc__')])
"""


@pytest.mark.parametrize("module", ["abc", "json", "string"])
def test_a_module_says_of_itself_and_its_names_what_a_plain_one_does(pool, module):
    """Where it says anything; what a program may not ask ends its run."""
    names = [name for name in dir(__import__(module)) if name.isidentifier()]
    programs = [
        f"import {module} as m\n{ALIKE}\ndef f(x):\n    return described(m{'.' + name if name else ''})"
        for name in ("", *names)
    ]
    said = 0
    for program, outcome in zip(
        programs, pool.run([Call(program, "1", verify=True) for program in programs]), strict=True
    ):
        if isinstance(outcome, Returned):
            plain: dict[str, object] = {"__name__": "program"}
            exec(program, plain)
            assert outcome == Returned(repr(plain["f"](1))), program  # type: ignore[operator]
            said += 1
        else:
            assert isinstance(outcome, Refused | Nondeterministic), (outcome, program)
    assert said > len(names) // 3


@pytest.mark.parametrize("name", ["__import__", "open", "json.__getattr__", "json.__dir__", "json.__repr__"])
def test_nothing_names_the_sandbox(pool, name):
    [outcome] = pool.run([Call(f"import json\n{ALIKE}\ndef f(x):\n    return mentions({name})", "1", verify=True)])
    assert outcome == Returned("False")


CODEC = """
def f(name):
    try:
        return ['aß日'.encode(name, 'replace').hex(), b'a\\xe9'.decode(name, 'replace')]
    except (LookupError, ValueError) as error:
        return [type(error).__name__, str(error)]
"""


def test_every_text_encoding_works_as_in_a_plain_interpreter(pool):
    names = sorted(found.name for found in pkgutil.iter_modules(encodings.__path__))
    plain: dict[str, object] = {}
    exec(CODEC, plain)
    expected = [Returned(repr(plain["f"](name))) for name in names]  # type: ignore[operator]
    assert len(names) > 100
    assert pool.run([Call(CODEC, repr(name), verify=True) for name in names]) == expected
    assert pool.run([Call(CODEC, repr("shift_jis"), verify=True)]) == [expected[names.index("shift_jis")]]


ORDERS = {
    "classes in a set": "[c.__name__ for c in {A, B, C}]",
    "made classes in a set": "[c.__name__ for c in {type(n, (), {}) for n in 'ABC'}]",
    "instances in a set": "[type(one).__name__ for one in {A(), B(), C()}]",
    "named tuples in a set": "[c.__name__ for c in {collections.namedtuple(n, 'x') for n in 'ABC'}]",
    "functions by their text": "ranks([str(one)[-15:] for one in (lambda: 0, lambda: 1, lambda: 2)])",
    "large generators by their text": "ranks([str(one)[-15:] for one in (large(1), large(2), large(3))])",
    "large texts": "ranks(list(map(id, ['a' * 1000, 'b' * 1001, 'c' * 1002])))",
    "larger texts": "ranks(list(map(id, ['a' * 300_000, 'b' * 300_000, 'c' * 300_000])))",
    "the place in its page of a large generator": "id(large(1)) % 4096",
}
PLACES = (
    "import collections\nclass A: pass\nclass B: pass\nclass C: pass\ndef large(n):\n"
    + "".join(f"    v{number} = n\n" for number in range(90))
    + "    yield n\ndef ranks(places):\n    return [sorted(places).index(place) for place in places]\n"
)


@pytest.mark.parametrize("expression", ORDERS.values(), ids=ORDERS)
def test_no_eight_zygotes_agree_on_what_lies_where(pool, expression):
    program = f"{PLACES}def f(x):\n    return {expression}\n"
    calls = [Call(f"{program}# {number}", "1", verify=True) for number in range(6)]
    assert pool.run(calls) == [Nondeterministic()] * 6
    assert pool.run(calls[:1]) == [Nondeterministic()]
