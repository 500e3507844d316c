"""Python literals, read and written without the interpreter.

What a model writes is read here, in the trainer. So the reader is total: a scanner over a closed alphabet of tokens and
a descent of bounded depth, which raise `Malformed` or return a value of exact builtin types. ``ast.literal_eval``
accepts the same language but can exhaust memory or the C stack on hostile text; tests compare the two on everything
that both accept. Left out: ``inf`` and ``nan``, lone surrogates, integers that ``str`` refuses to print, ``frozenset``.
"""

import keyword
import math
import re
import unicodedata
from collections.abc import Iterator

from abzero.errors import Malformed

Value = None | bool | int | float | complex | str | bytes | list["Value"] | tuple["Value", ...] | dict["Value", "Value"] | set["Value"]  # fmt: skip  # noqa: E501

MAX_CHARACTERS, MAX_DEPTH = 32_768, 64

_TOKEN = re.compile(
    r"""(?:[ \t\n\f]|\\\n|\#[^\n]*)*+(?:
    (?P<number>(?:0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+
        |(?:\d(?:_?\d)*(?:\.(?:\d(?:_?\d)*)?)?|\.\d(?:_?\d)*)(?:[eE][+-]?\d(?:_?\d)*)?[jJ]?)(?![\w.]))
    |(?P<string>(?P<prefix>[rRuUbB]|[bB][rR]|[rR][bB])?
        (?:'''(?P<long1>(?:[^\\]|\\.)*?)'''|\"""(?P<long2>(?:[^\\]|\\.)*?)\"""
          |'(?!'')(?P<short1>(?:[^'\\\n]|\\.)*)'|"(?!"")(?P<short2>(?:[^"\\\n]|\\.)*)"))
    |(?P<empty>set[ ]*\([ ]*\))
    |(?P<name>(?u:[^\W\d]\w*))
    |(?P<mark>[()\[\]{},:+\-=])
    |(?P<end>\Z))""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_ESCAPE = re.compile(r"\\(\n|[0-7]{1,3}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{[^}]*\}|.)", re.DOTALL)
_SIMPLE = dict(zip("\\'\"abfnrtv\n", ("\\", "'", '"', "\a", "\b", "\f", "\n", "\r", "\t", "\v", ""), strict=True))
_CONSTANTS: dict[str, Value] = {"None": None, "True": True, "False": False}
_CLOSERS = {"(": ")", "[": "]", "{": "}"}


def parse(text: str) -> Value:
    """The value that `text` denotes; a bare ``1, 2`` is a tuple. Raises `Malformed`."""
    reader = _Reader(text)
    first = reader.value(0)
    return first if reader.kind == "end" else (first, *reader.rest(""))


def parse_arguments(text: str) -> tuple[list[Value], dict[str, Value]]:
    """The positional and keyword arguments that `text` denotes inside the parentheses of a call. Raises `Malformed`."""
    reader = _Reader(text)
    positional: list[Value] = []
    named: dict[str, Value] = {}
    while reader.kind != "end":
        if reader.kind == "name" and reader.text not in _CONSTANTS:
            name = unicodedata.normalize("NFKC", reader.take())
            reader.expect("=")
            if not name.isidentifier() or keyword.iskeyword(name) or name in named:
                raise Malformed(f"argument name {name!r} is not allowed here")
            named[name] = reader.value(0)
        elif named:
            raise Malformed("a positional argument follows a keyword argument")
        else:
            positional.append(reader.value(0))
        if reader.kind != "end":
            reader.expect(",")
    return positional, named


def canonical(value: Value) -> str:
    """The one text of `value`: ``parse(canonical(v)) == v``. Sets are sorted by text, dictionaries keep their order;
    zeros keep their signs where a literal can have them, as those of ``0-1j`` and ``-1j`` differ.
    """
    match value:
        case list():
            return f"[{', '.join(map(canonical, value))}]"
        case tuple():
            return f"({canonical(value[0])},)" if len(value) == 1 else f"({', '.join(map(canonical, value))})"
        case dict():
            return f"{{{', '.join(f'{canonical(key)}: {canonical(item)}' for key, item in value.items())}}}"
        case set():
            return f"{{{', '.join(sorted(map(canonical, value)))}}}" if value else "set()"
        case complex():
            return _complex_text(value)
        case _:
            return repr(value)


def _complex_text(value: complex) -> str:
    below = math.copysign(1.0, value.imag) < 0.0
    if value.real == 0.0 and math.copysign(1.0, value.real) < 0.0 and (below or value.imag == 0.0):
        return f"-{complex(0.0, -value.imag)!r}" if below else "(-0.0-0j)"
    return f"(0{complex(0.0, value.imag)!r})" if value.real == 0.0 > value.imag else repr(value + 0j)


def canonical_literal(text: str) -> str:
    """`text` as a canonical literal. Raises `Malformed` unless it is exactly one literal, and one that fits `parse`."""
    return _fitting(canonical(parse(text)))


def canonical_arguments(text: str) -> str:
    """`text` as canonical literal arguments. Raises `Malformed` unless it is exactly that, whole."""
    positional, named = parse_arguments(text)
    return _fitting(", ".join([*map(canonical, positional), *(f"{n}={canonical(v)}" for n, v in named.items())]))


def _fitting(text: str) -> str:
    if len(text) <= MAX_CHARACTERS:
        return text
    raise Malformed(f"a literal of {len(text)} characters once its escapes are written out")


def same(left: str, right: str) -> bool:
    """Whether two literals denote equal values, as Python compares them: ``1 == 1.0 == True``."""
    return parse(left) == parse(right)


def same_types(left: str, right: str) -> bool:
    """Like `same`, but ``1``, ``1.0`` and ``True`` differ, at every depth; the order of a dictionary does not count."""
    return _typed(parse(left)) == _typed(parse(right))


def _typed(value: Value) -> object:
    match value:
        case list() | tuple():
            return type(value), tuple(map(_typed, value))
        case dict():
            return dict, frozenset((_typed(key), _typed(item)) for key, item in value.items())
        case set():
            return set, frozenset(map(_typed, value))
        case _:
            return type(value), value


class _Reader:
    """A cursor over the tokens of one text: `kind` and `text` are the token under it."""

    def __init__(self, source: str) -> None:
        if len(source) > MAX_CHARACTERS:
            raise Malformed(f"a literal of {len(source)} characters, more than {MAX_CHARACTERS}")
        if "\0" in source:
            raise Malformed("a literal with a NUL character, unescaped")
        self._source = source.replace("\r\n", "\n").replace("\r", "\n")
        self._position = 0
        self.text = ""
        self.take()

    def take(self) -> str:
        taken, position = self.text, self._position
        match = _TOKEN.match(self._source, position)
        if match is None:
            raise Malformed(f"no literal holds {self._source[position:].lstrip()[:20]!r}")
        self.match, self._position = match, match.end()
        self.kind = match.lastgroup or ""
        self.text = match[self.kind]
        return taken

    def expect(self, mark: str) -> None:
        if self.text != mark or self.kind != "mark":
            raise Malformed(f"expected {mark!r} in a literal, found {self.text[:20]!r}")
        self.take()

    def value(self, depth: int) -> Value:
        if depth > MAX_DEPTH:
            raise Malformed(f"a literal nested more than {MAX_DEPTH} deep")
        if self.kind == "number" or (self.kind == "mark" and self.text in "+-"):
            return self._number()
        if self.kind == "string":
            return self._strings()
        if self.kind == "empty":
            self.take()
            return set()
        if self.kind == "name" and self.text in _CONSTANTS:
            return _CONSTANTS[self.take()]
        if self.kind == "mark" and self.text in _CLOSERS:
            return self._container(_CLOSERS[self.take()], depth + 1)
        raise Malformed(f"no literal begins with {self.text[:20]!r}")

    def rest(self, closer: str, depth: int = 0) -> Iterator[Value]:
        """The items after the first one, up to `closer`, which stays under the cursor."""
        while self.text != closer or self.kind not in ("mark", "end"):
            self.expect(",")
            if self.text == closer and self.kind in ("mark", "end"):
                return
            yield self.value(depth)

    def _container(self, closer: str, depth: int) -> Value:
        if self.kind == "mark" and self.text == closer:
            self.take()
            return {")": (), "]": [], "}": {}}[closer]  # type: ignore[return-value]
        first = self.value(depth)
        if closer == "}" and self.kind == "mark" and self.text == ":":
            return self._dictionary(first, depth)
        bare = self.kind == "mark" and self.text == closer
        items = [first, *self.rest(closer, depth)]
        self.expect(closer)
        if closer == "]":
            return items
        if closer == ")":
            return first if bare else tuple(items)
        return set(map(_hashable, items))

    def _dictionary(self, key: Value, depth: int) -> Value:
        items: dict[Value, Value] = {}
        while True:
            self.expect(":")
            items[_hashable(key)] = self.value(depth)
            if self.text == "," and self.kind == "mark":
                self.take()
            elif self.text != "}":
                raise Malformed(f"expected ',' or '}}' in a dictionary, found {self.text[:20]!r}")
            if self.text == "}" and self.kind == "mark":
                self.take()
                return items
            key = self.value(depth)

    def _number(self) -> Value:
        sign = self.take() if self.kind == "mark" else "+"
        left = self._unsigned()
        value = -left if sign == "-" else left
        if self.kind == "mark" and self.text in "+-" and type(left) is not complex:
            sign = self.take()
            right = self._unsigned()
            if type(right) is not complex:
                raise Malformed("an expression where a literal was expected")
            try:
                return value + right if sign == "+" else value - right
            except OverflowError as error:
                raise Malformed("an integer too large for a complex number") from error
        return value

    def _unsigned(self) -> int | float | complex:
        if self.kind != "number":
            raise Malformed(f"expected a number, found {self.text[:20]!r}")
        text = self.take().replace("_", "").lower()
        try:
            if text[:2] in ("0x", "0o", "0b"):
                value: int | float | complex = int(text, 0)
                str(value)
            elif text[-1] == "j":
                value = complex(text)
            elif any(mark in text for mark in ".e"):
                value = float(text)
            else:
                value = int(text, 0)
        except ValueError as error:
            raise Malformed(f"no number: {text[:20]!r}") from error
        if type(value) is not int and not math.isfinite(abs(value)):
            raise Malformed(f"{text[:20]!r} is not finite")
        return value

    def _strings(self) -> str | bytes:
        parts = []
        while self.kind == "string":
            parts.append(_string(self.match))
            self.take()
        if len({type(part) for part in parts}) > 1:
            raise Malformed("text and bytes are joined in one literal")
        return type(parts[0])().join(parts)  # type: ignore[arg-type]


def _hashable(value: Value) -> Value:
    try:
        hash(value)
    except TypeError as error:
        raise Malformed("a set item or dictionary key that cannot be hashed") from error
    return value


def _string(match: re.Match[str]) -> str | bytes:
    prefix = (match["prefix"] or "").lower()
    body = next(group for group in map(match.group, ("long1", "long2", "short1", "short2")) if group is not None)
    is_bytes = "b" in prefix
    if "r" not in prefix and "\\" in body:
        body = _ESCAPE.sub(lambda escape: _unescape(escape[1], is_bytes), body)
    try:
        if not is_bytes:
            body.encode()
            return body
        if not match["string"].isascii():
            raise Malformed("bytes that are not ASCII")
        return body.encode("latin-1")
    except UnicodeEncodeError as error:
        raise Malformed("a lone surrogate, or a byte above 255") from error


def _unescape(code: str, is_bytes: bool) -> str:
    if code in _SIMPLE:
        return _SIMPLE[code]
    if code[0] in "01234567":
        return chr(int(code, 8))
    if code[0] == "x" and len(code) == 3:
        return chr(int(code[1:], 16))
    if not is_bytes and code[0] in "uUN":
        try:
            return chr(ord(unicodedata.lookup(code[2:-1])) if code[0] == "N" else int(code[1:], 16))
        except (KeyError, ValueError, TypeError, OverflowError) as error:
            raise Malformed(f"no character: \\{code[:20]}") from error
    if code[0] == "x":
        raise Malformed("a truncated \\x escape")
    return "\\" + code
