"""What raises the flags, in an interpreter of its own: they cannot be taken up again."""

import json
import os
import subprocess
import sys

import pytest

from abzero.sandbox.child.tripwires import CLASS_HASHED, CLASS_MADE, HASHED, ORDERED, REFUSED, SHOWN

SILENT = {
    "numbers and texts": "str(1) + repr('a') + f'{2.5!r}' + ascii(b'c') + str(None) + str(...)",
    "containers": "str([1, (2, {'a': True}), range(3)])",
    "a set looked into": "1 in {1, 2}",
    "hashes of contents": "hash((1, 'a', 2.5, b'c'))",
    "a class": "str(int) + str(A)",
    "an error": "str(ValueError(1, 'a'))",
    "words of its own": "str(B())",
    "None as a key": "{None: 1}[None]",
    "lists of other things": "list() + list('a') + sorted([2, 1]) + [*(1, 2)] + list(range(3))",
    "lists filled with other things": "[[].extend('ab'), [].__init__(), [].__init__((1,)), [].__iadd__([1])]",
    "dictionaries of other things": "dict.fromkeys('ab', 1) | dict.fromkeys([])",
    "much memory": "len(bytes(10_000_000))",
}
TELLING = {
    "an instance": ("str(A())", SHOWN),
    "an instance, in a format": ("'{}'.format(A())", SHOWN),
    "an instance, in an old format": ("'%s' % A()", SHOWN),
    "an instance, inside a list": ("str([A()])", SHOWN),
    "an instance, by the method of its base": ("object.__repr__(B())", SHOWN),
    "an instance, by super": ("C().__repr__()", SHOWN),
    "a function": ("str(lambda: 0)", SHOWN),
    "a generator": ("f'{(i for i in ())}'", SHOWN),
    "an iterator": ("repr(iter([]))", SHOWN),
    "a bound method": ("str([].append)", SHOWN),
    "an error that quotes it": ("str(KeyError(A()))", SHOWN),
    "the hash of an instance": ("hash(A())", HASHED),
    "a set of classes": ("{A, B} and 0", CLASS_HASHED),
    "a set of abstract classes": ("{collections.abc.Set} and 0", CLASS_HASHED),
    "a class": ("type('D', (), {}) and 0", CLASS_MADE),
    "a class by a metaclass": ("abc.ABC.__class__('D', (), {}) and 0", CLASS_MADE),
    "a class by one of one's own": ("M('D', (), {}) and 0", CLASS_MADE),
    "a named tuple": ("collections.namedtuple('D', 'a') and 0", CLASS_MADE),
    "an enumeration": ("enum.Enum('D', 'a') and 0", CLASS_MADE),
    "a function as a key": ("{print: 1}", HASHED),
    "the order of a set": ("[x for x in {1, 2}]", ORDERED),
    "a set as a list": ("list(frozenset('ab'))", ORDERED),
    "a set taken apart": ("min(*{1, 2})", ORDERED),
    "one of a set": ("{1, 2}.pop()", ORDERED),
    "a set printed": ("str({1, 2})", ORDERED),
    "more memory than there is": ("tried(lambda: bytes(1 << 60))", REFUSED),
    "a list of more": ("tried(lambda: [0] * (1 << 55))", REFUSED),
    "a text of more": ("tried(lambda: 'a' * (1 << 60))", REFUSED),
}
SCRIPT = """
import abc, collections.abc, enum, json, sys
from abzero.sandbox.child import tripwires
class A: pass
class M(type): pass
class B:
    def __repr__(self): return "B"
class C:
    def __repr__(self): return super().__repr__()
def tried(act):
    try: act()
    except MemoryError: pass
flag = tripwires.Flag()
codes = [compile(text, "<test>", "eval") for text in json.loads(sys.argv[1])]
tripwires.lay(flag)
seen = []
for code in codes:
    flag.bits[0] = 0
    eval(code)
    seen.append(flag.bits[0])
print(json.dumps(seen))
"""


@pytest.fixture(scope="module")
def raised():
    """The bits that each text raises."""
    texts = [*SILENT.values(), *(text for text, _ in TELLING.values())]
    script = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(texts)], capture_output=True, text=True, check=True
    )
    return dict(zip(texts, json.loads(script.stdout), strict=True))


@pytest.mark.parametrize("text", SILENT.values(), ids=SILENT)
def test_what_tells_nothing_of_memory_raises_nothing(raised, text):
    assert raised[text] == 0


@pytest.mark.parametrize(("text", "bit"), TELLING.values(), ids=TELLING)
def test_what_tells_something_raises_its_flag(raised, text, bit):
    assert raised[text] & bit


