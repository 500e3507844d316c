"""What a compiled program could reach, told from its code object before it runs. Standard library only.

*Reaching*: could a name, a constant or an instruction in it lead to frames, namespaces, hidden modules, special
attributes? *Clean*: may it share a child with others? Only if it reaches for nothing and can leave nothing behind in
modules and classes of the library. *Hashing*: could its value depend on the order of a set or on a hash? What it turns
out to learn of addresses is noticed while it runs (`tripwires`). Doubt costs time, not truth: what is not clean is
isolated, and two seeds are too few for what hashes or reaches.
"""

import builtins
import dis
import re
import sys
from collections.abc import Iterator, Sequence
from types import CodeType
from typing import NamedTuple

_SHARED_IMPORTS = (
    "__future__ bisect cmath collections collections.abc functools heapq itertools math operator string typing"
)
SHARED_IMPORTS = frozenset(_SHARED_IMPORTS.split())
"""Modules whose public functions keep no state that a later caller could see; the caches of ``typing`` are bypassed."""

_BUILTINS_PLAIN = (
    "abs aiter all anext any ascii bin bool bytearray bytes callable chr classmethod complex dict dir divmod enumerate"
    " filter float format frozenset hasattr hash hex int isinstance issubclass iter len list map max min next object"
    " oct ord pow print property range repr reversed round set slice sorted staticmethod str sum super tuple type zip"
    " Ellipsis False None NotImplemented True"
)
_EVALUATING = frozenset({"eval", "exec"})
_NAMES_REACHING = (
    "Formatter get_field attrgetter methodcaller register update_wrapper wraps singledispatch singledispatchmethod"
    " total_ordering cached_property partialmethod overload no_type_check final runtime_checkable dataclass_transform"
    " override with_traceback obj get_type_hints ForwardRef BaseExceptionGroup Template is_ is_not exit quit"
)
_TOLD_APART = frozenset(_BUILTINS_PLAIN.split()) | _EVALUATING | {"compile", "id"}
"""Builtins that are harmless, or told apart elsewhere; all others reach, but for exceptions and special names."""
_IMMUTABLE = 1 << 8
"""The flag of a class that takes no attributes (Py_TPFLAGS_IMMUTABLETYPE)."""


def _harmless_error(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, BaseException) and value.__flags__ & _IMMUTABLE > 0


_REACHING = frozenset(_NAMES_REACHING.split()) | frozenset(
    name
    for name, value in vars(builtins).items()
    if not (name in _TOLD_APART or name.startswith("_") or _harmless_error(value))
)
_NAMES_CHANGING = (
    "type ABCMeta NamedTupleMeta get_origin Annotated abstractmethod no_type_check_decorator all_feature_names"
    " EXCLUDED_ATTRIBUTES"
)
_CHANGING = frozenset(_NAMES_CHANGING.split())
"""Where something is imported, these make classes that caches take for others, or alter what all programs share."""
_MODULES = frozenset(
    {"sys", "os", "warnings", "types", "copyreg", "enum", "contextlib", "builtins", "random", "threading"}
)
"""Modules that others hold: their names are harmless where nothing is imported."""
_REACHING_PREFIXES = ("gi_", "cr_", "ag_", "tb_", "f_", "co_")
_NAMES_PLAIN = (
    "__init__ __repr__ __str__ __lt__ __le__ __gt__ __ge__ __len__ __iter__ __next__ __getitem__ __setitem__"
    " __contains__ __add__ __sub__ __mul__ __bool__ __call__ __module__ __qualname__ __name__ __doc__ __annotations__"
    " __slots__ __future__ __classcell__ __static_attributes__ __firstlineno__ annotations"
)
_PLAIN_DUNDERS = frozenset(_NAMES_PLAIN.split())
_COMPARING = frozenset({"__eq__", "__ne__", "__hash__"})
_NAMES_HASHING = (
    "set frozenset hash Set MutableSet AbstractSet FrozenSet KeysView ItemsView MappingView __hash__ samples kde_random"
)
_HASHING = frozenset(_NAMES_HASHING.split())
_SPECIAL = re.compile(r"__\w+__")
_SPELLING = frozenset({str, tuple})
_SINGLE = frozenset({type(None), bool, type(...)})
_FORMATTING = frozenset({"format", "format_map"})
_AMBIGUOUS = _FORMATTING | {"compile", "id", "__annotations__"}
"""Names that mean one thing as attributes and another by themselves."""
_ATTRIBUTE = ("LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR", "IMPORT_FROM")
_LOOKS_UP = re.compile(r"\{[^{}:!]*[.\[]")
_VIEWS = frozenset({"keys", "items"})
_OPERATING = frozenset({"sub", "and_", "or_", "xor", "isub", "iand", "ior", "ixor"})
"""``operator`` has them; a view makes a set of any of these."""
_STORE, _DELETE, _MATCH_CLASS = (dis.opmap[name] for name in ("STORE_ATTR", "DELETE_ATTR", "MATCH_CLASS"))
_IMPORT = dis.opmap["IMPORT_NAME"]
_HANDLER, _SUSPENDED = bytes((dis.opmap["PUSH_EXC_INFO"],)), 0x20 | 0x80 | 0x200
"""What begins an exception's handler, and the flags of generators and coroutines: one that is left waiting for its end
in a cycle tells when that is collected.
"""
_BINARY = dis.opmap["BINARY_OP"]
_HASHES = frozenset(dis.opmap[name] for name in ("BUILD_SET", "SET_ADD"))
_SPREAD = dis.opmap["LIST_EXTEND"]
_FIXED_LIST = bytes((dis.opmap["BUILD_LIST"], dis.opmap["LOAD_CONST"], _SPREAD))
_UNSEEN = sys.version_info >= (3, 13)
"""Whether ``[*x]`` and ``f(1, *x)`` go through a set where no tripwire lies; ``[1, 2, 3]`` does neither."""
_IS, _GROUPS = dis.opmap["IS_OP"], dis.opmap["CHECK_EG_MATCH"]
"""``except*`` makes an ``ExceptionGroup``, a class that anybody can change."""
_SET_OPERATION = re.compile(re.escape(bytes((_BINARY,))) + b"[%b]" % re.escape(bytes((1, 7, 10, 12, 14, 20, 23, 25))))
"""``& | - ^`` and their in-place forms, as instructions."""
_INTRINSICS = {"CALL_INTRINSIC_1": range(7, 12), "CALL_INTRINSIC_2": range(2, 6)}
_TYPE_PARAMETERS = [
    bytes((dis.opmap[name], operand))
    for name, operands in _INTRINSICS.items()
    for operand in operands
    if name in dis.opmap
]
"""What makes type variables and aliases from Python 3.12 on: objects of ``typing``, with no import of it."""
_TELLING = {_STORE, _DELETE, _MATCH_CLASS, _IMPORT, _BINARY, _IS, _GROUPS, *_HASHES}
_TELLING |= {_SPREAD} if _UNSEEN else set()
_TELLING |= {pair[0] for pair in _TYPE_PARAMETERS}
_ORDINARY = bytes(sorted(set(range(256)) - _TELLING))
"""Operations that tell nothing by themselves."""

