"""What the base model and the self-play loop may never train on: programs held out by hash and by pair of operations.

A program's signature is its text with the names taken away, so renaming cannot smuggle it in. Programs of one statement
are all seen: an operation that never occurs alone could not be learned.
"""

import hashlib
import re
from itertools import pairwise
from typing import Literal

Split = Literal["train", "dev", "test"]

_STATEMENT = re.compile(r" {4}([a-z]) = (.+)")
_COPY = re.compile(r"[a-z]")
_NAME = re.compile(r"(?<![\w'.])[a-z](?![\w('])")
_CONSTANT = re.compile(r"(?<!\[)\b\d\b|'[a-e]'")


def signature(program: str) -> tuple[str, ...] | None:
    """The operations of a straight-line ``f`` in the order they run, each with its operand named ``X``.

    Plain copies are no operations, and a statement that the result does not need does not count.

    ``None`` where `program` is anything else, which is then no program of the nursery.
    """
    head, *body = program.strip().split("\n")
    if head != "def f(x):" or not body or not body[-1].startswith("    return "):
        return None
    wanted, live = body[-1].removeprefix("    return ").strip(), []
    for line in reversed(body[:-1]):
        statement = _STATEMENT.fullmatch(line)
        if statement is None:
            return None
        if statement[1] != wanted:
            continue
        if _COPY.fullmatch(statement[2]):
            wanted = statement[2]
            continue
        operands = set(_NAME.findall(statement[2])) - {"i", "c"}
        if len(operands) != 1:
            return None
        wanted = operands.pop()
        live.append(re.sub(rf"(?<![\w'.]){wanted}(?![\w('])", "X", statement[2]))
    return tuple(reversed(live)) if wanted == "x" and live else None


def split_of(program: str) -> Split:
    """The split that `program` belongs to; text that is no program of the nursery is in ``train``."""
    found = signature(program)
    if found is None or len(found) == 1:
        return "train"
    digest = hashlib.md5("\n".join(found).encode(), usedforsecurity=False).digest()
    if digest[0] % 8 and not has_held_out_pair(program):
        return "train"
    return "dev" if digest[1] % 4 == 0 else "test"


def held_out(program: str) -> bool:
    """Whether `program` is reserved for evaluation."""
    return split_of(program) != "train"


def has_held_out_pair(program: str) -> bool:
    """Whether two neighbouring operations of `program`, constants aside, are a pair that no training program has."""
    families = [_CONSTANT.sub("C", text) for text in signature(program) or ()]
    return any(
        hashlib.md5(f"{left}\n{right}".encode(), usedforsecurity=False).digest()[0] % 16 == 0
        for left, right in pairwise(families)
    )
