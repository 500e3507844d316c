"""The normal form of a mathematical answer, and numbers as exact rationals."""

import re
import unicodedata
from fractions import Fraction

_INVISIBLE = re.compile("[\0\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_SIGNS = str.maketrans(
    {
        "，": ",", "、": ",", "。": ".", "（": "(", "）": ")", "π": "\\pi ", "∞": "\\infty ", "°": "^\\circ ",
        "×": "\\times ", "−": "-", "~": " ", "\u00a0": " ", "\u2009": " ",
    }
)  # fmt: skip
_SPACING = re.compile(
    r"\\\\|\\(?:left|right)(?![A-Za-z])|\\[,;!:]|\\q?quad(?![A-Za-z])|\\displaystyle(?![A-Za-z])|\\(?=\s)|\\\$|\$"
)
_FRACTION = re.compile(r"\\[dtc]frac(?![A-Za-z])")
_SHORT_FRACTION = re.compile(r"\\frac[ ]*(\d)[ ]*(\d)")
_DEGREES = re.compile(r"\^[ ]*(?:\\circ(?![A-Za-z])|\{[ ]*\\circ[ ]*\})")
_UNIT = re.compile(r"(?<=[\d}\)%])[ ]*\\(?:text|mbox|mathrm|textrm)[ ]*\{[^{}]*\}(?:[ ]*\^[ ]*\{?-?\d\}?)?[ ]*$")
_WRAPPED = re.compile(r"\\(?:f?box(?:ed)?|text|textbf|mathrm|mathbf|mbox)[ ]*\{")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:(?:,|\{,\})\d{3})+(?:\.\d+)?")
_PLAIN = re.compile(r"([+-]?)[ ]*(\d+(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d{1,4}))?")
_POWER = re.compile(r"10[ ]*\^[ ]*(?:\{[ ]*([+-]?\d{1,4})[ ]*\}|(\d))")
_SLASH = re.compile(r"([+-]?\d+)[ ]*/[ ]*([+-]?\d+)")
_LATEX = re.compile(r"([+-]?)[ ]*\\frac[ ]*\{[ ]*([+-]?\d+)[ ]*\}[ ]*\{[ ]*([+-]?\d+)[ ]*\}")
_TIMES = re.compile(r"\\times(?![A-Za-z])|\\cdot(?![A-Za-z])|\*")
_PLAIN_PI = re.compile(r"(?<![A-Za-z])pi(?![A-Za-z])")
_PLAIN_POWER = re.compile(r"[ ]*\*\*[ ]*(-?\d+|[A-Za-z](?![A-Za-z]))")
BASE = re.compile(r"[0-9A-Za-z]+_(?:\{?\d{1,2}\}?)")
_LONGEST = 4_000


def normal(text: str) -> str:
    """`text` without what changes how an answer looks and not what it says."""
    text = unicodedata.normalize("NFC", _INVISIBLE.sub("", text)).translate(_SIGNS)
    text = "".join(unicodedata.normalize("NFKC", c) if "！" <= c <= "～" else c for c in text)
    thin = re.sub(r"(?<=\d)(?:\\[,!]|\{,\})(?=\d{3})", "", text)
    text = _SPACING.sub(lambda found: found.group() if found.group() == r"\\" else " ", thin)
    text = _SHORT_FRACTION.sub(r"\\frac{\1}{\2}", _FRACTION.sub(r"\\frac", text))
    text = _DEGREES.sub("", text)
    if "\\" not in text:
        text = _PLAIN_PI.sub(r"\\pi ", _PLAIN_POWER.sub(r"^{\1}", text))
    for _ in range(20):
        before = text
        text = _UNIT.sub("", _peeled(re.sub(r"[ \t\r\n]+", " ", text).strip()).rstrip(".,"))
        if text == before:
            break
    return text.strip()


def _peeled(text: str) -> str:
    """`text` without the one wrapping that holds all of it."""
    wrapped = _WRAPPED.match(text)
    begin = wrapped.end() if wrapped else 1 if text.startswith("{") else 0
    if not begin or not text.endswith("}"):
        return text
    depth = 1
    for match in re.finditer(r"\\[{}\\]|[{}]", text[begin:]):
        depth += {"{": 1, "}": -1}.get(match.group(), 0)
        if depth == 0:
            return text[begin:-1].strip() if begin + match.end() == len(text) else text
    return text


def number(text: str) -> tuple[Fraction, bool] | None:
    """The number that `text` is, exactly, and whether it is written as a decimal; ``None`` where it is no number."""
    if len(text) > _LONGEST:
        return None
    text = text.strip()
    if _THOUSANDS.fullmatch(text):
        text = text.replace("{,}", "").replace(",", "")
    factors = _TIMES.split(text)
    if len(factors) == 2 and (power := _POWER.fullmatch(factors[1].strip())):
        mantissa = _PLAIN.fullmatch(factors[0].strip())
        return None if mantissa is None else (_decimal(mantissa) * _ten(power), True)
    if power := _POWER.fullmatch(text):
        return _ten(power), False
    if plain := _PLAIN.fullmatch(text):
        return _decimal(plain), "." in text or plain[3] is not None
    if (ratio := _SLASH.fullmatch(text)) and int(ratio[2]):
        return Fraction(int(ratio[1]), int(ratio[2])), False
    if (latex := _LATEX.fullmatch(text)) and int(latex[3]):
        value = Fraction(int(latex[2]), int(latex[3]))
        return (-value if latex[1] == "-" else value), False
    return None


def _ten(power: re.Match[str]) -> Fraction:
    return Fraction(10) ** int(power[1] or power[2])


def _decimal(match: re.Match[str]) -> Fraction:
    value = Fraction(match[2] if match[2][-1] != "." else match[2][:-1]) * Fraction(10) ** int(match[3] or 0)
    return -value if match[1] == "-" else value
