"""What raises the flags, in an interpreter of its own: they cannot be taken up again."""

import json
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
