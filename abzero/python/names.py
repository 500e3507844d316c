"""Which binding each name of a syntax tree means, and the tree with its bindings numbered."""

import ast
import builtins
import re
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType

ScopeKey = tuple[int, str]
"""A binding: the scope that holds it, and its name; scope 0 is that of attributes."""
_ATTRIBUTES = 0
_Definition = ast.FunctionDef | ast.AsyncFunctionDef
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_KNOWN = frozenset(
    name for value in vars(builtins).values() if isinstance(value, type | ModuleType) for name in dir(value)
)
"""Attributes of builtin types: the program may mean theirs."""


class _Scope:
    """A module, function, class or comprehension, and the names that it binds."""

    def __init__(self, node: ast.AST | None, parent: "_Scope | None") -> None:
        self.node, self.parent = node, parent
        self.bound: set[str] = set()
        self.elsewhere: dict[str, _Scope] = {}
        """Names that ``global`` and ``nonlocal`` send to another scope."""

    @property
    def is_class(self) -> bool:
        return isinstance(self.node, ast.ClassDef)

    def find(self, name: str) -> "_Scope | None":
        """The scope whose binding `name` means here; ``None`` if the program has none."""
        if name in self.elsewhere:
            return self.elsewhere[name]
        scope: _Scope | None = self
        while scope is not None and (name not in scope.bound or (scope.is_class and scope is not self)):
            scope = scope.parent
        return scope

    def outside_comprehensions(self) -> "_Scope":
        scope = self
        while isinstance(scope.node, _Comprehension) and scope.parent is not None:
            scope = scope.parent
        return scope


def numbered(tree: ast.Module, entry: str | None, strictly: bool = True) -> ast.Module:
    """`tree`, changed in place: each binding of its own has a number for its name, in order of appearance, in whatever
    form it is bound or meant; that of `entry` is called ``f``. Attributes that it defines itself are numbered, too, but
    for those that a library or, where it is done `strictly`, a builtin type, a text or a decorator could mean.
    """
    _Numbering(tree, entry, strictly).module()
    return tree


class _Numbering:
    def __init__(self, tree: ast.Module, entry: str | None, strictly: bool) -> None:
        self._tree, self._strictly = tree, strictly
        self._scopes: dict[ast.AST, _Scope] = {}
        self._defined: dict[ScopeKey, list[ast.AST]] = {}
        self._methods: dict[str, list[_Definition]] = {}
        self._top = _Scope(tree, None)
        for node in tree.body:
            self._bind(node, self._top)
        self._parameters = {node: _parameters(node) for node in self._scopes}
        self._attributes = self._own_attributes()
        self._numbers: dict[ScopeKey, str] = {}
        if entry in self._top.bound:
            self._numbers[id(self._top), str(entry)] = "f"
        self._count = 0

    def module(self) -> None:
        for node in self._tree.body:
            self._name(node, self._top)

    # Which names each scope binds.

    def _bind(self, node: ast.AST, scope: _Scope) -> None:
        for name in _names_bound(node):
            holder = scope.outside_comprehensions() if isinstance(node, ast.NamedExpr) else scope
            holder.bound.add(name)
        match node:
            case ast.NamedExpr(value=value):
                self._bind(value, scope)
                return
            case ast.Global(names=names):
                scope.elsewhere |= dict.fromkeys(names, self._top)
                self._top.bound.update(names)
            case ast.Nonlocal(names=names):
                for name in names:
                    if scope.parent is not None and (holder_ := scope.parent.find(name)) is not None:
                        scope.elsewhere[name] = holder_
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self._define(node, scope)
        inner = self._inner(node, scope)
        for child, where in _children(node, scope, inner):
            self._bind(child, where)

    def _define(self, node: _Definition | ast.ClassDef, scope: _Scope) -> None:
        self._defined.setdefault((id(scope), node.name), []).append(node)
        if scope.is_class and not isinstance(node, ast.ClassDef):
            self._methods.setdefault(node.name, []).append(node)

    def _inner(self, node: ast.AST, scope: _Scope) -> _Scope:
        if not isinstance(node, _Definition | ast.Lambda | ast.ClassDef | _Comprehension):
            return scope
        if node not in self._scopes:
            self._scopes[node] = _Scope(node, scope)
        return self._scopes[node]

    def _own_attributes(self) -> frozenset[str]:
        own: set[str] = set()
        foreign: set[str] = set()
        modules = {a.asname or a.name for n in ast.walk(self._tree) if isinstance(n, ast.Import) for a in n.names}
        for node in ast.walk(self._tree):
            match node:
                case ast.ClassDef():
                    names = self._scopes[node].bound
                    plain = not node.decorator_list and all(self._is_own_class(base) for base in node.bases)
                    (own if (plain and not node.keywords) or not self._strictly else foreign).update(names)
                case ast.Attribute(value=ast.Name(id=name), attr=attr) if name in modules:
                    foreign.add(attr)
                case ast.Attribute(attr=attr, ctx=ast.Store() | ast.Del()):
                    own.add(attr)
                case ast.Constant(value=str() as text) if self._strictly:
                    foreign.update(re.findall(r"\w+", text))
        known = _KNOWN if self._strictly else frozenset()
        return frozenset(name for name in own - foreign - known if not name.startswith("__"))

    def _is_own_class(self, base: ast.expr) -> bool:
        if not isinstance(base, ast.Name):
            return False
        return base.id == "object" or any(name == base.id for _, name in self._defined)

    # What each name becomes.

    def _name(self, node: ast.AST, scope: _Scope) -> None:
        inner = self._inner(node, scope)
        match node:
            case ast.Name(id=name):
                node.id = self._of(name, scope)
            case ast.arg(arg=name):
                node.arg = self._of(name, scope)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.ExceptHandler(name=str()):
                node.name = self._of(str(node.name), scope)
            case ast.MatchAs(name=str() as name) | ast.MatchStar(name=str() as name):
                node.name = self._of(name, scope)
            case ast.MatchMapping(rest=str() as name):
                node.rest = self._of(name, scope)
            case ast.MatchClass():
                node.kwd_attrs = [self._attribute(name) for name in node.kwd_attrs]
            case ast.Global() | ast.Nonlocal():
                node.names = [self._of(name, scope) for name in node.names]
            case ast.Import() | ast.ImportFrom():
                for alias in node.names:
                    if alias.name != "*" and (alias.asname or "." not in alias.name):
                        alias.asname = self._of(alias.asname or alias.name, scope)
            case ast.Attribute(attr=name):
                node.attr = self._attribute(name)
            case ast.Call():
                for keyword in node.keywords:
                    keyword.arg = keyword.arg and self._keyword(node, keyword.arg, scope)
            case _ if type(node).__name__ in _TYPE_PARAMETERS:
                node.name = self._of(node.name, scope)  # type: ignore[attr-defined]
        for child, where in _children(node, scope, inner):
            self._name(child, where)

    def _of(self, name: str, scope: _Scope) -> str:
        found = scope.find(name)
        if found is None:
            return name
        return self._attribute(name) if found.is_class else self._number((id(found), name))

    def _attribute(self, name: str) -> str:
        return self._number((_ATTRIBUTES, name)) if name in self._attributes else name

    def _number(self, key: ScopeKey) -> str:
        if key not in self._numbers:
            self._numbers[key] = f"v{self._count}"
            self._count += 1
        return self._numbers[key]

    def _keyword(self, call: ast.Call, name: str, scope: _Scope) -> str:
        """The parameter that a keyword of `call` names; the keyword itself if it is not the program's to choose."""
        for function in self._called(call.func, call.args, scope):
            if isinstance(function, ast.ClassDef):
                if name in self._scopes[function].bound:
                    return self._attribute(name)
            elif name in self._parameters[function]:
                return self._number((id(self._scopes[function]), name))
        return name

    def _called(self, function: ast.expr, arguments: Sequence[ast.expr], scope: _Scope) -> Iterator[ast.AST]:
        match function:
            case ast.Name("partial") | ast.Attribute(attr="partial") if arguments:
                yield from self._called(arguments[0], (), scope)
            case ast.Name(id=name) if (holder := scope.find(name)) is not None:
                known = self._defined.get((id(holder), name), [])
                for one in known or self._everything():
                    yield from self._constructors(one)
            case ast.Attribute(attr=attr):
                yield from self._methods.get(attr, [])
            case ast.Lambda():
                yield function

    def _constructors(self, definition: ast.AST) -> Iterator[ast.AST]:
        if isinstance(definition, ast.ClassDef):
            for method in self._methods.get("__init__", []) + self._methods.get("__new__", []):
                if method in definition.body:
                    yield method
        yield definition

    def _everything(self) -> list[ast.AST]:
        """Whatever a variable could hold that is called."""
        return [node for node in self._scopes if not isinstance(node, _Comprehension)]


