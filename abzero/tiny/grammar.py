"""A grammar of small, real Python programs: chains of k assignments over digits, lists of digits and short strings.

    def f(x):
        j = x[::-1]
        m = j[1:]
        return m

Each statement applies one operation to the variable before it, so a program is a sequence of operations and the names
are decoration. Operations are rows of text with their inverses; the interpreter that runs them is Python's own, on this
file's text only: nothing that a model wrote is ever evaluated here.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache

TinyValue = int | str | list[int]

NAMES = "ghjkmnpqrstuvwyz"
LETTERS = "abcde"
MAX_LENGTH = 4
"""Longest list or string that a program of the grammar takes or makes."""

_ROWS: tuple[tuple[str, str, Iterable[object], str], ...] = (
    # takes>gives ...       operation on X, with constant C            constants   a preimage of X
    ("list>list str>str", "X[::-1]", "-", "X[::-1]"),
    ("list>list str>str", "X[1:]", "-", "X[:1] + X"),
    ("list>list str>str", "X[:-1]", "-", "X + X[-1:]"),
    ("list>list str>str", "X[:2]", "-", "X"),
    ("list>list str>str", "X[-2:]", "-", "X"),
    ("list>list str>str", "X[1:] + X[:1]", "-", "X[-1:] + X[:-1]"),
    ("list>list str>str", "X[-1:] + X[:-1]", "-", "X[1:] + X[:1]"),
    ("list>list str>str", "X[:1] + X", "-", "X[1:]"),
    ("list>list str>str", "X + X[-1:]", "-", "X[:-1]"),
    ("list>list", "X[::2]", "-", "[j for i in X for j in (i, 0)][:-1]"),
    ("list>list", "sorted(X)", "-", "X"),
    ("list>list", "sorted(X, reverse=True)", "-", "X"),
    ("list>list", "X + [C]", range(10), "X[:-1]"),
    ("list>list", "[C] + X", range(10), "X[1:]"),
    ("list>list", "[(i + C) % 10 for i in X]", range(1, 6), "[(i - C) % 10 for i in X]"),
    ("list>list", "[i * 2 % 10 for i in X]", "-", "[i // 2 for i in X]"),
    ("list>list", "[i // 2 for i in X]", "-", "[i * 2 for i in X]"),
    ("list>list", "[9 - i for i in X]", "-", "[9 - i for i in X]"),
    ("list>list", "[i for i in X if i > C]", range(2, 6), "X"),
    ("list>list", "[i for i in X if i < C]", range(4, 8), "X"),
    ("list>list", "[max(i, C) for i in X]", range(3, 6), "X"),
    ("list>list", "[min(i, C) for i in X]", range(4, 7), "X"),
    ("list>int", "X[0]", "-", "[X]"),
    ("list>int", "X[-1]", "-", "[X]"),
    ("list>int", "max(X)", "-", "[X]"),
    ("list>int", "min(X)", "-", "[X]"),
    ("list>int", "sum(X) % 10", "-", "[X]"),
    ("list>int", "len(X)", "-", "[0] * X"),
    ("str>int", "len(X)", "-", "'a' * X"),
    ("list>str", "''.join(map(str, X))", "-", "[int(c) for c in X]"),
    ("int>int", "(X + C) % 10", range(1, 10), "(X - C) % 10"),
    ("int>int", "X * 2 % 10", "-", "X // 2"),
    ("int>int", "X // 2", "-", "X * 2"),
    ("int>int", "9 - X", "-", "9 - X"),
    ("int>int", "max(X, C)", range(3, 6), "X"),
    ("int>int", "min(X, C)", range(4, 7), "X"),
    ("int>int", "abs(X - C)", range(3, 7), "X + C if X + C < 10 else C - X"),
    ("int>list", "[X, C]", range(10), "X[0]"),
    ("int>list", "[C, X]", range(10), "X[1]"),
    ("int>list", "[X] * 2", "-", "X[0]"),
    ("int>list", "[X] * 3", "-", "X[0]"),
    ("int>str", "str(X)", "-", "int(X)"),
    ("str>str", "X + 'C'", LETTERS, "X[:-1]"),
    ("str>str", "'C' + X", LETTERS, "X[1:]"),
    ("str>str", "X.upper()", "-", "X"),
    ("str>str", "X.swapcase()", "-", "X.swapcase()"),
    ("str>str", "''.join(sorted(X))", "-", "X"),
    ("str>str", "X.replace('C', 'b')", "ade", "X"),
    ("str>int", "X.count('C')", "abc", "'C' * X"),
    ("str>list", "[X.count(c) for c in 'abc']", "-", "'a' * X[0] + 'b' * X[1] + 'c' * X[2]"),
)


@dataclass(frozen=True)
class Operation:
    """One right-hand side: `text` in terms of its operand ``X``."""

    text: str
    family: str
    """`text` before its constant was filled in."""
    takes: str
    gives: str
    apply: Callable[[TinyValue], TinyValue]
    invert: Callable[[TinyValue], TinyValue]
    """Proposes a preimage; right only where `apply` confirms it."""


def _operations() -> Iterable[Operation]:
    for types, family, constants, inverse in _ROWS:
        for constant in constants:
            text, back = family.replace("C", str(constant)), inverse.replace("C", str(constant))
            apply, invert = (eval(f"lambda X: {source}") for source in (text, back))
            for takes, gives in (pair.split(">") for pair in types.split()):
                yield Operation(text, family, takes, gives, apply, invert)


OPERATIONS = tuple(_operations())
KINDS = ("list", "str", "int")
COPIES = {kind: Operation("X", "X", kind, kind, lambda value: value, lambda value: value) for kind in KINDS}
"""Plain copies, ``m = j``: statements that are no operation, and count as none."""


@cache
def _families(takes: str) -> tuple[tuple[Operation, ...], ...]:
    names = dict.fromkeys(op.family for op in OPERATIONS if op.takes == takes)
    return tuple(tuple(op for op in OPERATIONS if op.takes == takes and op.family == name) for name in names)


@dataclass(frozen=True)
class Program:
    """A chain of operations, applied in order to the argument ``x``."""

    operations: tuple[Operation, ...]
    names: str
    """One letter a statement: what each assigns to."""

    @property
    def takes(self) -> str:
        return self.operations[0].takes

    @property
    def statements(self) -> list[str]:
        operands = ["x", *self.names]
        return [
            f"{name} = {op.text.replace('X', operand)}"
            for op, name, operand in zip(self.operations, self.names, operands, strict=False)
        ]

    @property
    def source(self) -> str:
        body = "".join(f"\n    {statement}" for statement in self.statements)
        return f"def f(x):{body}\n    return {self.names[-1]}"

    def values(self, argument: TinyValue) -> list[TinyValue] | None:
        """What each statement assigns; ``None`` as soon as one fails or leaves the nursery's values."""
        values: list[TinyValue] = []
        for operation in self.operations:
            value = step(operation, argument)
            if value is None:
                return None
            values.append(value)
            argument = value
        return values

    def preimages(self, output: TinyValue) -> list[TinyValue] | None:
        """What each statement may have been applied to, last statement first; ``None`` where a guess fails."""
        found: list[TinyValue] = []
        for operation in reversed(self.operations):
            try:
                guess = operation.invert(output)
            except (ValueError, IndexError, TypeError):
                return None
            if not _fits(guess, operation.takes) or step(operation, guess) != output:
                return None
            found.append(guess)
            output = guess
        return found