_REACHES, _CHANGES, _NAMED, _BUILDS, _VIEWING, _OPERATES, _EVALUATES, _UNCLEAR = (1 << bit for bit in range(8))
"""What a name can mean, as bits."""
_LISTS = {
    _REACHES: _REACHING,
    _CHANGES: _CHANGING,
    _NAMED: _MODULES,
    _BUILDS: _HASHING,
    _VIEWING: _VIEWS,
    _OPERATES: _OPERATING,
    _EVALUATES: _EVALUATING,
    _UNCLEAR: _AMBIGUOUS,
}


class _Meanings(dict[str, int]):
    """What names mean: those on a list from the beginning, others by how they are spelled, once they are met."""

    def __missing__(self, name: str) -> int:
        meaning = self[name] = _spelled(name)
        return meaning


def _spelled(name: str) -> int:
    if name in _PLAIN_DUNDERS or name == "_":
        return 0
    special = name.startswith("__") and name not in _COMPARING
    reaches = special or name.startswith(_REACHING_PREFIXES) or not name.isascii()
    return reaches * _REACHES | name.startswith("_") * _CHANGES


MEANINGS = _Meanings()
for _bit, _names in _LISTS.items():
    for _name in _names:
        MEANINGS[_name] |= _bit


class Analysis(NamedTuple):
    """What was found in a code object."""

    reaching: bool
    """A name, a constant or an instruction could lead beyond what the program was given."""
    clean: bool
    """It can share a process: nothing that it does can be seen by what runs after it."""
    hashing: bool
    """What it returns could depend on the seed of the hashes, or on addresses."""
    frozen: bool
    """It holds a constant set, whose order depends on how it was built."""
    evaluating: bool
    """It reaches by ``eval`` and ``exec`` alone: what these are given can be analyzed in turn."""
    viewing: bool
    """It asks dictionaries for views, of which the operators of sets make sets."""
    operating: bool
    """It has such an operator."""


def hashing(analyses: Sequence[Analysis]) -> bool:
    """Whether what codes do that run together could depend on the seed of the hashes."""
    viewing, operating = any(one.viewing for one in analyses), any(one.operating for one in analyses)
    return (viewing and operating) or any(one.hashing for one in analyses)


