"""Notices what a program could learn of its process's memory: addresses shown, hashed by, and allocations that fail.

No name in a program tells that it prints where a function lies: `str` of anything may. So the interpreter's own
functions that print or hash an address, that go through a set, or that allocate, get a few instructions before or
after them, which raise a flag and change nothing else. What raised one runs in a process of its own, under every seed.
Standard library only.
"""

import _weakref
import ctypes
import mmap
import platform
import struct
import sys
import types
from collections.abc import Iterable, Iterator

from abzero.sandbox.child import syscalls

SHOWN, HASHED, REFUSED, ORDERED, CLASS_HASHED, CLASS_MADE = 1, 2, 4, 8, 16, 32
"""An address was printed; an address was a hash; memory was asked for in vain; a set was gone through; a class was
hashed, which the library does often, and which tells something only of a class made here; a class was made."""

_TP_REPR, _TP_HASH, _TP_ITER, _TP_NEW, _D_WRAPPED = 88, 120, 216, 312, 48
"""Where a type keeps these functions, and where a slot wrapper keeps its own; 64 bits, Python 3.11 and later."""
_D_METHOD, _M_ML, _ML_METH, _ML_FLAGS = 40, 16, 8, 16
"""Where a method's descriptor and a function keep their definition, and that its function and how this is called."""
_TP_AS_SEQUENCE, _SQ_INPLACE_CONCAT, _TP_INIT, _TP_VECTORCALL = 104, 64, 296, 400
_METH_O, _METH_FASTCALL = 0x8, 0x80
_RAW = 0
"""The domain of the allocator that all large and all pooled memory comes from in the end."""
_READ, _EXECUTE = 1, 4
_OBJECT, _VECTOR, _TUPLE = range(3)
"""What the second argument of a function is: an object, the first of so many, or a tuple of them."""
_SLOTS = (("__repr__", _TP_REPR, SHOWN), ("__hash__", _TP_HASH, HASHED))


class _OwnWords:
    def __repr__(self) -> str:
        return ""

    def __hash__(self) -> int:
        return 0


_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))
_PLAIN_REPR: tuple[type, ...] = (
    int, bool, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset, range, slice, type, property,
    BaseException, type(None), type(...), type(NotImplemented), *_VIEWS, types.MappingProxyType, types.ModuleType,
    types.MethodType, types.GenericAlias, types.UnionType, staticmethod, classmethod, types.WrapperDescriptorType,
    types.MethodDescriptorType, types.GetSetDescriptorType, types.MemberDescriptorType, types.SimpleNamespace,
    _OwnWords,
)  # fmt: skip
"""Their text holds no address of their own; `property` prints like any object, and is taken out again."""
_PLAIN_HASH: tuple[type, ...] = (
    int, float, complex, str, bytes, list, tuple, frozenset, range, types.GenericAlias, types.UnionType, _OwnWords,
    _weakref.ref,
)  # fmt: skip
_MORE_PLAIN = ("collections.deque", "collections.defaultdict", "collections.OrderedDict", "itertools.count")
"""Types of modules whose text and hash are made of their contents."""


class Flag:
    """What has been noticed since it was last lowered."""

    def __init__(self) -> None:
        self.bits = bytearray(1)
        """Read and lowered without a function that might raise it."""
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.bits))


def address_hashed(bits: int) -> bool:
    """Whether `bits` say that something could have been learnt by a hash that is an address."""
    return bits & HASHED > 0 or bits & (CLASS_HASHED | CLASS_MADE) == CLASS_HASHED | CLASS_MADE


def lay(flag: Flag) -> None:
    """Have `flag` raised from now on, in this process and its children. Raises `OSError` where that is not possible."""
    machine = platform.machine()
    if machine not in ("x86_64", "aarch64") or sys.maxsize < 2**32 or not hasattr(types, "UnionType"):
        raise OSError(f"not known on {machine}")
    if sys.abiflags or not _as_expected():
        raise OSError("this build of Python keeps its types in another way")
    kinds = [kind for kind in set(_subclasses(object)) if kind is not _OwnWords]
    code = _Code(flag.address)
    wires: dict[tuple[int, int], int] = {}
    changes: dict[int, int] = {}
    for place, bit in _places(kinds):
        function = _word(place).value or 0
        if (function, bit) not in wires:
            wires[function, bit] = code.before(function, bit)
        changes[place] = wires[function, bit]
    for place, argument in _takers(kinds):
        changes[place] = code.before_sets(_word(place).value or 0, ORDERED, argument)
    allocator = _Allocator()
    ctypes.pythonapi.PyMem_GetAllocator(_RAW, ctypes.byref(allocator))
    for name in ("malloc", "calloc", "realloc"):
        setattr(allocator, name, code.after(getattr(allocator, name), REFUSED))
    code.seal()
    _kept.append((code, flag))
    for place, wire in changes.items():
        _word(place).value = wire
    ctypes.pythonapi.PyMem_SetAllocator(_RAW, ctypes.byref(allocator))


