#!/usr/bin/env python3
"""Runs programs as a shared child does and prints, as JSON, which objects that were there before are not as they were.

usage: footprints.py [--poison]

Compared are all dictionaries (those of modules, classes and caches too), lists, sets and functions that the collector
knows before the first program runs, by the identity of what they hold. With ``--poison`` programs run that the analysis
would have kept out.
"""

import gc
import importlib
import json
import resource
import sys
import types
import weakref
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from abzero.sandbox.child import analyze, wire
from abzero.sandbox.child.child import Worker
from abzero.sandbox.child.limits import IMPORTS

HERE = Path(__file__).parent
CATEGORIES = ("tamper", "equality", "nondeterminism", "lane")
POISON = [
    "def f(x):\n    ExceptionGroup.calls = 1",
    "import re\ndef f(x):\n    return re.compile('a pattern' + str(x))",
    "import re\ndef f(x):\n    return re.RegexFlag(1 << 21)",
    "import collections\ndef f(x):\n    collections.Counter.calls = x",
    "import typing\ndef f(x):\n    typing.TYPE_CHECKING = x",
]
ORDINARY = [
    "from typing import Dict, List, Optional, Union\ndef f(x: Optional[List[int]]) -> Dict[str, Union[int, str]]:\n"
    "    return str(Union[int, str])",
    "from collections import Counter, OrderedDict, defaultdict, deque, namedtuple\nP = namedtuple('P', 'a b')\n"
    "def f(x):\n    return [Counter('abca').most_common(1), P(1, 2)._asdict(), deque([x], 1), isinstance(x, Counter)]",
    "import collections.abc, functools, heapq, itertools, math, operator, string\n@functools.lru_cache\ndef g(n):\n"
    "    return n if n < 2 else g(n - 1) + g(n - 2)\ndef f(x):\n    return [g(30), heapq.nlargest(2, [1, 2, 3]),"
    " isinstance(x, collections.abc.Hashable), string.capwords('a b'), list(itertools.accumulate([1, 2]))]",
    "class A:\n    kept = []\n    def __init__(self, x):\n        self.x = x\n        self.kept.append(self)\n"
    "def f(x):\n    a = A(x)\n    a.a = a\n    return str(a.x)",
    "def f(x):\n    def g():\n        yield g\n    it = g()\n    next(it)\n    try:\n        raise ValueError(it)\n"
    "    except ValueError as error:\n        error.error = error\n        return 1",
]


def held(value: object) -> tuple[int, ...]:
    """What `value` holds, by identity; keys that are equal may still be others."""
    if isinstance(value, dict):
        return tuple(id(part) for pair in value.items() for part in pair)
    if isinstance(value, list | set):
        return tuple(map(id, value))
    if isinstance(value, types.FunctionType):
        return tuple(map(id, (value.__code__, value.__defaults__, value.__kwdefaults__)))
    return ()


def programs() -> list[tuple[str, str]]:
    entries = json.loads((HERE.parent / "escapes/index.json").read_text())
    attacks = [(entry["file"], entry.get("input", "1")) for entry in entries if entry["category"] in CATEGORIES]
    texts = [((HERE.parent / "escapes" / name).read_text("utf-8", "replace"), given) for name, given in attacks]
    return [(text, "1") for text in ORDINARY] + texts


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))  # nothing else bounds what runs here
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
    poisoned = "--poison" in sys.argv
    for name in IMPORTS:
        importlib.import_module(name)
    worker = Worker(None, 32_768, 64, 50_000)
    requests = []
    for text, given in [(text, "1") for text in POISON] if poisoned else programs():
        try:
            code, call = compile(text, "<program>", "exec"), compile(f"f({given}\n)", "<call>", "eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        if poisoned or (analyze.analyze(code).clean and analyze.analyze(call, beside_imports=True).clean):
            parts = (wire.SOURCE, text.encode()), (wire.CALL_SOURCE, f"f({given})".encode())
            requests.append(b"".join(wire.frame(*part) for part in parts))
    worker.shared(requests[0], lambda *frames: None)  # whatever is set up by a first run
    gc.collect()
    gc.disable()
    before = {id(value): (value, held(value)) for value in gc.get_objects() if held(value)}
    for request in requests:
        worker.shared(request, lambda *frames: None)
    left = [
        f"{type(value).__name__} of {len(now)}: {str(value)[:200]}"
        for value, then in before.values()
        if value is not before and (now := held(value)) != then and not ours(value)
    ]
    print(json.dumps({"ran": len(requests), "left": left}))


def ours(value: object) -> bool:
    """What programs cannot see or must change: this script's names, the table of modules, whose ``__main__`` changes,
    and where a class keeps its subclasses.
    """
    if not isinstance(value, dict) or value is globals() or value is sys.modules:
        return isinstance(value, dict)
    return bool(value) and all(type(part) is weakref.ref for part in value.values())


if __name__ == "__main__":
    main()