THROUGH = {
    "a list": "list({})",
    "a list of a kind of one's own": "L({})",
    "a tuple": "tuple({})",
    "its text": "repr({})",
    "its text, by str": "str({})",
    "its text, in a format": "format({})",
    "its text, in an f-string": "f'{{{}}}'",
    "its text, in an old format": "'%s' % ({},)",
    "its text, in a list": "repr([{}])",
    "its text, in an error": "str(ValueError({}))",
    "its text, in ASCII": "ascii({})",
    "a text joined": "''.join({})",
    "a list display": "[*{}]",
    "a tuple display": "(*{}, 1)",
    "arguments": "max(*{}, key=len)",
    "further arguments": "max('b', *{}, key=lambda one: one != 'b')",
    "a partial function": "functools.partial(max, *{}, key=len)()",
    "a starred target": "unpacked({})",
    "a list extended": "changed(list.extend, {})",
    "a list extended by its operator": "changed(operator.iadd, {})",
    "a list made anew": "changed(list.__init__, {})",
    "a slice": "changed(operator.setitem, slice(0, 0), {})",
    "a slice with a step": "changed(operator.setitem, slice(None, None, -1), {}, first=[0] * 7)",
    "keys": "list(dict.fromkeys({}))",
    "keys of another dictionary": "list(collections.OrderedDict.fromkeys({}))",
    "pairs": "dict(zip({}, range(9)))",
    "counts": "list(collections.Counter({}))",
    "the least of equals": "min({}, key=len)",
    "the greatest of equals": "max({}, key=len)",
    "equals sorted": "sorted({}, key=len)",
    "the smallest of equals": "heapq.nsmallest(1, {}, key=len)",
    "a loop": "[one for one in {}]",
    "numbers": "list(enumerate({}))",
    "a map": "list(map(str, {}))",
    "a filter": "list(filter(None, {}))",
    "one by one": "functools.reduce(operator.add, {})",
    "a quotient": "functools.reduce(operator.truediv, map(ord, {}))",
    "a deque": "list(collections.deque({}))",
    "an array": "array.array('b', map(ord, {})).tolist()",
    "bytes": "bytes(map(ord, {}))",
    "a bytearray": "bytearray(map(ord, {}))",
    "the first": "next(iter({}))",
    "one taken out": "copied({}).pop()",
    "a chain": "list(itertools.chain({}))",
    "permutations": "list(itertools.permutations({}, 2))",
    "combinations": "list(itertools.combinations({}, 2))",
    "products": "list(itertools.product({}))",
    "a cycle": "next(itertools.cycle({}))",
    "sums so far": "list(itertools.accumulate({}))",
    "groups": "[key for key, _ in itertools.groupby({})]",
    "structures": "struct.pack('7s', ''.join({}).encode())",
    "a translation": "'a'.translate({{97: str({})}})",
    "JSON": "json.dumps(list({}))",
    "what is printed": "printed({})",
    "the most common of all": "statistics.mode({})",
    "a list of the library's": "list(collections.UserList({}))",
    "how it is made again": "str({}.__reduce__())",
    "a deep copy's text": "str(copy.deepcopy({}))",
}
FREE = {
    "whether it has something": "'a' in {}",
    "its length": "len({})",
    "its sum": "sum(map(ord, {}))",
    "a set of it": "set({})",
    "a union": "{} | {{'x'}}",
    "a difference": "{} - {{'a'}}",
    "what is in both": "{}.isdisjoint('xy')",
    "its subsets": "{} <= set('ab')",
    "a copy": "copy.copy({})",
    "its sorted members": "sorted({})",
    "whether all are": "all({})",
}
BY_SEED = """
import array, collections, copy, functools, heapq, io, itertools, json, operator, statistics, struct, sys
from abzero.sandbox.child import analyze, tripwires
class L(list): pass
def unpacked(found):
    first, *_ = found
    return first
def changed(act, *arguments, first=()):
    found = [*first]
    act(found, *arguments)
    return found
def printed(found):
    out = io.StringIO()
    print(found, file=out)
    return out.getvalue()
def copied(found):
    return set() | found
plain, frozen = set('abcdefg'), frozenset('abcdefg')
codes = [compile(text, "<test>", "eval") for text in json.loads(sys.argv[1])]
seen = [8 * analyze.analyze(code).hashing for code in codes]
flag = tripwires.Flag()
tripwires.lay(flag)
told = []
for code, bits in zip(codes, seen):
    flag.bits[0] = 0
    value = eval(code)
    bits |= flag.bits[0]
    told.append((bits, repr(sorted(value) if isinstance(value, set | frozenset) else value)))
print(json.dumps(told))
"""
GONE_THROUGH = [text.format(kind) for text in THROUGH.values() for kind in ("plain", "frozen")]
LEFT_ALONE = [text.format(kind) for text in FREE.values() for kind in ("plain", "frozen")]


@pytest.fixture(scope="module")
def by_seed():
    """For each expression the bits and the text of its value under several seeds of the hashes."""
    texts = [*GONE_THROUGH, *LEFT_ALONE]
    told = []
    for seed in "1234":
        command = [sys.executable, "-c", BY_SEED, json.dumps(texts)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed}
        )
        told.append(json.loads(done.stdout))
    return dict(zip(texts, zip(*told, strict=True), strict=True))


@pytest.mark.parametrize("text", GONE_THROUGH)
def test_whatever_tells_the_order_of_a_set_is_noticed(by_seed, text):
    """By a flag, or before it runs: the sets are made beforehand, so nothing else tells that there are any."""
    assert len({value for _, value in by_seed[text]}) > 1
    assert all(bits & ORDERED for bits, _ in by_seed[text])


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_what_is_called_free_of_the_order_is_free_of_it(by_seed, text):
    assert len({value for _, value in by_seed[text]}) == 1
