"""What a program is made of: its normal form, its size in decisions, its distance to others.

Reads programs that the sandbox has already compiled and run. Still, ``ast.parse`` recurses in C; so text that nests or
chains deeper than any sane program is taken as it is, unparsed.
"""

import ast
import difflib
import re
import warnings
from collections.abc import Collection, Iterator
from functools import lru_cache
from itertools import islice

from abzero.python.entry import entry_point
from abzero.python.names import numbered

_MAX_CHARACTERS = 32_768
_MAX_DEPTH = 100
"""Levels of a syntax tree: what Python code that recurses over trees can bear, however deep its caller stands."""
_CHAIN = re.compile(r"(?:[-+~(\[{.]\s*|\bnot\s+|\blambda\b[^:\n]{0,20}:\s*|\*\*\s*){60}")
_OPERATORS_PER_LINE = 400
_OPERATOR = re.compile(r"[-+*/%@&|^<>=.(\[{,:]|\b(?:and|or|if|else|not|in|is|lambda|for)\b")


@lru_cache(maxsize=4096)
def normal_form(program: str) -> str:
    """`program` without comments, layout and statements that do nothing (docstrings, ``pass``), and with the names that
    it chose numbered in order of appearance; its entry point is called ``f``.

    Equal for programs that differ only in these; the program itself where it cannot be parsed safely.
    """
    tree = _tree(program)
    return (tree and _written(numbered(_without_idle_statements(tree), entry_point(program)))) or program


def untyped_form(program: str) -> str:
    """The normal form of `program` without type hints, imports that nothing uses and what only a script runs, and with
    all attributes numbered that it defines itself, also those that a text in it could mean.
    """
    tree = _tree(program)
    if tree is None:
        return program
    plain = ast.fix_missing_locations(_Untyped().visit(_without_idle_statements(tree)))
    used = {node.id for node in ast.walk(plain) if isinstance(node, ast.Name)}
    plain.body = [node for node in plain.body if not _is_unused(node, used)]
    return _written(numbered(_without_idle_statements(plain), entry_point(program), strictly=False)) or program


class _Untyped(ast.NodeTransformer):
    """Makes a tree one without annotations."""

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        return ast.Assign([node.target], node.value) if node.value else ast.Pass()

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        for field in node.body:
            if isinstance(field, ast.AnnAssign) and field.value is None:
                field.value = ast.Constant(...)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)


def _is_unused(statement: ast.stmt, used: Collection[str]) -> bool:
    """Whether `statement` imports what nothing has `used`, or only concerns annotations or a script."""
    match statement:
        case ast.ImportFrom(module="__future__"):
            return True
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return all((one.asname or one.name.partition(".")[0]) not in {*used, "*"} for one in names)
        case ast.If(test=ast.Compare(left=ast.Name("__name__"), ops=[ast.Eq()])):
            return not statement.orelse
    return False


def complexity(program: str) -> float:
    """McCabe's cyclomatic complexity: decisions plus one; 1 where the program cannot be parsed safely."""
    tree = _tree(program)
    return 1.0 if tree is None else 1.0 + sum(_decisions(node) for node in ast.walk(tree))


def distance(program: str, other: str) -> float:
    """1 - the similarity of the two normal forms, in [0, 1]; 0 for programs of equal form (the paper's appendix D)."""
    return 1.0 - difflib.SequenceMatcher(None, _words(program), _words(other), autojunk=False).ratio()


def shortcuts(program: str, most: int) -> list[str]:
    """`program` with one step less each: an assignment made a copy of a variable that it reads, another step dropped.

    If one of them gives the same result, the step that it lacks is redundant. The first `most` of them, since each is
    as long as the program; empty where `program` cannot be parsed safely.
    """
    tree = _tree(program)
    return [] if tree is None else list(islice(_shortened(tree), most))


def _shortened(tree: ast.Module) -> Iterator[str]:
    bound = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    bound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    known: set[str] = set()
    for node in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.For | ast.While | ast.If)]:
        for place, step in enumerate(node.body):
            for shorter in _shorter(step, bound):
                node.body[place] = shorter
                text = _written(ast.fix_missing_locations(tree))
                if text is not None and text not in known:
                    known.add(text)
                    yield text
            node.body[place] = step


def _shorter(step: ast.stmt, bound: set[str]) -> list[ast.stmt]:
    match step:
        case ast.Assign(targets=[ast.Name(id=target)], value=value):
            read = {node.id: None for node in ast.walk(value) if isinstance(node, ast.Name) and node.id in bound}
            copies = [name for name in read if not (isinstance(value, ast.Name) and value.id == name)]
            return [ast.Assign([ast.Name(target, ast.Store())], ast.Name(name, ast.Load())) for name in copies]
        case ast.AugAssign() | ast.Expr(value=ast.Call()):
            return [ast.Pass()]
        case _:
            return []


@lru_cache(maxsize=4096)
def _words(program: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+|[^\w\s]", normal_form(program)))


def _tree(program: str) -> ast.Module | None:
    if len(program) > _MAX_CHARACTERS or _CHAIN.search(program):
        return None
    if any(len(_OPERATOR.findall(line)) > _OPERATORS_PER_LINE for line in program.splitlines()):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return tree if _depth(tree) <= _MAX_DEPTH else None


def _written(tree: ast.Module) -> str | None:
    """`tree` as text; ``None`` where it cannot be written: some f-strings before Python 3.12, integers of more digits
    than are printed.
    """
    try:
        return ast.unparse(tree)
    except (ValueError, RecursionError):
        return None


def _without_idle_statements(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        for part in ("body", "orelse", "finalbody"):
            statements = getattr(node, part, None)
            if isinstance(statements, list) and statements:
                needed = [] if part == "orelse" else [ast.Pass()]
                setattr(node, part, [one for one in statements if not _idle(one)] or needed)
    return tree


def _idle(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _depth(tree: ast.AST) -> int:
    depth, level = 0, [tree]
    while level:
        depth, level = depth + 1, [child for node in level for child in ast.iter_child_nodes(node)]
    return depth


def _decisions(node: ast.AST) -> int:
    match node:
        case ast.If() | ast.IfExp() | ast.For() | ast.While() | ast.ExceptHandler() | ast.Assert() | ast.match_case():
            return 1
        case ast.comprehension(ifs=ifs):
            return 1 + len(ifs)
        case ast.BoolOp(values=values):
            return len(values) - 1
        case _:
            return 0
