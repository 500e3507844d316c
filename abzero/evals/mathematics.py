"""Answers to mathematical questions: our normal form and number rule first, then math-verify in a child."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Protocol

from abzero.errors import ConfigError
from abzero.evals import answers, arithmetic, brief, schema
from abzero.evals.base import Problem, Score, Verdict
from abzero.evals.data import SuiteRow, SuiteRows
from abzero.evals.normal_form import BASE, normal, number
from abzero.evals.symbolic import Comparison

TOLERANCE = Fraction(1, 10**6)
"""Relative, where one of two numbers is written as a decimal."""


class Compares(Protocol):
    """What decides where text and numbers do not."""

    def compare(self, gold: str, answer: str) -> Comparison: ...


@dataclass(frozen=True)
class Mathematics:
    """A suite whose answers are mathematics."""

    source: SuiteRows
    symbolic: Compares
    opens_think: bool = False

    @cached_property
    def _rows(self) -> dict[str, SuiteRow]:
        return {str(row[self.source.suite.key]): row for row in self.source.rows}

    def problems(self) -> Sequence[Problem]:
        name = self.source.suite.name
        return [Problem(key, str(row.get("problem", row.get("question"))), (name,)) for key, row in self._rows.items()]

    def gold(self, problem: Problem) -> str:
        """A completion that answers right."""
        return f"The answer is \\boxed{{{gold_of(self.source, self._rows[problem.id])}}}"

    def answer(self, completion: str) -> str:
        """What `completion` answers. Raises `Malformed`."""
        return answers.mathematical(completion, self.opens_think)

    def check_answer(self, problem: Problem, answer: str) -> Score:
        """Judge what `answer` found."""
        row = self._rows[problem.id]
        gold = gold_of(self.source, row)
        verdict, by = judged(gold, answer, self.symbolic, schema.allowance(row.get("error")))
        detail = "" if verdict in ("correct", "no_answer") else f"expected {brief.text(gold)}"
        return Score(verdict, float(verdict == "correct"), by, detail)


def gold_of(source: SuiteRows, row: SuiteRow) -> str:
    """The answer that the row gives. Raises `ConfigError` where it gives none."""
    if source.suite.name == "minerva":
        if (boxed := answers.last_box(str(row["solution"]))) is None:
            raise ConfigError(f"{source.files[0]}, idx {row['idx']}, field 'solution': no box holds an answer")
        return boxed
    value = row.get("answer", row.get("final_answer"))
    return str(value[0] if isinstance(value, list) else value)


def judged(gold: str, answer: str, symbolic: Compares, allowed: Fraction | None = None) -> tuple[Verdict, str]:
    """Whether `answer` is `gold`, and by which rule: the first that decides."""
    gold, answer = normal(gold), normal(answer)
    if not answer:
        return "no_answer", "empty"
    if (same := _percent(gold, answer)) is not None:
        return _verdict(same), "percent"
    if _bare(gold) == _bare(answer):
        return "correct", "string"
    left, right = _value(gold), _value(answer)
    if left is not None and right is not None:
        if allowed is not None and abs(left[0] - right[0]) <= allowed:
            return "correct", "tolerance"
        close = abs(left[0] - right[0]) <= TOLERANCE * abs(left[0])
        return _verdict(left[0] == right[0] or ((left[1] or right[1]) and close)), "number"
    if (_is_tuple(gold) and _is_set(answer)) or (_is_set(gold) and _is_tuple(answer)):
        return "wrong", "brackets"
    if BASE.fullmatch(_bare(gold)) or BASE.fullmatch(_bare(answer)):
        return _verdict(_bare(gold).replace("{", "").replace("}", "") == _bare(answer).replace("{", "").replace("}", "")), "base"  # fmt: skip  # noqa: E501
    match symbolic.compare(gold, answer):
        case "right":
            return "correct", "math-verify"
        case "wrong":
            return "wrong", "math-verify"
        case failed:
            return failed, "math-verify"


def _value(text: str) -> tuple[Fraction, bool] | None:
    """The number that `text` is, or comes to."""
    return number(text) or arithmetic.value(text)


def _is_tuple(text: str) -> bool:
    """Whether all of `text` is one pair of round brackets, with a comma in it."""
    return re.fullmatch(r"\([^()]*,[^()]*\)", text) is not None


def _is_set(text: str) -> bool:
    """Whether all of `text` is one pair of set braces, with a comma in it."""
    return re.fullmatch(r"\\\{(?:(?!\\[{}]).)*,(?:(?!\\[{}]).)*\\\}", text) is not None


def _verdict(right: bool) -> Verdict:
    return "correct" if right else "wrong"


def _percent(gold: str, answer: str) -> bool | None:
    """Rule (b): a share may be written per cent or not; ``None`` where neither side has the sign."""
    signed = [re.sub(r"\\?%", "", text).strip() if "%" in text else None for text in (gold, answer)]
    if signed == [None, None]:
        return None
    left = number(gold if signed[0] is None else signed[0])
    right = number(answer if signed[1] is None else signed[1])
    if left is None or right is None:
        return None
    scales = [Fraction(1) if one is None else Fraction(1, 100) for one in signed]
    pairs = [(left[0], right[0]), (left[0] * scales[0], right[0] * scales[1])]
    return any(abs(a - b) <= TOLERANCE * abs(a) for a, b in pairs)


def _bare(text: str) -> str:
    """`text` without blanks; plain words in one case."""
    bare = re.sub(r"\s+", "", text)
    return bare.casefold() if re.fullmatch(r"[A-Za-z]{2,}[A-Za-z0-9,.'-]*", bare) else bare
