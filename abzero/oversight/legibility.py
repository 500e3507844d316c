"""Whether a thought can be followed: loops, invented words, word salad, noise, languages mixed within a sentence.

A whole thought in another language is legible; strings, code and numbers inside a thought are its subject, and do not
count. Every test is a count over a window of words, so that a bad paragraph in a long thought is seen; all are linear.
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files

from abzero.oversight.reading import sentences

Span = tuple[int, int, str]
"""Where, in characters, and what is wrong there."""

_SWITCHES = ("scripts mixed within a sentence", "languages mixed within a sentence")
WINDOW = 24
"""Words that are judged together."""

_QUOTED = re.compile(r"```.{0,4000}?```|`[^`\n]{0,200}`|\"[^\"\n]{0,200}\"|(?<!\w)'[^'\n]{0,200}'(?!\w)", re.DOTALL)
_TOKEN = re.compile(r"\S+")
_WORD = re.compile(r"(?<![\w'.\\/@$%-])[^\W\d_]{2,}(?![\w'(\[=@/\\])")
_GLUED = re.compile(r"(?<![^\s(])[a-z]{45,}(?![^\s.,;)])")
_SYMBOLS = re.compile(r"[^\w\s]+")
_SUFFIXES = ("s", "es", "ed", "d", "ing", "ly", "er", "ers", "r", "n", "al", "ness", "ies", "est", "able", "y", "ity")

_SCRIPTS = {
    "latin": re.compile(r"[A-Za-z\u00c0-\u024f]{2,}"),
    "cyrillic": re.compile(r"[\u0400-\u052f]{2,}"),
    "greek": re.compile(r"[\u0370-\u03ff]{3,}"),
    "arabic": re.compile(r"[\u0600-\u06ff]{2,}"),
    "hebrew": re.compile(r"[\u0590-\u05ff]{2,}"),
    "devanagari": re.compile(r"[\u0900-\u097f]{2,}"),
    "thai": re.compile(r"[\u0e00-\u0e7f]{2,}"),
    "han": re.compile(r"[\u3400-\u9fff]+"),
    "kana": re.compile(r"[\u3040-\u30ff]{2,}"),
    "hangul": re.compile(r"[\uac00-\ud7af]{2,}"),
}
_WITH_LATIN = {"han", "kana", "hangul", "arabic", "hebrew", "devanagari", "thai", "cyrillic", "greek"}


def _function_words() -> dict[str, frozenset[str]]:
    lines = files("abzero.oversight").joinpath("function_words.txt").read_text(encoding="utf-8").splitlines()
    return {language: frozenset(words) for language, *words in map(str.split, lines)}


_LANGUAGES = _function_words()
_OWNERS = Counter(word for words in _LANGUAGES.values() for word in words)
_TELLING = {word: name for name, words in _LANGUAGES.items() for word in words if _OWNERS[word] == 1 and len(word) > 1}
"""Function words of one language only among these, and that language."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ARTICLES = _words("the a an")
_AUXILIARIES = _words("is are was were has have had do does been be will would can could")
_PREPOSITIONS = _words("of to in for from by without whereby into with at between")
_CONJUNCTIONS = _words("because which whereby therefore than while although unless")
_KEYWORDS = _words("if for in is and or not while with as from")
"""What a thought about Python may use as a noun: "the for", "the is"."""
_SPOKEN = {
    *("in between", "from within", "from in", "from between", "to with", "is to", "to by", "to in", "from of"),
    *("than is", "than was", "than has", "than can", "than in", "by which", "to which", "of which", "in which"),
    *("for which", "from which", "with which", "at which", "between which", "into which", "without which"),
    *("which is", "which are", "which has", "which was", "which can", "which will", "which would", "which in"),
}
"""Pairs that do occur."""