_kept: list[object] = []


def _word(address: int) -> ctypes.c_void_p:
    return ctypes.c_void_p.from_address(address)


def _as_expected() -> bool:
    """Whether the places are where this file thinks: each type's own wrapper holds what its slot holds, and a class
    that defines none has the constructor of its base.
    """
    own_class, base = _word(id(_OwnWords) + _TP_NEW).value, _word(id(object) + _TP_NEW).value
    return (
        own_class == base != _word(id(type) + _TP_NEW).value
        and all(
            _word(id(kind) + offset).value == _word(id(vars(kind)[name]) + _D_WRAPPED).value
            for kind, name, offset in (
                *((kind, name, offset) for kind in (object, int, str, tuple, float) for name, offset, _ in _SLOTS),
                *((kind, "__iter__", _TP_ITER) for kind in (set, frozenset, list)),
                *((kind, "__init__", _TP_INIT) for kind in (list, set)),
            )
        )
        and _takes_as_expected()
    )


def _takes_as_expected() -> bool:
    """The same of what takes sets: called as `_takers` says, and where a type keeps it."""
    called = [_word(definition + _ML_FLAGS).value or 0 for definition, _ in _defined()]
    added = _word((_word(id(list) + _TP_AS_SEQUENCE).value or 0) + _SQ_INPLACE_CONCAT).value
    vectors = [_word(id(kind) + _TP_VECTORCALL).value for kind in (list, dict, object, _OwnWords)]
    return (
        [flags & (_METH_O | _METH_FASTCALL) for flags in called] == [_METH_O, _METH_FASTCALL, _METH_FASTCALL]
        and added == _word(id(vars(list)["__iadd__"]) + _D_WRAPPED).value
        and None not in vectors[:2]
        and vectors[0] != vectors[1]
        and vectors[2:] == [None, None]
    )


def _subclasses(kind: type) -> Iterator[type]:
    yield kind
    below: list[type] = type.__subclasses__(kind)
    for kind in below:
        yield from _subclasses(kind)


def _places(kinds: Iterable[type]) -> Iterator[tuple[int, int]]:
    """The addresses of all pointers to a function that may show or hash by an address, and the bit to raise."""
    kinds = list(kinds)
    more = [kind for kind in kinds if f"{kind.__module__}.{kind.__qualname__}" in _MORE_PLAIN]
    for name, offset, bit in _SLOTS:
        ordinary = _word(id(object) + offset).value
        plain = {_word(id(kind) + offset).value for kind in [*(_PLAIN_REPR if bit == SHOWN else _PLAIN_HASH), *more]}
        plain -= {ordinary}
        for kind in kinds:
            if kind is type(None):
                continue  # its place is the same for all that a process runs
            if (pointer := _word(id(kind) + offset).value) and pointer not in plain:
                yield id(kind) + offset, CLASS_HASHED if bit == HASHED and issubclass(kind, type) else bit
            own = vars(kind).get(name)
            if type(own) is types.WrapperDescriptorType and _word(id(own) + _D_WRAPPED).value not in plain:
                yield id(own) + _D_WRAPPED, bit
    for kind in kinds:
        if issubclass(kind, type) and _word(id(kind) + _TP_NEW).value == _word(id(type) + _TP_NEW).value:
            yield id(kind) + _TP_NEW, CLASS_MADE
        if issubclass(kind, set | frozenset) and _word(id(kind) + _TP_ITER).value == _word(id(set) + _TP_ITER).value:
            yield id(kind) + _TP_ITER, ORDERED
        if issubclass(kind, set | frozenset) and _word(id(kind) + _TP_REPR).value == _word(id(set) + _TP_REPR).value:
            yield id(kind) + _TP_REPR, ORDERED
    for kind in (set, frozenset):
        yield from ((id(vars(kind)[name]) + _D_WRAPPED, ORDERED) for name in ("__iter__", "__repr__"))
        yield (_word(id(vars(kind)["__reduce__"]) + _D_METHOD).value or 0) + _ML_METH, ORDERED
    yield (_word(id(vars(set)["pop"]) + _D_METHOD).value or 0) + _ML_METH, ORDERED


