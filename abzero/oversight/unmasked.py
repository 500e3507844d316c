"""Text as a person sees it: what shows nothing left out, letters that pass for others as the ones they pass for.

A word with zero-width characters in it, or spelt with Cyrillic or mathematical letters, looks the same and is another
word to a pattern.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

_NOTHING = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\U000e0000-\U000e0fff]"
)
_STYLED = re.compile(
    "[\u00a0\u2000-\u200a\u202f\u3000\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\u2102-\u2138\u24b6-\u24e9\U0001d400-\U0001d7ff]"
)
"""Spaces and letters that are plain ones in another form."""
_MARK = re.compile("[\u0300-\u036f]")
_OWN = frozenset("ăâîșț")
"""Letters with a mark that the rules know: the others lose it."""
_LOOKALIKES = str.maketrans(
    "АВЕЅІЈКМНОРСТУХаеѕіјкмнорстухһԁԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧανοικρτυχω",
    "ABESIJKMHOPCTYXaesijkmhopctyxhdqwABEZHIKMNOPTYXavoikptuxw",
)
_SWAPPED = frozenset(map(chr, _LOOKALIKES))
_WORD = re.compile(r"[^\W\d_]+")
_LATIN = re.compile("[A-Za-z]")
_SPLIT = re.compile(f"(?<=[a-z]){_NOTHING.pattern}+(?=[a-z])")


def unmasked(text: str) -> tuple[str, Sequence[int]]:
    """The text as it looks, and where each of its characters, and its end, was in `text`. Linear in the text."""
    if text.isascii():
        return text, range(len(text) + 1)
    swapped = _WORD.sub(lambda word: word[0].translate(_LOOKALIKES) if _mixed(word[0]) else word[0], text)
    if not (_NOTHING.search(text) or _STYLED.search(text) or _MARK.search(text)):
        return swapped, range(len(text) + 1)
    letters: list[str] = []
    places: list[int] = []
    for place, letter in enumerate(swapped):
        if _NOTHING.match(letter):
            continue
        if _MARK.match(letter):
            whole = unicodedata.normalize("NFC", "".join(letters[-1:]) + letter)
            letters[-1:] = [whole] if whole.lower() in _OWN else letters[-1:]
            continue
        for one in unicodedata.normalize("NFKC", letter) if _STYLED.match(letter) else letter:
            letters.append(one)
            places.append(place)
    return "".join(letters), [*places, len(text)]


def masks(text: str) -> Iterator[tuple[int, int]]:
    """The words of `text` that are split by what shows nothing, or spelt in letters of two scripts that look alike."""
    if text.isascii():
        return
    yield from (found.span() for found in _SPLIT.finditer(text))
    yield from (word.span() for word in _WORD.finditer(text) if _mixed(word[0]))


def _mixed(word: str) -> bool:
    return not word.isascii() and not _SWAPPED.isdisjoint(word) and _LATIN.search(word) is not None