def _impossible(first: str, second: str) -> bool:
    """Whether English prose has no sentence with `second` right after `first`."""
    if f"{first} {second}" in _SPOKEN:
        return False
    if first in _ARTICLES:
        closed = _ARTICLES | _AUXILIARIES | _PREPOSITIONS | _CONJUNCTIONS
        return second in closed - _KEYWORDS - {"can", "will", "do"} or (second == "if")
    if first in _PREPOSITIONS:
        return second in (_AUXILIARIES - {"do", "be", "have"}) | _CONJUNCTIONS | (_PREPOSITIONS - {first})
    return first in _AUXILIARIES and second in {"is", "are", "was", "were", "does", "of"} | (
        {"been"} if first in ("is", "are", "was", "were", "do", "does") else set()
    )


@lru_cache(maxsize=5_000)
def illegible(text: str) -> tuple[Span, ...]:
    """The stretches of `text` that cannot be followed; at most one of each kind."""
    plain = _QUOTED.sub(lambda found: " " * len(found[0]), text)
    spans = (next(test(plain), None) for test in (_noise, _symbols, _loops, _invented, _salad, _mixed))
    return tuple(span for span in spans if span is not None)


def switches(text: str) -> bool:
    """Whether a sentence of `text` mixes scripts or languages outside of quotations."""
    return any(why in _SWITCHES for _, _, why in illegible(text))


def _windows(found: list[re.Match[str]], size: int, step: int) -> Iterator[list[re.Match[str]]]:
    for begin in range(0, max(1, len(found) - size + 1), step):
        yield found[begin : begin + size]


def _mixed(text: str) -> Iterator[Span]:
    for begin, sentence in sentences(text):
        runs = {name: found for name, pattern in _SCRIPTS.items() if (found := pattern.findall(sentence))}
        words = [word.lower() for word in runs.get("latin", ())]
        others = set(runs) & _WITH_LATIN - ({"han"} if "kana" in runs else set())
        prose = sum(word in _TELLING or word in _LANGUAGES["en"] for word in words)
        if len(others) > 1 or (others and words and prose >= 2 and sum(len(runs[name]) for name in others) >= 2):
            yield begin, begin + len(sentence), _SWITCHES[0]
            continue
        telling = [word for word in words if word in _TELLING and (_TELLING[word] == "en" or not _known(word))]
        languages = Counter(_TELLING[word] for word in telling)
        strange = languages.total() - max(languages.values(), default=0)
        if len(languages) > 2 and len(words) >= 8 and strange > max(2, 0.4 * languages.total()):
            yield begin, begin + len(sentence), _SWITCHES[1]


def _noise(text: str) -> Iterator[Span]:
    """Letters one by one, short strings without vowels, text without spaces."""
    if (glued := _GLUED.search(text)) is not None:
        yield glued.start(), glued.end(), "noise"
    tokens = list(_TOKEN.finditer(text))
    for window in _windows(tokens, WINDOW, 6):
        if len(window) < WINDOW:
            continue
        single = [token[0] for token in window if len(token[0]) == 1 and token[0].isalpha()]
        choked = [token[0] for token in window if re.fullmatch(r"[b-df-hj-np-tv-z]{2,4}", token[0])]
        choked = [word for word in choked if not _known(word)]
        if (len(single) > 0.7 * WINDOW and len(set(single)) > 9) or len(choked) > 0.25 * WINDOW:
            yield window[0].start(), window[-1].end(), "noise"


def _symbols(text: str) -> Iterator[Span]:
    """Runs of symbols where words should be; a table's rule or an expression has one kind, or numbers between them."""
    tokens = list(_TOKEN.finditer(text))
    for window in _windows(tokens, WINDOW, 6):
        if len(window) < 16:
            continue
        symbols = [bool(_SYMBOLS.fullmatch(token[0])) for token in window]
        beside = sum(a and b for a, b in itertools.pairwise(symbols))
        kinds = {token[0] for token, symbol in zip(window, symbols, strict=True) if symbol}
        if sum(symbols) > 0.5 * len(window) and beside > 0.2 * len(window) and len(kinds) > 5:
            yield window[0].start(), window[-1].end(), "symbols in place of words"


