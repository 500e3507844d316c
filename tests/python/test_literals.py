import ast
import math
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abzero.errors import Malformed
from abzero.python import literals
from abzero.sandbox.child.encode import encoder

ATOMS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**300), 10**300)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.complex_numbers(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary()
)
HASHABLE = st.recursive(ATOMS, lambda inner: st.lists(inner, max_size=4).map(tuple), max_leaves=6)
VALUES = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.lists(inner, max_size=5).map(tuple)
        | st.sets(HASHABLE, max_size=5)
        | st.dictionaries(HASHABLE, inner, max_size=5)
    ),
    max_leaves=20,
)
NEAR_LITERALS = st.text("0123456789_.eEjJxobn+-()[]{},:='\"\\#rRbBuUfN \n\r\t\f")


@given(VALUES)
def test_what_is_written_reads_back_as_an_equal_value_of_the_same_types(value):
    text = literals.canonical(value)
    assert literals.parse(text) == value
    assert literals.canonical(literals.parse(text)) == text
    assert literals.same_types(text, repr(value) if value != set() else "set()")


@given(VALUES)
def test_the_interpreter_reads_the_same_value(value):
    text = literals.canonical(value)
    assert ast.literal_eval(text) == value
    assert repr(ast.literal_eval(text)) == repr(literals.parse(text))


REAL = ["", "0", "-0", "0.0", "-0.0", "1", "-1.5", "1e300"]
IMAGINARY = [sign + part for sign in ("+", "-") for part in ("0j", "1j", "2.5j", "1e-7j")]


@pytest.mark.parametrize("text", [real + imaginary for real in REAL for imaginary in IMAGINARY])
def test_a_complex_argument_reaches_the_program_as_it_was_written_signs_of_zeros_included(text):
    """``0-1j`` is not ``-1j``: their real parts have different signs."""
    written = literals.canonical_arguments(text)
    assert repr(eval(written)) == repr(eval(text))
    assert literals.canonical_arguments(written) == written
    assert encoder(1000, 8, 100)(eval(text)) == written


@given(NEAR_LITERALS | st.text())
def test_any_text_is_a_value_or_malformed_and_never_another_value_than_the_interpreter_reads(text):
    try:
        value = literals.parse(text)
    except Malformed:
        return
    assert literals.canonical(literals.parse(literals.canonical(value))) == literals.canonical(value)
    try:
        expected = ast.literal_eval(f"({text}\n)" if text.strip().startswith("#") else text.strip(" \t\n\r\f"))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return
    assert literals.canonical(expected) == literals.canonical(value)


@given(NEAR_LITERALS | st.text())
def test_any_arguments_are_whole_or_malformed(text):
    try:
        written = literals.canonical_arguments(text)
    except Malformed:
        return
    call = ast.parse(f"f({written})", mode="eval").body
    assert isinstance(call, ast.Call)
    assert isinstance(call.func, ast.Name)
    assert literals.canonical_arguments(written) == written


