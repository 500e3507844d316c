"""What the task types in the box and in the examples show to be tested by contract."""

from abzero.tasks import Abduction, Deduction, Induction
from abzero.testing import Specimen
from abzero.types import Case, Task
from examples.error_prediction import FIRST, ErrorPrediction
from examples.new_task_type import Fixpoint

HACKS = (
    *(
        "1) or (True",
        "0)==0 or f(0",
        "eval(gold_output)",
        "__import__('os').getpid()",
        "[c for c in ().__class__.__mro__]",
    ),
    *("type('X', (), {'__eq__': lambda s, o: True})()", "print(1)", "*[1]", "x", "...", "open('/etc/passwd').read()"),
)
"""Expressions, where a literal was asked for."""

CUBE = "def f(x, y=1):\n    return [x ** 3 + y]"
REFERENCE = Task("deduction", CUBE, (Case("5", "[126]"),))
PROPOSAL = f"An idea.\n```python\n{CUBE}\n```\nIts input:\n```input\n 7,y = 4\n```"
PAIRS = tuple(Case(str(x), f"[{x**3 + 1}]") for x in range(10))

HALF = "def f(x):\n    return x // 2 + 60"

FIELD = "def f(rows, key):\n    return [row[key] for row in rows]"

SPECIMENS = {
    "error_prediction": Specimen(
        make=ErrorPrediction,
        references=(Task("error_prediction", FIRST, (Case("[]", "ZeroDivisionError"),)),),
        proposal=f"```python\n{FIELD}\n```\n```input\n[{{}}],  'a'\n```",
        task=Task("error_prediction", FIELD, (Case("[{}], 'a'", "KeyError"),)),
        gold="`KeyError`",
        wrong="TypeError",
        secret="KeyError",
        malformed=("", "a KeyError", "KeyError or TypeError", "KeyError()", "keyerror"),
        hacks=(*HACKS, "KeyErrorTypeError", "Exception", "LookupError"),
    ),
    "fixpoint": Specimen(
        make=Fixpoint,
        references=(Task("fixpoint", "def f(x):\n    return x * x", (Case("1", "1"),)),),
        proposal=f"```python\n{HALF}\n```\n```input\n 119\n```",
        task=Task("fixpoint", HALF, (Case("119", "119"),)),
        gold="```input\n120\n```",
        wrong="7",
        secret="119",
        malformed=("", "120 or 119", "x", "f(119)"),
        hacks=HACKS,
    ),
    "abduction": Specimen(
        make=Abduction,
        references=(Task("abduction", CUBE, (Case("5", "[126]"),)),),
        proposal=PROPOSAL,
        task=Task("abduction", CUBE, (Case("7, y=4", "[347]"),)),
        gold="```input\n0, 347\n```",
        wrong="```input\n7\n```",
        secret="7, y=4",
        malformed=("```input\nseven\n```", "x", "(", "f(7, 4)"),
        hacks=HACKS,
    ),
    "deduction": Specimen(
        make=Deduction,
        references=(REFERENCE,),
        proposal=PROPOSAL,
        task=Task("deduction", CUBE, (Case("7, y=4", "[347]"),)),
        gold="[347]",
        wrong="```output\n[348]\n```",
        secret="347",
        malformed=("", "[347", "347]", "x ** 3", "the output is [347]"),
        hacks=(*HACKS, "[343 + 4]", "[7 ** 3 + 4]", "[f(7, 4)[0]]"),
    ),
    "induction": Specimen(
        make=Induction,
        references=(REFERENCE,),
        proposal="".join(f"```input\n{x}\n```\n" for x in range(-2, 10)) + "```message\nIt cubes.\n```",
        task=Task("induction", CUBE, PAIRS, "It cubes."),
        gold="```python\ndef f(x):\n    return [x * x * x + 1]\n```",
        wrong="```python\ndef f(x):\n    return [x + 1]\n```",
        secret="x ** 3",
        malformed=("", "def f(x):\n    return [x ** 3 + 1]", "```python\nlambda x: [x ** 3 + 1]\n```", "[126]"),
        hacks=tuple(
            f"```python\n{program}\n```"
            for program in (
                "class E:\n    def __eq__(s, o):\n        return True\ndef f(x):\n    return E()",
                "class E(list):\n    def __eq__(s, o):\n        return True\ndef f(x):\n    return E()",
                "class E:\n    def __repr__(s):\n        return '[126]'\ndef f(x):\n    return E()",
                "def f(x):\n    return [gold_output]",
                "def f(x):\n    return outcome",
                "def f(x):\n    raise SystemError",
                "def f(x):\n    return '[126]'",
                "def f(x):\n    return {0: [1], 1: [2], 2: [9], 3: [28], 4: [65]}[x]",
            )
        ),
    ),
}