def step(operation: Operation, value: TinyValue) -> TinyValue | None:
    """`operation` applied to `value`; ``None`` where it raises or leaves the nursery's values."""
    try:
        result = operation.apply(value)
    except (ValueError, IndexError, TypeError):
        return None
    return result if _fits(result, operation.gives) else None


def _fits(value: TinyValue, kind: str) -> bool:
    match value:
        case int():
            return kind == "int" and 0 <= value <= 9
        case str():
            return kind == "str" and 1 <= len(value) <= MAX_LENGTH
        case list():
            return kind == "list" and 1 <= len(value) <= MAX_LENGTH and all(0 <= digit <= 9 for digit in value)


def draw_names(k: int, rng: random.Random) -> str:
    """`k` distinct letters in alphabetical order."""
    return "".join(sorted(rng.sample(NAMES, k)))


def draw_operation(takes: str, rng: random.Random) -> Operation:
    """A family uniformly, then its constant uniformly."""
    return rng.choice(rng.choice(_families(takes)))


def draw_program(k: int, rng: random.Random, takes: str | None = None) -> Program:
    """`k` operations whose types fit together; the first takes a list in three of five, else a string or a digit."""
    kind = takes or rng.choices(KINDS, (3, 1, 1))[0]
    operations: list[Operation] = []
    for _ in range(k):
        operations.append(draw_operation(kind, rng))
        kind = operations[-1].gives
    return Program(tuple(operations), draw_names(k, rng))


def with_copies(program: Program, count: int, rng: random.Random) -> Program:
    """`program` with `count` copies inserted anywhere, and names of its own."""
    operations = list(program.operations)
    for _ in range(count):
        index = rng.randint(0, len(operations))
        kind = operations[index].takes if index < len(operations) else operations[-1].gives
        operations.insert(index, COPIES[kind])
    return Program(tuple(operations), draw_names(len(operations), rng))


def draw_value(kind: str, rng: random.Random) -> TinyValue:
    """An argument of `kind`: a digit, or one to four digits or letters."""
    length = rng.choice((1, 2, 2, 3, 3, 4))
    match kind:
        case "int":
            return rng.randrange(10)
        case "str":
            return "".join(rng.choice(LETTERS) for _ in range(length))
        case _:
            return [rng.randrange(10) for _ in range(length)]


def draw_run(program: Program, rng: random.Random, tries: int = 8) -> tuple[TinyValue, list[TinyValue]] | None:
    """An argument that `program` accepts and the values that its statements assign; ``None`` if none was found."""
    for _ in range(tries):
        argument = draw_value(program.takes, rng)
        values = program.values(argument)
        if values is not None:
            return argument, values
    return None


def every_statement_matters(program: Program, argument: TinyValue) -> bool:
    """Whether the result on `argument` changes, or fails, when any one statement is left out."""
    values = program.values(argument)
    return values is not None and all(
        run(program.operations[:index] + program.operations[index + 1 :], argument) != values[-1]
        for index in range(len(program.operations))
    )


def run(operations: Sequence[Operation], value: TinyValue) -> TinyValue | None:
    """The untyped run: what Python would do with these statements, ``None`` if it would raise."""
    for operation in operations:
        try:
            value = operation.apply(value)
        except (ValueError, IndexError, TypeError, AttributeError):
            return None
    return value
