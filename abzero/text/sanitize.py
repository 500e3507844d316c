"""Model text made harmless for a terminal: what a model wrote may be shown, never obeyed."""

import unicodedata

_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode categories of what steers a terminal, reorders or hides its neighbours, or cannot be encoded."""


def harmless(text: str) -> str:
    """`text` with every control, formatting, unassigned or surrogate character as its escape: ``\\x1b``, ``\\u202e``.

    Newlines and tabs stay. What is returned can be encoded as UTF-8, and printed; it may still hold rich's markup, so
    hand it to rich as ``Text``, never as a string.
    """
    return text if text.isprintable() else "".join(map(_visible, text))


def abridged(text: str, limit: int = 4_000) -> str:
    """`text`, harmless, with its middle left out where it has more than `limit` characters."""
    if len(text) <= limit:
        return harmless(text)
    half = limit // 2
    left_out = len(text) - 2 * half
    return f"{harmless(text[:half])}\n… {left_out:,} characters left out …\n{harmless(text[-half:])}"


def _visible(character: str) -> str:
    if character in "\n\t" or unicodedata.category(character) not in _INVISIBLE:
        return character
    return character.encode("unicode_escape").decode("ascii")