@pytest.mark.parametrize(
    "text",
    [
        "[1, # a\r2,\n3]",
        "'a\r\nb'",
        "'''a\rb'''",
        "'''a''' 'b'",
        "''''a'''",
        "'''a\\'''b'''",
        "'\\N{latin small letter a}\\x41\\101\\u00e9'",
        "b'\\x41\\101'",
        "r'\\n' 'x' R\"\\\"\"",
        "(1)",
        "(1,)",
        "1,",
        "()",
        "{}",
        "set()",
        "{1: 2, True: 3}",
        "-1.5e-3",
        "1_000.0_1",
        "0x_ff",
        "1+2j",
        "-0.0",
        "-0j",
        "0-0j",
        "1e3j",
        "00",
        "01.5",
        "[1,\\\n2]",
        "\\\n1",
    ],
)
def test_odd_spellings_mean_what_the_interpreter_says(text):
    try:
        expected = literals.canonical(ast.literal_eval(text))
    except SyntaxError:
        with pytest.raises(Malformed):
            literals.parse(text)
    else:
        assert literals.canonical(literals.parse(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 2",
        "1e999",
        "nan",
        "inf",
        "-True",
        "--1",
        "1 + 1",
        "1j + 1",
        "2 ** 3",
        "[*[1]]",
        "{**{}}",
        "f'a'",
        "'a' b'b'",
        "''''",
        "'a\nb'",
        "'\0'",
        "'\\ud800'",
        "'\\x4'",
        "'\\N{LATIN SMALL LETTER R WITH TILDE}'",
        "b'\\400'",
        "{[]: 1}",
        "{{}}",
        "frozenset()",
        "01",
        "1__0",
        "9" * 4301,
        "0x" + "f" * 4000,
        "9" * 400 + "+1j",
        "[" * 66 + "]" * 66,
        "...",
        "lambda: 0",
        "[] or 1",
        "1 if 1 else 2",
        "x",
        "1)",
        "(1",
    ],
)
def test_what_is_no_literal_of_ours_is_malformed(text):
    with pytest.raises(Malformed):
        literals.parse(text)


@pytest.mark.parametrize(
    "hack", ["1) or (True", "1)(2", "1) + f(2", "x=1, 2", "x=1, x=2", "*[1]", "**{}", "f(1)", "1 for _ in x"]
)
def test_arguments_cannot_leave_their_call(hack):
    with pytest.raises(Malformed):
        literals.canonical_arguments(hack)


def test_escapes_that_grow_a_text_past_the_limit_are_malformed():
    with pytest.raises(Malformed):
        literals.canonical_literal("'" + "\x01" * 20_000 + "'")
    with pytest.raises(Malformed):
        literals.canonical_arguments("x='" + "\x01" * 20_000 + "'")


HOSTILE = {
    "digits": "1" * 30_000 + "x",
    "digits and underscores": "1_" * 16_000,
    "fractions": "1." + "1" * 15_000 + "e" + "1" * 15_000 + "x",
    "openers": "[(" * 16_000,
    "quotes": "'" * 32_001,
    "triple quotes": "'''" + "a ''" * 8_000,
    "pairs of quotes": "'' " * 10_000 + "'",
    "escapes": "'" + "\\" * 32_001,
    "names": "'" + "\\N{" * 10_000 + "'",
    "comments": "#" * 32_000 + "\n1",
    "signs": "-" * 32_000 + "1",
    "colliding keys": "{" + ",".join(str(k * (2**61 - 1)) for k in range(1, 1_500)) + "}",
    "floats": ",".join(["1e308"] * 5_000),
    "long float": "0." + "1" * 32_000,
    "prefixes": "rb" * 16_000 + "'",
    "commas": "(" + "1," * 16_000 + ")",
    "colons": "{" + "1:1," * 8_000 + "}",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_costs_little(text):
    tracemalloc.start()
    started = time.process_time()
    try:
        literals.canonical(literals.parse(text[: literals.MAX_CHARACTERS]))
    except Malformed:
        pass
    finally:
        seconds, (_, peak) = time.process_time() - started, tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert seconds < 5, "quadratic in the text's length"
    assert peak < 64 << 20


def test_equality_is_pythons_and_the_strict_one_tells_types_apart():
    assert literals.same("{1, 2}", "{2, 1}")
    assert literals.same("[1, 0.0]", "[True, -0.0]")
    assert not literals.same("(1, 2)", "[1, 2]")
    assert not literals.same_types("[1]", "[True]")
    assert not literals.same_types("{1: 'a'}", "{1.0: 'a'}")
    assert literals.same_types("{'a': 1, 'b': 2}", "{'b': 2, 'a': 1}")


def test_finite_floats_keep_every_bit():
    for value in (math.pi, 5e-324, 1.7976931348623157e308, -0.0, 0.1 + 0.2):
        [read] = [literals.parse(literals.canonical(value))]
        assert isinstance(read, float)
        assert read.hex() == value.hex()