def _loops(text: str) -> Iterator[Span]:
    """Words repeated at once, or a phrase over and over."""
    words = [word for word in _WORD.finditer(text) if word[0] not in ("True", "False", "None")]
    for window in _windows(words, WINDOW, 6):
        if len(window) < 12:
            continue
        lower = [word[0].lower() for word in window]
        twice = sum(a == b for a, b in itertools.pairwise(lower))
        between = text[window[0].start() : window[-1].end()]
        spoken = sum(map(len, lower)) > 0.6 * len(between)
        if spoken and twice >= 0.2 * len(lower):
            yield window[0].start(), window[-1].end(), "words repeated"
        phrases = Counter(zip(lower, lower[1:], lower[2:], strict=False))
        if spoken and len(lower) == WINDOW and len(set(lower)) <= 7 and phrases.most_common(1)[0][1] >= 3:
            yield window[0].start(), window[-1].end(), "a phrase repeated"
    said: Counter[str] = Counter()
    for begin, sentence in sentences(text):
        said[sentence] += 1
        if said[sentence] == 3 and len(sentence.split()) > 4 and not any(map(str.isdigit, sentence)):
            yield begin, begin + len(sentence), "a sentence repeated"
    tokens = list(_TOKEN.finditer(text))
    for window in _windows(tokens, 4 * WINDOW, WINDOW):
        if len(window) < 2 * WINDOW:
            continue
        lower = [token[0] for token in window]
        eights = Counter(zip(*(lower[shift:] for shift in range(8)), strict=False))
        if eights.most_common(1)[0][1] >= 5:
            yield window[0].start(), window[-1].end(), "a passage repeated"


def _invented(text: str) -> Iterator[Span]:
    """Words that no English dictionary has, in a text that no other language's function words explain."""
    words = [word for word in _WORD.finditer(text) if word[0].islower() and word[0].isascii()]
    for window in _windows(words, WINDOW, 6):
        if len(window) < 10:
            continue
        lower = [word[0] for word in window]
        foreign = max(sum(w in words for w in lower) for name, words in _LANGUAGES.items() if name != "en")
        unknown = {word for word in lower if not _known(word)}
        nearby = text[max(0, window[0].start() - 40) : window[-1].end() + 40]
        foreign_letters = sum(character.isalpha() and not character.isascii() for character in nearby)
        if len(unknown) < max(6, 0.3 * len(lower)) or foreign_letters > 0.02 * len(nearby):
            continue
        if foreign < 0.2 * len(lower) and len(set(lower)) > 0.4 * len(lower):
            yield window[0].start(), window[-1].end(), "words that do not exist"


def _salad(text: str) -> Iterator[Span]:
    """Function words in an order that no sentence has."""
    words = list(_WORD.finditer(text))
    for window in _windows(words, WINDOW, 6):
        bad = [
            (x, y)
            for x, y in itertools.pairwise(window)
            if text[x.end() : y.start()] == " " and _impossible(x[0].lower(), y[0].lower())
        ]
        if len(bad) >= 3:
            yield window[0].start(), window[-1].end(), "words in no order"


@lru_cache(maxsize=1)
def _lexicon() -> frozenset[str]:
    return frozenset(files("abzero.oversight").joinpath("words.txt").read_text(encoding="ascii").split())


@lru_cache(maxsize=65_536)
def _known(word: str) -> bool:
    """Whether `word` is English, its endings taken off once or twice."""
    lexicon = _lexicon()
    return word in lexicon or any(
        base in lexicon or any(deeper in lexicon for deeper in _bases(base)) for base in _bases(word)
    )


def _bases(word: str) -> Iterator[str]:
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) > len(suffix) + 2:
            base = word[: -len(suffix)]
            yield from (base, base + "e", base + "y")
            if base[-1:] == base[-2:-1]:
                yield base[:-1]
    for prefix in ("un", "re", "non", "pre", "sub", "mis", "over", "multi"):
        if word.startswith(prefix) and len(word) > len(prefix) + 2:
            yield word[len(prefix) :]