def _takers(kinds: Iterable[type]) -> Iterator[tuple[int, int]]:
    """The addresses of all pointers to a function that goes through a set with no iterator, and how it is given that.
    A dictionary's always did; those that fill lists do from Python 3.13 on.
    """
    for definition, argument in _defined():
        yield definition + _ML_METH, argument
    yield id(list) + _TP_VECTORCALL, _VECTOR
    yield id(vars(list)["__init__"]) + _D_WRAPPED, _TUPLE
    yield id(vars(list)["__iadd__"]) + _D_WRAPPED, _OBJECT
    initialize = _word(id(list) + _TP_INIT).value
    concatenate = _word(id(vars(list)["__iadd__"]) + _D_WRAPPED).value
    for kind in kinds:
        if _word(id(kind) + _TP_INIT).value == initialize:
            yield id(kind) + _TP_INIT, _TUPLE
        sequence = _word(id(kind) + _TP_AS_SEQUENCE).value
        if issubclass(kind, list) and sequence and _word(sequence + _SQ_INPLACE_CONCAT).value == concatenate:
            yield sequence + _SQ_INPLACE_CONCAT, _OBJECT


def _defined() -> list[tuple[int, int]]:
    """The definitions of the methods and functions among them."""
    return [
        (_word(id(vars(list)["extend"]) + _D_METHOD).value or 0, _OBJECT),
        (_word(id(vars(dict)["fromkeys"]) + _D_METHOD).value or 0, _VECTOR),
        (_word(id(sorted) + _M_ML).value or 0, _VECTOR),
    ]


class _Allocator(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_void_p) for name in ("context", "malloc", "calloc", "realloc", "free"))


