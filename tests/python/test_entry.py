import functools
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abzero.python.entry import entry_point, takes_arguments

SOLVE = "def solve(x):\n    return x"
MADE = {
    "lambda": "f = lambda x: x",
    "annotated": "from typing import Callable\nf: Callable[[int], int] = lambda x: x",
    "partial": "from functools import partial\ndef g(a, b):\n    return a + b\nf = partial(g, 2)",
    "partial of a module": "import functools\nf = functools . partial(pow, 2)",
    "partial on lines": "from functools import partial\nf = partial(\n    pow,\n    2,\n)",
    "another name": f"{SOLVE}\nf = solve",
    "a builtin": "f = sorted",
    "a method": "import math\nf = math.floor",
    "an attribute of a class": "class A:\n    @staticmethod\n    def go(x):\n        return x\nf = A.go",
    "an instance": "class Adder:\n    def __call__(self, x):\n        return x + 1\nf = Adder()",
    "a bound method": "class A:\n    def go(self, x):\n        return x\nf = A().go",
    "what a function makes": "def make(n):\n    def inner(x):\n        return x + n\n    return inner\nf = make(3)",
    "a decorated function": f"from functools import cache\n{SOLVE}\nf = cache(solve)",
    "curried": "def make(a):\n    return lambda b: lambda c: a + b + c\nf = make(1)(2)",
    "out of a table": "table = {'f': lambda x: x}\nf = table['f']",
    "chosen": f"{SOLVE}\nf = solve if 1 < 2 else sorted",
    "the first there is": f"{SOLVE}\nf = None or solve".replace("None or solve", "solve or None"),
    "a condition": "if len('a') == 1:\n    def f(x):\n        return x\nelse:\n    def f(x):\n        return -x",
    "a condition on one line": f"{SOLVE}\nif True: f = solve",
    "an attempt": "try:\n    from math import no_such as f\nexcept ImportError:\n    def f(x):\n        return x",
    "an import": "from math import factorial as f",
    "an import in brackets": "from math import (\n    gcd,\n    factorial as f,\n)",
    "several targets": f"{SOLVE}\ng = f = solve",
    "several targets of a lambda": "g = f = lambda x=3: x",
    "named in passing": "print(f := lambda x: x)",
    "in brackets": "f = (\n    lambda x: x\n)",
    "on one line": "n = 2; f = lambda x: x * n",
    "continued": "f = \\\n    lambda x: x",
    "decorated": "from functools import cache\n@cache\ndef f(x):\n    return x",
    "without an argument": "def f():\n    return 1\ndef g(x):\n    return x",
    "a class that makes a number": "class f:\n    def __new__(cls, x):\n        return x + 1",
    "full-width": "\uff46 = lambda x: x",
}
"""Programs that make ``f``."""
OTHERS = {
    "no function of the name": ("f = 5\ndef g(x):\n    return f", "g"),
    "a value by another name": ("n = 5\ndef g(x):\n    return x\nf = n", "g"),
    "a sum": ("def g(x):\n    return x\nf = g(3) + 1", "g"),
    "a comparison": ("def g(x):\n    return x\nf = 0\nf == g", "g"),
    "a file": ("def g(x):\n    return x\ntotal = 0\nfor f in range(3):\n    total += g(f)", "g"),
    "a local name": ("def g(x):\n    f = lambda y: y\n    return f(x)", "g"),
    "an attribute": ("class A:\n    f = lambda self, y: y\ndef g(x):\n    return x", "g"),
    "a keyword": ("def g(x):\n    return x\ng2 = dict(\n    f=lambda x: x,\n)", "g"),
    "a lambda of another name": ("double = lambda x: 2 * x", "double"),
    "the last that is made": ("def half(x):\n    return x / 2\nsolve = lambda x: half(x) + 1", "solve"),
    "a lambda without arguments": (f"{SOLVE}\nmain = lambda: solve(3)", "solve"),
    "a partial": ("from functools import partial\ncube = partial(pow, exp=3)", "cube"),
    "what a call gives": (f"{SOLVE}\nresult = solve(3)", "solve"),
    "a stand-in below a condition": (
        f"{SOLVE}\ntry:\n    import numpy\nexcept ImportError:\n    def cache(g):\n        return g",
        "solve",
    ),
    "all below a condition": ("if True:\n    def solve(x):\n        return x", "solve"),
    "a coroutine": (f"{SOLVE}\nasync def fetch(x):\n    return x", "fetch"),
    "only without arguments": ("def main():\n    return 1", "main"),
    "a script's": (f"{SOLVE}\nif __name__ == '__main__':\n    f = solve(int(input()))\n    print(f)", "solve"),
    "a script's function": (f"{SOLVE}\nif '__main__' == __name__:\n    def show(x):\n        print(x)", "solve"),
    "not a script's": ("if __name__ != '__main__':\n    def go(x):\n        return x\n", "go"),
    "deep in a class": (
        "class A:\n    if True:\n        def f(self, x):\n            return x\ndef g(x):\n    return x",
        "g",
    ),
    "behind a class": ("class A:\n    x = 1\n\nf = lambda x: x", "f"),
}


