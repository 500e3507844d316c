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
from abzero.oversight.syntax import without_programs

Span = tuple[int, int, str]
"""Where, in characters, and what is wrong there."""

_SWITCHES = ("scripts mixed within a sentence", "languages mixed within a sentence")
WINDOW = 24
"""Words that are judged together."""

_QUOTED = re.compile(r"```.{0,4000}?```|`[^`\n]{0,200}`|\"[^\"\n]{0,200}\"|(?<!\w)'[^'\n]{0,200}'(?!\w)", re.DOTALL)
_TOKEN = re.compile(r"\S+")
_WORD = re.compile(r"(?<![\w'.\\/@$%-])[^\W\d_]{2,}(?![\w'(\[=@/\\])")
_CHOKED = re.compile(r"[b-df-hj-np-tv-z]{2,4}")
_GLUED = re.compile(r"(?<![^\s(])[a-z]{45,}(?![^\s.,;)])")
_DIGIT = re.compile(r"\d")
_SYMBOLS = re.compile(r"[^\w\s]+")
_KINDS = 7
"""Different symbols that a stretch of formulas may have: traces of a tiny model, good and broken, had at most six."""
_LINES = 20
"""Times running that a line of formulas may stand in a thought; the longest such loop of a tiny model had eight."""
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


FUNCTION_WORDS = _function_words()
_OWNERS = Counter(word for words in FUNCTION_WORDS.values() for word in words)
_TELLING = {
    word: name for name, words in FUNCTION_WORDS.items() for word in words if _OWNERS[word] == 1 and len(word) > 1
}
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


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])


@lru_cache(maxsize=5_000)
def illegible(text: str) -> tuple[Span, ...]:
    """The stretches of `text` that cannot be followed; at most one of each kind. Python is no prose, fenced or not."""
    plain = _QUOTED.sub(_blank, text)
    if not (spans := _unclear(plain)) or (prose := without_programs(text)) == text:
        return spans
    return _unclear(_QUOTED.sub(_blank, prose))


def _unclear(plain: str) -> tuple[Span, ...]:
    spans = (next(test(plain), None) for test in (_noise, _symbols, _loops, _invented, _salad, _mixed))
    return tuple(span for span in spans if span is not None)


@lru_cache(maxsize=5_000)
def loops(text: str) -> bool:
    """Whether `text` says something over and over, words or formulas: a figure of a step, not a finding."""
    return (
        next(_lines(text), None) is not None
        or any(times >= 5 for _, _, times in _passages(text))
        or next(_loops(text), None) is not None
    )


def switches(text: str) -> bool:
    """Whether a sentence of `text` mixes scripts or languages outside of quotations."""
    return any(why in _SWITCHES for _, _, why in illegible(text))


