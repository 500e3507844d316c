"""Python in what a model wrote: parsed where that is cheap, and told from prose where it stands without a fence."""

import ast
import re
import textwrap
import warnings

_LONGEST = 32_768
_DEEPEST = 2_000
_BETWEEN = re.compile(r"(\n\s*\n)")
_STATEMENTS = (ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AugAssign, ast.For, ast.While, ast.Import, ast.ImportFrom)


def parsed(program: str) -> ast.Module | None:
    """The syntax tree; ``None`` where there is none, or where making it could cost too much."""
    if len(program) > _LONGEST or "\0" in program or max(map(program.count, "([{-~+"), default=0) > _DEEPEST:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def without_programs(text: str) -> str:
    """`text` with the paragraphs that are Python statements blanked out, of equal length; all of it, if it is one."""
    if _is_program(text):
        return " " * len(text)
    return "".join(" " * len(part) if _is_program(part) else part for part in _BETWEEN.split(text))


def _is_program(text: str) -> bool:
    tree = parsed(textwrap.dedent(text))
    return tree is not None and any(isinstance(statement, _STATEMENTS) for statement in tree.body)
