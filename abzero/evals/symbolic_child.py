"""The process that runs math-verify: pairs of answers in, one a line, and for each whether they are the same."""

import contextlib
import json
import os
import resource
import sys

SMALL, NEAR = 1e-3, 1e-5
"""Below `SMALL`, numbers are the same if they are so near to each other, relative to the first."""


def main(memory_bytes: int) -> None:
    """Serve standard input until it ends. Whatever a pair makes the library raise is told as ``null``."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from math_verify import parse, verify  # the heavy part, and the only file that knows it

    replies = os.fdopen(os.dup(1), "w")
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        replies.write("ready\n")
        replies.flush()
        for line in sys.stdin:
            gold, answer = json.loads(line)
            found: bool | None
            try:
                parsed = [
                    parse(f"\\boxed{{{text}}}", parsing_timeout=None, raise_on_error=True) for text in (gold, answer)
                ]
                found = bool(verify(*parsed, timeout_seconds=None, raise_on_error=True)) and not _differ(*parsed)
            except Exception:  # a library of many parsers: what it cannot read is an error of ours, never `wrong`
                found = None
            replies.write(json.dumps(found) + "\n")
            replies.flush()


def _differ(gold: list[object], answer: list[object]) -> bool:
    """Whether both are numbers that are apart: the library rounds to six places, to which small ones are all equal."""
    from sympy import Expr

    left, right = (one[0] if one else None for one in (gold, answer))
    if not isinstance(left, Expr) or not isinstance(right, Expr) or not (left.is_number and right.is_number):
        return False
    a, b = left.evalf(30), right.evalf(30)
    return bool(a.is_Float and b.is_Float and abs(a) < SMALL and abs(a - b) > NEAR * abs(a))


if __name__ == "__main__":
    main(int(sys.argv[1]))
