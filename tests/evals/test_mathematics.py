"""The normal form and the rules that decide before math-verify is asked."""

from fractions import Fraction

import pytest

from abzero.evals import arithmetic
from abzero.evals.mathematics import judged
from abzero.evals.normal_form import normal, number
from abzero.evals.symbolic import Symbolic


class Never:
    """Fails where the rules leave a pair to the library."""

    def compare(self, gold, answer):
        raise AssertionError(f"{gold!r} and {answer!r} were not decided")


@pytest.mark.parametrize(
    ("gold", "answer", "by"),
    [
        ("033", "33", "number"),
        ("27.0", "27", "number"),
        ("204", "204.", "string"),
        (r"\frac{1}{2}", "0.5", "number"),
        (r"\dfrac12", "1/2", "number"),
        ("4.5e33", r"4.5 \times 10^{33}", "number"),
        ("1234567", r"1{,}234\,567", "string"),
        (r"\$36", "36", "string"),
        ("45", "45^\\circ", "string"),
        ("10", r"10\text{ cm}", "string"),
        ("5%", "0.05", "percent"),
        ("2516_8", "2516_{8}", "base"),
        (r"\text{Evelyn}", "evelyn", "string"),
        ("204", "~204~", "string"),
    ],
)
def test_ways_to_write_one_answer(gold, answer, by):
    assert judged(gold, answer, Never()) == ("correct", by)


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("204", "2040"),
        ("0.333", "1/3"),
        ("10101_2", "10101"),
        ("2516_8", "2516_9"),
        ("10^{33}", "10^{32}"),
        ("5%", "6%"),
    ],
)
def test_different_answers_are_wrong(gold, answer):
    assert judged(gold, answer, Never())[0] == "wrong"


def test_an_absolute_tolerance_is_the_rows_own():
    assert judged("4.5", "4.59", Never(), Fraction(1, 10)) == ("correct", "tolerance")
    assert judged("4.5", "4.61", Never(), Fraction(1, 10))[0] == "wrong"


def test_a_matrix_keeps_its_rows():
    assert r"\\" in normal(r"\begin{pmatrix}1\\ 2\end{pmatrix}")
    assert number("1e99999999") is None


def test_the_library_tells_small_numbers_apart_and_is_killed_when_it_does_not_end():
    pytest.importorskip("math_verify")
    with Symbolic(seconds=2.0) as symbolic:
        assert symbolic.compare(r"\frac{\pi}{10^{9}}", r"\frac{2\pi}{10^{9}}") == "wrong"
        assert symbolic.compare(r"\sqrt{8}\cdot 10^{-9}", r"2\sqrt{2}\cdot 10^{-9}") == "right"
        assert judged(r"-2\pi", "-2*pi", symbolic)[0] == "correct"
        assert symbolic.compare("204", "(" * 2_000 + "204") == "timeout"
        assert symbolic.compare("x^2+2x+1", "(x+1)^2") == "right"
        assert symbolic.compare("x^2+2x+1", "x^2") == "wrong"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"\frac{2^{3}+1}{3 \cdot 2^{2}}", Fraction(9, 12)),
        (r"0.1\overline{6}", Fraction(1, 6)),
        ("-3^2", -9),
        (r"3\frac{1}{2}", Fraction(7, 2)),
        ("10!/8!", 90),
        ("2-3-4", -5),
        (r"-\frac{-4}{2} \times -3", -6),
        ("2^10", None),
        ("3!!", None),
        ("2^{3}^{2}", None),
        ("2(3)", None),
        (r"2\frac{3}{2}", None),
        ("(1+2", None),
        ("1/0", None),
        ("9^{9^{9^{9}}}", None),
        ("(" * 1_000 + "1" + ")" * 1_000, None),
        (r"\sqrt{4}", None),
    ],
)
def test_expressions_have_an_exact_value_or_are_left_alone(text, value):
    found = arithmetic.value(text)
    assert (found and found[0]) == value


def test_numbers_that_a_rounding_would_make_equal_differ():
    assert judged(r"\frac{1}{2004!}", r"\frac{1}{2006!}", Never()) == ("wrong", "number")
    assert judged(r"\frac{1}{2^{99}}", r"\frac{2}{2^{100}}", Never()) == ("correct", "number")


def test_a_tuple_is_not_a_set():
    assert judged("(0,1)", r"\{0,1\}", Never()) == ("wrong", "brackets")
    assert judged(r"\{0,1\}", "(0,1)", Never()) == ("wrong", "brackets")


@pytest.mark.parametrize(
    "answer", ["9^{9^{9^{9}}}", "7" * 120_000, "1+" * 60_000, "{" * 20_000, r"\frac" * 20_000, "((" * 60_000]
)
def test_a_long_or_huge_answer_ends_without_the_library(answer):
    class Told:
        def compare(self, gold, answer):
            return "timeout"

    assert judged("204", answer, Told())[0] in ("wrong", "timeout")