def analyze(code: CodeType, beside_imports: bool = False) -> Analysis:
    """What `code` could reach; `beside_imports` if its namespace may hold modules already, as a call's does."""
    imports, meanings, meaning, spells = beside_imports, MEANINGS, 0, _spells
    foreign = frozen = False
    parts = [code]
    for part in parts:
        if part.co_flags & _SUSPENDED and _HANDLER in part.co_code[::2]:
            foreign = True
        for name in part.co_names:
            meaning |= meanings[name]
        for constant in part.co_consts:
            kind = type(constant)
            if kind is CodeType:
                parts.append(constant)
            elif kind is frozenset:
                frozen = True
            elif (kind is str or kind is tuple) and spells(constant):
                meaning |= _REACHES
    if meaning & _UNCLEAR:
        meaning |= _cleared(parts)
    instructions = b"".join([part.co_code for part in parts])
    if telling := instructions[::2].translate(None, _ORDINARY):
        if _IMPORT in telling:
            imports, foreign = True, foreign or not all(_named(part, _IMPORT) <= SHARED_IMPORTS for part in parts)
        if _BINARY in telling and _SET_OPERATION.search(instructions):
            meaning |= _OPERATES
        if _STORE in telling or _DELETE in telling:
            meaning |= _CHANGES
            foreign = foreign or any(map(_stores_special, parts))
        if _MATCH_CLASS in telling or _GROUPS in telling:
            meaning |= _REACHES
        if _IS in telling and any(map(_identifies, parts)):
            foreign = True
        if not _HASHES.isdisjoint(telling) or (_SPREAD in telling and _spreads(instructions[::2])):
            meaning |= _BUILDS
        imports = imports or any(pair in instructions for pair in _TYPE_PARAMETERS)
    evaluating, viewing, operating = meaning & _EVALUATES > 0, meaning & _VIEWING > 0, meaning & _OPERATES > 0
    reaching = meaning & _REACHES > 0 or (imports and meaning & _NAMED > 0)
    return Analysis(
        reaching or evaluating,
        not (reaching or evaluating or foreign or (imports and meaning & _CHANGES)),
        meaning & _BUILDS > 0 or frozen or (viewing and operating),
        frozen,
        evaluating and not reaching,
        viewing,
        operating,
    )


def _spreads(operations: bytes) -> bool:
    """Whether a list is filled by what is no constant."""
    return operations.count(_SPREAD) > operations.count(_FIXED_LIST)


def names(code: CodeType, name: str) -> bool:
    """Whether `name` is one that `code` looks up."""
    return name in code.co_names or any(names(part, name) for part in code.co_consts if type(part) is CodeType)


def _cleared(parts: Sequence[CodeType]) -> int:
    """What the ambiguous names in `parts` mean, told from how they are used."""
    uses = [use for part in parts if not _AMBIGUOUS.isdisjoint(part.co_names) for use in _uses(part)]
    reaches = ("compile", False, None) in uses or ("id", False, None) in uses or any(map(_formats, uses))
    changes = any(name == "__annotations__" and attribute for name, attribute, _ in uses)
    return reaches * _REACHES | changes * _CHANGES


def _spells(constant: str | tuple[object, ...]) -> bool:
    """Whether a constant spells a special name, which formatting and keyword arguments can look up."""
    if isinstance(constant, str):
        return "__" in constant and _SPECIAL.search(constant) is not None
    if _SPELLING.isdisjoint(map(type, constant)):
        return False
    return any(_spells(inner) for inner in constant if isinstance(inner, str | tuple))


def _uses(code: CodeType) -> Iterator[tuple[str, bool, object]]:
    """The names that `code` uses: whether as an attribute, and if of a constant text, of which."""
    before: object = None
    for instruction in dis.get_instructions(code):
        if instruction.opcode in dis.hasname:
            attribute = instruction.opname in _ATTRIBUTE
            yield instruction.argval, attribute, before if attribute and not instruction.is_jump_target else None
        before = instruction.argval if instruction.opname == "LOAD_CONST" else None


def _identifies(code: CodeType) -> bool:
    """Whether ``is`` is asked of anything but a constant of which there is one: equal texts need not be the same one,
    and which of them are tells what ran before.
    """
    constant = False
    for instruction in dis.get_instructions(code):
        if instruction.opcode == _IS and (instruction.is_jump_target or not constant):
            return True
        if instruction.opname != "CACHE":
            constant = instruction.opname == "LOAD_CONST" and type(instruction.argval) in _SINGLE
    return False


def _formats(use: tuple[str, bool, object]) -> bool:
    """Whether it is ``format`` of a text that could look attributes up: of any but a constant that has none."""
    name, attribute, text = use
    return attribute and name in _FORMATTING and (type(text) is not str or _LOOKS_UP.search(text) is not None)


def _stores_special(part: CodeType) -> bool:
    """Whether a special attribute is set or deleted: of a builtin function, whose ``__module__`` takes anything, that
    would outlive the call.
    """
    if not any(name.startswith("__") for name in part.co_names):
        return False
    return any(name == "?" or name.startswith("__") for name in _named(part, _STORE) | _named(part, _DELETE))


def _named(part: CodeType, operation: int) -> frozenset[str]:
    """The names that instructions of this kind have; '?' stands for one that this reading cannot name."""
    instructions = part.co_code
    operations, arguments = instructions[::2], instructions[1::2]
    found, position = [], operations.find(operation)
    while position >= 0:
        extended = position > 0 and operations[position - 1] == dis.EXTENDED_ARG
        found.append("?" if extended else part.co_names[arguments[position]])
        position = operations.find(operation, position + 1)
    return frozenset(found)
