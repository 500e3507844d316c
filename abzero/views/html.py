"""HTML in which only our own templates are markup: every value is escaped, unless it is HTML already."""

import html as standard
import keyword
import re
from collections.abc import Iterable

from abzero.text.sanitize import abridged, harmless


class Html(str):
    """Text that is HTML: what `html` and `joined` make, and the package's own files; nothing else."""

    __slots__ = ()


def html(template: str, /, **values: object) -> Html:
    """`template`, a constant of ours, with ``{name}`` filled by the escaped text of each value."""
    return Html(template.format(**{name: _escaped(value) for name, value in values.items()}))


def joined(parts: Iterable[Html]) -> Html:
    return Html("".join(parts))


def _escaped(value: object) -> str:
    return value if isinstance(value, Html) else standard.escape(harmless(str(value)))


_LEXEME = re.compile(
    r"(?P<s>'''.*?'''|\"\"\".*?\"\"\"|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\")"
    r"|(?P<c>#[^\n]*)|(?P<n>\b\d[\w.]*)|(?P<k>\b(?:" + "|".join(keyword.kwlist) + r")\b)",
    re.DOTALL,
)


def code(text: str, limit: int = 2_000) -> Html:
    """`text` as a block of Python, coloured; its middle is left out where it is long."""
    text = abridged(text, limit)
    parts, position = [], 0
    for lexeme in _LEXEME.finditer(text):
        parts.append(html("{plain}", plain=text[position : lexeme.start()]))
        parts.append(html('<b class="{kind}">{text}</b>', kind=lexeme.lastgroup, text=lexeme.group()))
        position = lexeme.end()
    parts.append(html("{plain}", plain=text[position:]))
    return html("<pre>{code}</pre>", code=joined(parts))


def prose(text: str, limit: int = 4_000) -> Html:
    """Model text that is not code, with its line breaks."""
    return html("<pre>{text}</pre>", text=abridged(text, limit))
