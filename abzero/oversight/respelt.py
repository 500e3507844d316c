"""Disguised words read as plain ones: digits and symbols for letters, letters set apart, letters of other scripts.

Only what becomes an English word is respelt, so that names, numbers and texts in other languages stay as they are.
"""

import itertools
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache

from abzero.oversight.legibility import FUNCTION_WORDS, known, lexicon

_LEET = {"0": "o", "1": "il", "2": "z", "3": "e", "4": "a", "5": "s", "6": "g", "7": "t", "8": "b", "9": "g"}
_LEET |= {"@": "a", "$": "s", "!": "il", "|": "li", "+": "t", "\u20ac": "e", "\u00a3": "l", "\u00a2": "c"}
_SIGNS = "@$!|+\u20ac\u00a3\u00a2"
_LIKE = {
    letter: latin
    for letters, sounds in (
        (
            "абвгдеѕзіїјклмнопрстуфхцчшщьыэюяѵһԁԛԝӏґєөѐ",
            "a b b r d e s e i i j k l m hn o n p c t y f x u y w w b bl e u r v h d q w l r e o e",
        ),
        ("αβγδεζηθικλμνξοπρστυφχψωςϲϳ", "a b y d e z n o i k l um v e o n p os t u f x y w s c j"),
        ("օոսհցզյքաեիկպրվԼՍՏԱ", "o n u h g q j p w e h k w n y l u s u"),
        ("ᎪᏴᏟᎠᎬᏀᎻᎥᎫᏦᏞᎷᏢᏒᏚᎢᏙᏔᎩᏃ", "a b c d e g h i j k l m p r s t v w y z"),
        ("ꓮꓐꓚꓓꓰꓝꓖꓧꓲꓙꓗꓡꓟꓠꓳꓑꓣꓢꓔꓴꓦꓪꓫꓬꓜ", "a b c d e f g h i j k l m n o p r s t u v w x y z"),
    )
    for letter, latin in zip(letters, sounds.split(), strict=True)
}
"""Letters of other scripts, and the Latin ones that they may pass for."""
_SYMBOLS = re.escape(_SIGNS)
_BOXED = "\U0001f130-\U0001f189\U0001f1e6-\U0001f1ff"
"""Letters in squares and circles, and those of flags: symbols, to a pattern."""
_ODD = re.compile(rf"[A-Za-z][\d{_SYMBOLS}]|[\d{_SYMBOLS}][A-Za-z]|[^\x00-\x7f]")
_TOKEN = re.compile(rf"(?<![\w{_BOXED}{_SYMBOLS}])(?:[^\W_]|[{_BOXED}{_SYMBOLS}]){{1,24}}(?![\w@$])")
_LETTER = re.compile(rf"[^\W_]|[{_BOXED}]")
_APART = re.compile(
    rf"(?<![^\W_])(?:[^\W_]|[{_BOXED}])(?:[\s.,*/|_\u00b7-]{{1,4}}(?:[^\W_]|[{_BOXED}])(?![^\W_])){{4,400}}"
)
_ONE = re.compile(r"(?<!\S)[1!|](?=(?:'(?:m|ll|ve|d))? [A-Za-z])")
"""What may stand for the word "I" where other words have digits in them."""
_CHOICES = 32
_LONGEST_WORD = 16
_SHORT = "a ai am an as at be by do go he i if in is it me my no of on or so to up us we"
_COMMON = FUNCTION_WORDS["en"] | set(_SHORT.split())
_INFLECTIONS = ("s", "es", "d", "ed", "ing", "ly")
_NAMED = re.compile(
    r"(?:LATIN LETTER SMALL CAPITAL|(?:NEGATIVE )?(?:CIRCLED|SQUARED) LATIN CAPITAL LETTER"
    r"|REGIONAL INDICATOR SYMBOL LETTER|LATIN (?:SMALL|CAPITAL) LETTER(?: (?:SCRIPT|TURNED|OPEN|DOTLESS|REVERSED))?) "
    r"([A-Z])(?: WITH .*)?"
)


def respelt(text: str, places: Sequence[int]) -> tuple[str, Sequence[int]] | None:
    """`text` with its disguised words as plain ones, and where each character was; ``None`` where none is disguised.

    `places` are those of `text`, as `unmasked` gives them. Linear in the text.
    """
    found = sorted([*_apart(text), *_spelt(text)])
    letters: list[str] = []
    where: list[int] = []
    last = 0
    for begin, end, word, of in found:
        if begin < last:
            continue
        letters += [text[last:begin], word]
        where += [*places[last:begin], *(places[place] for place in of)]
        last = end
    if not last:
        return None
    return "".join([*letters, text[last:]]), [*where, *places[last:]]


