r"""The exact value of an expression of whole numbers, decimals and fractions: ``\frac{2^{2005}+1}{3 \cdot 2^{2006}}``.

What it does not know for sure (a letter, a root, ``2^10``, ``2(3)``) it leaves alone, and so does it with what is too
large to be worked out: time and memory are bounded by the text's length and `MOST_BITS`.
"""

import math
import re
from fractions import Fraction

MOST_BITS = 40_000
"""Of a numerator or denominator."""
_DEEPEST = 40
_LONGEST = 4_000
_TOKEN = re.compile(
    r"\s*(?:(?P<repeating>\d*\.\d*\\overline\s*\{\d{1,50}\})|(?P<number>\d+(?:\.\d*)?|\.\d+)|(?P<fraction>\\frac)"
    r"|(?P<times>\\times(?![A-Za-z])|\\cdot(?![A-Za-z])|\*)|(?P<over>/|\\div(?![A-Za-z]))"
    r"|(?P<sign>[+-])|(?P<power>\^)|(?P<factorial>!)|(?P<open>[({])|(?P<close>[)}]))"
)
_CLOSES = {"(": ")", "{": "}"}


class _Unknown(Exception):
    """The text is not known to be a number, or too large a one."""


def value(text: str) -> tuple[Fraction, bool] | None:
    """The number, and whether a decimal occurs in it, so that it may be rounded; ``None`` where it is not known."""
    if len(text) > _LONGEST:
        return None
    try:
        reading = _Reading(_tokens(text))
        found = reading.sum(0)
    except (_Unknown, ZeroDivisionError):
        return None
    return None if reading.left else (found, reading.rounded)


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, at = [], 0
    text = text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise _Unknown
        tokens.append((found.lastgroup, found.group().strip()))
        at = found.end()
    return tokens


class _Reading:
    """Recursive descent through tokens; `left` are those not read yet, the next one last."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.left = tokens[::-1]
        self.rounded = False

    def sum(self, depth: int) -> Fraction:
        if depth > _DEEPEST:
            raise _Unknown
        total = self._signed(depth)
        while self._next() == "sign":
            total = _bounded(total + self._signed(depth))
        return total

    def _signed(self, depth: int) -> Fraction:
        sign = 1
        while self._next() == "sign":
            sign *= -1 if self.left.pop()[1] == "-" else 1
        return sign * self._product(depth)

    def _product(self, depth: int) -> Fraction:
        total = self._factor(depth)
        while (kind := self._next()) in ("times", "over"):
            self.left.pop()
            sign = -1 if self._next() == "sign" and self.left.pop()[1] == "-" else 1
            factor = sign * self._factor(depth)
            total = _bounded(total * factor if kind == "times" else total / factor)
        return total

    def _factor(self, depth: int) -> Fraction:
        base = self._atom(depth)
        while (kind := self._next()) in ("power", "factorial"):
            self.left.pop()
            if kind == "factorial":
                if self._next() == "factorial":  # n!! is another function
                    raise _Unknown
                base = _factorial(base)
            elif self._next() == "number":  # without braces LaTeX takes one digit alone, people mean all of them
                if len(self.left[-1][1]) > 1:
                    raise _Unknown
                base = _power(base, self._atom(depth))
            else:
                base = _power(base, self._group(depth))
            if self._next() == "power":
                raise _Unknown
        return base

    def _atom(self, depth: int) -> Fraction:
        match self._next():
            case "repeating":
                return _repeating(self.left.pop()[1])
            case "number":
                text = self.left.pop()[1]
                self.rounded |= "." in text
                whole = Fraction(text.rstrip("."))
                if self._next() != "fraction":
                    return whole
                part = self._fraction(depth)  # 3\frac{1}{2}
                if "." in text or not 0 < part < 1:
                    raise _Unknown
                return whole + part
            case "fraction":
                return self._fraction(depth)
            case "open":
                return self._group(depth)
        raise _Unknown

    def _fraction(self, depth: int) -> Fraction:
        self.left.pop()
        over = self._group(depth)
        return _bounded(over / self._group(depth))

    def _group(self, depth: int) -> Fraction:
        if self._next() != "open":
            raise _Unknown
        opened = self.left.pop()[1]
        inside = self.sum(depth + 1)
        if self._next() != "close" or self.left.pop()[1] != _CLOSES[opened]:
            raise _Unknown
        return inside

    def _next(self) -> str:
        return self.left[-1][0] if self.left else ""


def _bounded(found: Fraction) -> Fraction:
    if max(found.numerator.bit_length(), found.denominator.bit_length()) > MOST_BITS:
        raise _Unknown
    return found


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if exponent.denominator != 1 or abs(exponent.numerator) * bits > MOST_BITS:
        raise _Unknown
    return base**exponent.numerator


def _factorial(base: Fraction) -> Fraction:
    if base.denominator != 1 or not 0 <= base.numerator <= 3_000:
        raise _Unknown
    return Fraction(math.factorial(base.numerator))


def _repeating(text: str) -> Fraction:
    whole, _, rest = text.partition(".")
    before, _, period = rest.partition("\\overline")
    digits = period.strip(" {}")
    scale = 10 ** len(before)
    return Fraction(int((whole or "0") + before), scale) + Fraction(int(digits), scale * (10 ** len(digits) - 1))