_TYPE_PARAMETERS = frozenset({"TypeVar", "ParamSpec", "TypeVarTuple"})


def _names_bound(node: ast.AST) -> list[str]:
    """The names that `node` itself binds in the scope in which it stands."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.NamedExpr(target=ast.Name(id=name)):
            return [name]
        case ast.arg(arg=name):
            return [name]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case (
            ast.ExceptHandler(name=str() as name) | ast.MatchAs(name=str() as name) | ast.MatchStar(name=str() as name)
        ):
            return [name]
        case ast.MatchMapping(rest=str() as name):
            return [name]
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return [a.asname or a.name for a in names if a.name != "*" and (a.asname or "." not in a.name)]
        case _ if type(node).__name__ in _TYPE_PARAMETERS:
            return [node.name]  # type: ignore[attr-defined]
    return []


def _parameters(function: ast.AST) -> set[str]:
    if not isinstance(function, _Definition | ast.Lambda):
        return set()
    arguments = function.args
    return {one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}


def _children(node: ast.AST, scope: _Scope, inner: _Scope) -> Iterator[tuple[ast.AST, _Scope]]:
    """The children of `node`, each with the scope in which it stands: `scope` is that of `node`, `inner` its own."""
    outer: Mapping[int, ast.AST] = {}
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
            defaults = [one for one in (*node.args.defaults, *node.args.kw_defaults) if one is not None]
            yield from ((one, scope) for one in [*defaults, *getattr(node, "decorator_list", ())])
            outer = {id(one): one for one in [*defaults, *getattr(node, "decorator_list", ())]}
        case ast.ClassDef():
            yield from ((one, scope) for one in [*node.bases, *node.decorator_list, *node.keywords])
            outer = {id(one): one for one in [*node.bases, *node.decorator_list, *node.keywords]}
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            yield node.generators[0].iter, scope
            outer = {id(node.generators[0].iter): node}
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.arguments | ast.comprehension):
            yield from ((one, inner) for one in ast.iter_child_nodes(child) if id(one) not in outer)
        elif id(child) not in outer:
            yield child, inner