Respelling = tuple[int, int, str, Sequence[int]]
"""A stretch, what it says, and which character of the text each of these stands for."""


def _spelt(text: str) -> Iterator[Respelling]:
    if not _ODD.search(text):
        return
    strange = False
    for token in _TOKEN.finditer(text):
        for written in dict.fromkeys((token[0], token[0].rstrip("!|+"))):
            if written and (word := _word(written.lower())):
                strange = strange or written.isascii()
                yield (
                    token.start(),
                    token.start() + len(written),
                    word,
                    range(token.start(), token.start() + len(written)),
                )
                break
    for one in _ONE.finditer(text) if strange else ():
        yield one.start(), one.end(), "i", [one.start()]


@lru_cache(maxsize=5_000)
def _word(written: str) -> str:
    """The English word that `written`, in lower case, passes for; empty if it is none, or written in plain letters."""
    options = [_letters(letter) for letter in written]
    if not all(options) or (written.isascii() and (written.isalpha() or not any(map(str.isalpha, written)))):
        return ""
    if len(written) == 1:
        return options[0][0]
    choices = 1
    for option in options:
        choices *= len(option)
    spelt = (
        ("".join(one) for one in itertools.product(*options))
        if choices <= _CHOICES
        else ("".join(o[0] for o in options),)
    )
    return next((word for word in spelt if word != written and known(word)), "")


def _letters(letter: str) -> str:
    """The Latin letters that `letter` may stand for, likeliest first."""
    if letter.isascii() and letter.isalpha():
        return letter
    if found := _LEET.get(letter) or _LIKE.get(letter) or _LIKE.get(letter.upper()):
        return found
    if (base := unicodedata.normalize("NFKD", letter)[:1]).isascii() and base.isalpha():
        return base.lower()
    named = _NAMED.fullmatch(unicodedata.name(letter, ""))
    return named[1].lower() if named else ""


def _apart(text: str) -> Iterator[Respelling]:
    """Runs of single letters that are words when they are put together."""
    for run in _APART.finditer(text):
        words = _parted(text, _groups(run[0], run.start()))
        if sum(len(word) for word, _ in words if len(word) > 2) * 2 > sum(len(word) for word, _ in words):
            of = [spot for _, spots in words for spot in (*spots, spots[-1])][:-1]
            yield of[0], of[-1] + 1, " ".join(word for word, _ in words), of


def _groups(run: str, begin: int) -> list[list[int]]:
    """Where the letters of a run are, word by word: another gap than the usual one parts words."""
    spots = [found.start() for found in _LETTER.finditer(run)]
    gaps = [run[before + 1 : after] for before, after in itertools.pairwise(spots)]
    usual = Counter(gaps).most_common(1)[0][0]
    groups = [[begin + spots[0]]]
    for spot, gap in zip(spots[1:], gaps, strict=True):
        if gap != usual:
            groups.append([])
        groups[-1].append(begin + spot)
    return groups


def _parted(text: str, groups: list[list[int]]) -> list[tuple[str, list[int]]]:
    """Groups of letters as English words, as few as can be, with as few letters left over."""
    found: list[tuple[str, list[int]]] = []
    for spots in groups:
        letters = "".join((_letters(text[spot].lower()) or " ")[0] for spot in spots)
        costs, cuts = [0.0], [0]
        for end in range(1, len(spots) + 1):
            options = [
                (costs[begin] + _cost(letters[begin:end]), begin) for begin in range(max(0, end - _LONGEST_WORD), end)
            ]
            cost, cut = min(options)
            costs.append(cost)
            cuts.append(cut)
        words, end = [], len(spots)
        while end:
            words.append((letters[cuts[end] : end], spots[cuts[end] : end]))
            end = cuts[end]
        found += reversed(words)
    return found


@lru_cache(maxsize=65_536)
def _cost(word: str) -> float:
    """How unlikely it is that a few letters in a row are `word`: least for the commonest words, infinite for none."""
    if word in _COMMON:
        return 0.7
    if len(word) > 2 and word[:4] in _beginnings():
        if word in lexicon():
            return 1.0
        if any(word.endswith(ending) and word[: -len(ending)] in lexicon() for ending in _INFLECTIONS):
            return 1.2
        if known(word):
            return 1.8
    return 10.0 if len(word) == 1 else math.inf


@lru_cache(maxsize=1)
def _beginnings() -> frozenset[str]:
    return frozenset(word[:size] for word in lexicon() for size in (3, 4) if len(word) >= size)