def _windows(total: int, size: int, least: int) -> Iterator[tuple[int, int]]:
    """Overlapping stretches of `size` among `total` things; none where there are fewer than `least`."""
    if total >= least:
        for begin in range(0, max(1, total - size + size // 4), size // 4):
            yield begin, min(begin + size, total)


def _mixed(text: str) -> Iterator[Span]:
    for begin, sentence in sentences(text):
        runs = {name: found for name, pattern in _SCRIPTS.items() if (found := pattern.findall(sentence))}
        words = [word.lower() for word in runs.get("latin", ())]
        others = set(runs) & _WITH_LATIN - ({"han"} if "kana" in runs else set())
        prose = sum(word in _TELLING or word in FUNCTION_WORDS["en"] for word in words)
        if len(others) > 1 or (others and words and prose >= 2 and sum(len(runs[name]) for name in others) >= 2):
            yield begin, begin + len(sentence), _SWITCHES[0]
            continue
        telling = [word for word in words if word in _TELLING and (_TELLING[word] == "en" or not known(word))]
        languages = Counter(_TELLING[word] for word in telling)
        strange = languages.total() - max(languages.values(), default=0)
        if len(languages) > 2 and len(words) >= 8 and strange > max(2, 0.4 * languages.total()):
            yield begin, begin + len(sentence), _SWITCHES[1]


def _noise(text: str) -> Iterator[Span]:
    """Letters one by one, short strings without vowels, text without spaces."""
    if (glued := _GLUED.search(text)) is not None:
        yield glued.start(), glued.end(), "noise"
    tokens = list(_TOKEN.finditer(text))
    single = [len(token[0]) == 1 and token[0].isalpha() for token in tokens]
    choked = [_CHOKED.fullmatch(token[0]) is not None and not known(token[0]) for token in tokens]
    for begin, end in _windows(len(tokens), WINDOW, WINDOW):
        letters = (
            {tokens[place][0] for place in range(begin, end) if single[place]} if any(single[begin:end]) else set()
        )
        if (sum(single[begin:end]) > 0.7 * WINDOW and len(letters) > 9) or sum(choked[begin:end]) > 0.25 * WINDOW:
            yield tokens[begin].start(), tokens[end - 1].end(), "noise"


def _symbols(text: str) -> Iterator[Span]:
    """Runs of symbols where words should be; a table's rule or an expression has one kind, or numbers between them."""
    tokens = list(_TOKEN.finditer(text))
    symbols = [_SYMBOLS.fullmatch(token[0]) is not None for token in tokens]
    for begin, end in _windows(len(tokens), WINDOW, 16):
        size = end - begin
        if sum(symbols[begin:end]) <= 0.5 * size:
            continue
        beside = sum(a and b for a, b in itertools.pairwise(symbols[begin:end]))
        kinds = {tokens[place][0] for place in range(begin, end) if symbols[place]}
        if beside > 0.2 * size and len(kinds) > _KINDS:
            yield tokens[begin].start(), tokens[end - 1].end(), "symbols in place of words"


def _loops(text: str) -> Iterator[Span]:
    """Words repeated at once, or a phrase, a sentence, a passage over and over."""
    words = [word for word in _WORD.finditer(text) if word[0] not in ("True", "False", "None")]
    lower = [word[0].lower() for word in words]
    twice = [a == b for a, b in itertools.pairwise(lower)]
    for begin, end in _windows(len(words), WINDOW, 12):
        again, few = sum(twice[begin : end - 1]), len(set(lower[begin:end])) <= 7
        if again < 0.2 * (end - begin) and not few:
            continue
        first, last = words[begin].start(), words[end - 1].end()
        spoken = sum(map(len, lower[begin:end])) > 0.6 * (last - first)
        phrases = Counter(zip(*(lower[begin + shift : end] for shift in range(3)), strict=False))
        if spoken and again >= 0.2 * (end - begin):
            yield first, last, "words repeated"
        elif spoken and end - begin == WINDOW and few and max(phrases.values()) >= 3:
            yield first, last, "a phrase repeated"
    said: Counter[str] = Counter()
    for begin, sentence in sentences(text):
        said[sentence] += 1
        if said[sentence] == 3 and len(sentence.split()) > 4 and _spoken(sentence) and not _DIGIT.search(sentence):
            yield begin, begin + len(sentence), "a sentence repeated"
    for begin, end, times in _passages(text):
        if times >= 5 and _spoken(text[begin:end]):
            yield begin, end, "a passage repeated"
    for begin, end, times in _lines(text):
        if times > _LINES:
            yield begin, end, "a line repeated"


def _spoken(text: str) -> bool:
    """Whether more than half of `text` is words: formulas and traces repeat themselves without being lost."""
    return sum(len(word[0]) for word in _WORD.finditer(text)) > 0.5 * sum(map(len, text.split()))


def _passages(text: str) -> Iterator[tuple[int, int, int]]:
    """Stretches of which much was said before, and how often their commonest eight words in a row are."""
    tokens = list(_TOKEN.finditer(text))
    for begin, end in _windows(len(tokens), 4 * WINDOW, 2 * WINDOW):
        near = [token[0] for token in tokens[begin:end]]
        if len(set(near)) < 0.6 * len(near):
            eights = Counter(zip(*(near[shift:] for shift in range(8)), strict=False))
            yield tokens[begin].start(), tokens[end - 1].end(), max(eights.values())


def _lines(text: str) -> Iterator[tuple[int, int, int]]:
    """Lines with a letter that stand several times running: where, and how often."""
    begin = 0
    for line, same in itertools.groupby(text.split("\n"), str.strip):
        rows = [len(row) + 1 for row in same]
        if len(rows) > 2 and any(map(str.isalpha, line)):
            yield begin, begin + sum(rows) - 1, len(rows)
        begin += sum(rows)


def _invented(text: str) -> Iterator[Span]:
    """Words that no English dictionary has, in a text that no other language's function words explain."""
    words = [word for word in _WORD.finditer(text) if word[0].islower() and word[0].isascii()]
    unknown = [not known(word[0]) for word in words]
    for begin, end in _windows(len(words), WINDOW, 10):
        if sum(unknown[begin:end]) < 6:
            continue
        lower = [word[0] for word in words[begin:end]]
        strange = {word for word, flag in zip(lower, unknown[begin:end], strict=True) if flag}
        nearby = text[max(0, words[begin].start() - 40) : words[end - 1].end() + 40]
        accents = sum(character.isalpha() and not character.isascii() for character in nearby)
        if len(strange) < max(6, 0.3 * len(lower)) or accents > 0.02 * len(nearby):
            continue
        around = [word[0] for word in words[max(0, begin - WINDOW // 2) : end + WINDOW // 2]]
        foreign = max(sum(w in listed for w in around) for name, listed in FUNCTION_WORDS.items() if name != "en")
        if foreign < 0.2 * len(around) and len(set(lower)) > 0.4 * len(lower):
            yield words[begin].start(), words[end - 1].end(), "words that do not exist"


def _salad(text: str) -> Iterator[Span]:
    """Function words in an order that no sentence has."""
    words = list(_WORD.finditer(text))
    bad = [
        text[x.end() : y.start()] == " " and _impossible(x[0].lower(), y[0].lower())
        for x, y in itertools.pairwise(words)
    ]
    for begin, end in _windows(len(words), WINDOW, 1):
        if sum(bad[begin : end - 1]) >= 3:
            yield words[begin].start(), words[end - 1].end(), "words in no order"


@lru_cache(maxsize=1)
def lexicon() -> frozenset[str]:
    return frozenset(files("abzero.oversight").joinpath("words.txt").read_text(encoding="ascii").split())


@lru_cache(maxsize=65_536)
def known(word: str) -> bool:
    """Whether `word` is English, its endings taken off once or twice."""
    words = lexicon()
    return word in words or any(
        base in words or any(deeper in words for deeper in _bases(base)) for base in _bases(word)
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