class _Code:
    """A page or two of machine code that raises bits of the byte at `flag`."""

    def __init__(self, flag: int) -> None:
        self._flag = struct.pack("<Q", flag)
        self._area = mmap.mmap(-1, 1 << 16)
        self._start = ctypes.addressof(ctypes.c_char.from_buffer(self._area))
        self._x86 = platform.machine() == "x86_64"

    def before(self, function: int, bit: int) -> int:
        """The address of code that raises `bit` and goes on as `function`."""
        target = struct.pack("<Q", function)
        if self._x86:  # mov rax, flag; or byte [rax], bit; mov rax, target; jmp rax
            return self._put(b"\x48\xb8" + self._flag + bytes((0x80, 0x08, bit)) + b"\x48\xb8" + target + b"\xff\xe0")
        # ldr x16, flag; ldrb w17, [x16]; orr w17, w17, bit; strb w17, [x16]; ldr x16, target; br x16
        words = (_literal(6), 0x39400211, _OR_BIT[bit], 0x39000211, _literal(4), 0xD61F0200)
        return self._put(struct.pack("<6I", *words) + self._flag + target)

    def before_sets(self, function: int, bit: int, argument: int) -> int:
        """The address of code that raises `bit` if the object that `argument` leads to is a set, and goes on as
        `function`.
        """
        target, kinds = struct.pack("<Q", function), [struct.pack("<Q", id(kind)) for kind in (set, frozenset)]
        if self._x86:  # the same, with the object's type in rax, after: mov r10, kind; cmp rax, r10; je hit; ...; hit:
            raising = b"\x48\xb8" + self._flag + bytes((0x80, 0x08, bit))
            compare = b"\x49\xba" + kinds[0] + b"\x4c\x39\xd0\x74\x0f"
            compare += b"\x49\xba" + kinds[1] + b"\x4c\x39\xd0\x75" + bytes((len(raising),))
            load, test = _TYPE_X86[argument]
            if test:  # jz to the end
                test += bytes((0x74, len(load + compare + raising)))
            return self._put(test + load + compare + raising + b"\x48\xb8" + target + b"\xff\xe0")
        # ldr x17, set; cmp x16, x17; b.eq hit; ldr x17, frozenset; cmp x16, x17; b.ne end; hit: as above; end: as above
        first = len(_TYPE_ARM[argument])
        words = [*_TYPE_ARM[argument], 0, 0xEB11021F, 0x54000080, 0, 0xEB11021F, 0x540000A1]
        words += [0, 0x39400211, _OR_BIT[bit], 0x39000211, 0, 0xD61F0200]
        words += [0xD503201F] * (len(words) % 2)  # nop
        for literal, (place, register) in enumerate(((0, 17), (3, 17), (6, 16), (10, 16))):
            words[first + place] = _literal(len(words) + 2 * literal - first - place, register)
        return self._put(struct.pack(f"<{len(words)}I", *words) + b"".join(kinds) + self._flag + target)

    def after(self, function: int, bit: int) -> int:
        """The address of code that calls `function` and raises `bit` if it returned a null pointer."""
        target = struct.pack("<Q", function)
        if self._x86:  # sub rsp, 8; mov rax, target; call rax; test rax, rax; jnz end; mov rcx, flag; or [rcx], bit
            code = b"\x48\x83\xec\x08\x48\xb8" + target + b"\xff\xd0\x48\x85\xc0\x75\x0d"
            code += b"\x48\xb9" + self._flag + bytes((0x80, 0x09, bit))
            return self._put(code + b"\x48\x83\xc4\x08\xc3")  # end: add rsp, 8; ret
        # stp x29, x30, [sp, -16]!; ldr x16, target; blr x16; cbnz x0, end; ldr x16, flag; ldrb, orr, strb as above
        words = (0xA9BF7BFD, _literal(11), 0xD63F0200, 0xB50000A0, _literal(6), 0x39400211, _OR_BIT[bit], 0x39000211)
        end = (0xA8C17BFD, 0xD65F03C0)  # end: ldp x29, x30, [sp], 16; ret
        return self._put(struct.pack("<10I", *words, *end) + self._flag + target)

    def _put(self, code: bytes) -> int:
        address = self._start + self._area.tell()
        self._area.write(code + bytes(-len(code) % 16))
        return address

    def seal(self) -> None:
        """Make it code: no longer to be written to."""
        if syscalls.libc.mprotect(ctypes.c_void_p(self._start), ctypes.c_size_t(1 << 16), _READ | _EXECUTE) != 0:
            raise syscalls.failure("mprotect of code")


_TYPE_X86 = {
    _OBJECT: (b"\x48\x8b\x46\x08", b""),  # mov rax, [rsi + 8]
    # lea rax, [rdx + rdx]; test rax, rax, since the first bit is no part of the number; mov rax, [rsi]; [rax + 8]
    _VECTOR: (b"\x48\x8b\x06\x48\x8b\x40\x08", b"\x48\x8d\x04\x12\x48\x85\xc0"),
    # cmp qword [rsi + 16], 0; mov rax, [rsi + 24]; mov rax, [rax + 8]
    _TUPLE: (b"\x48\x8b\x46\x18\x48\x8b\x40\x08", b"\x48\x83\x7e\x10\x00"),
}
"""How the type of an object comes into ``rax``, and a test before that, which sets the zero flag if there is none."""
_TYPE_ARM = {
    _OBJECT: (0xF9400430,),  # ldr x16, [x1, 8]
    # lsl x16, x2, 1; cbz x16, end; ldr x16, [x1]; ldr x16, [x16, 8]
    _VECTOR: (0xD37FF850, 0xB40001B0, 0xF9400030, 0xF9400610),
    # ldr x16, [x1, 16]; cbz x16, end; ldr x16, [x1, 24]; ldr x16, [x16, 8]
    _TUPLE: (0xF9400830, 0xB40001B0, 0xF9400C30, 0xF9400610),
}
"""How it comes into ``x16``."""
_OR_BIT = {1: 0x32000231, 2: 0x321F0231, 4: 0x321E0231, 8: 0x321D0231, 16: 0x321C0231, 32: 0x321B0231}
"""``orr w17, w17, bit``"""


def _literal(words: int, register: int = 16) -> int:
    """``ldr register`` of what lies so many words further on."""
    return 0x58000000 | words << 5 | register