@pytest.mark.parametrize("name", MADE)
def test_f_is_the_entry_however_the_program_makes_it(name):
    assert entry_point(MADE[name]) == "f"
    namespace: dict[str, object] = {"__name__": "program"}
    exec(MADE[name], namespace)
    assert callable(namespace["f"])


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_function_or_not_at_top_level_is_no_entry(name):
    program, entry = OTHERS[name]
    assert entry_point(program) == entry
    namespace: dict[str, object] = {"__name__": "program"}
    exec(program, namespace)
    assert isinstance(namespace[entry], types.FunctionType | functools.partial)


@pytest.mark.parametrize(
    "program", ["", "x = 1", "x = len('a')", "class A:\n    def g(self): ...", "from math import *"]
)
def test_where_nothing_is_made_there_is_no_entry(program):
    assert entry_point(program) is None
    assert not takes_arguments(program)


@given(
    st.lists(st.sampled_from((*MADE.values(), *(program for program, _ in OTHERS.values()))), min_size=1, max_size=3),
    st.sampled_from(("\n", "\n\n# f = lambda x: 1\n", "\n'''\ndef f(x): pass\n'''\n", ";\n")),
)
def test_the_entry_is_a_name_at_top_level_that_may_be_called(programs, between):
    """Whatever is joined: what is found is bound and is a function, unless a later line binds it to something else."""
    program = between.join(one.rstrip() for one in programs)
    entry = entry_point(program)
    assert entry is not None
    namespace: dict[str, object] = {"__name__": "program"}
    exec(program, namespace)
    assert entry in namespace
    if between != ";\n":
        assert entry == "f" or "f" not in {name for name, value in namespace.items() if callable(value)}


@given(st.text(st.sampled_from("def f=lambda:(x),g;if \n\t\\#'\"·\uff46\f")))
def test_any_text_has_an_entry_or_none(text):
    assert entry_point(text) is None or str(entry_point(text)).isidentifier()


@pytest.mark.parametrize("name", ["\U0001d363", "\u0bf1", "\u00bd"])
def test_a_numeral_that_re_takes_for_a_letter_is_no_name_of_a_function(name):
    assert entry_point(f"def {name}(x):\n    return x") is None
    assert entry_point(f"def g(x):\n    return x\ndef {name}(x):\n    return x") == "g"


@pytest.mark.parametrize(
    ("program", "entry"),
    [
        ("def square(x):\n    return x * x\ndef main():\n    print(square(int(input())))\nmain()", "square"),
        ("def square(x):\n    return x * x\ndef test_square( ):\n    assert square(2) == 4", "square"),
        ("def square(x):\n    return x * x\ndef cube(\n    x,\n):\n    return x ** 3", "cube"),
        ("def main():\n    return 1", "main"),
        ("def f():\n    return 1\ndef g(x):\n    return x", "f"),
        ("def g[T](x: T):\n    return x\ndef main(  # none\n):\n    pass", "g"),
    ],
)
def test_what_takes_no_argument_is_no_entry_point_beside_what_does(program, entry):
    assert entry_point(program) == entry
