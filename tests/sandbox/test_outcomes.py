from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abzero.errors import Malformed
from abzero.python import literals
from abzero.sandbox.base import Nondeterministic, NotLiteral, Outcome, Raised, Refused, Returned, Stopped
from abzero.sandbox.child import wire
from abzero.sandbox.host import Ending
from abzero.sandbox.outcomes import Result, broken, outcome_of, plain, results

TAGS = [bytes([code]) for code in range(256)]


def frame(tag: bytes, text: bytes) -> bytes:
    return wire.FRAME.pack(tag, len(text)) + text


def read(tag: bytes, text: bytes, verify: bool = True) -> Outcome:
    return outcome_of(Result(False, tag, text), verify)


@given(st.sampled_from(TAGS), st.binary(), st.booleans(), st.integers(0, 0xFFFF))
def test_any_frame_and_any_status_give_an_outcome(tag, body, verify, status):
    assert isinstance(read(tag, body, verify), get_args(Outcome))
    assert isinstance(broken(Ending(status, body, overdue=False)), get_args(Outcome))


FRAMES = st.lists(st.tuples(st.sampled_from(TAGS), st.binary())).map(lambda pairs: b"".join(frame(*f) for f in pairs))


@given(st.binary() | FRAMES)
def test_any_bytes_split_into_frames(data):
    found, _, _ = results(Ending(0, data, overdue=False))
    assert all(isinstance(result.body, bytes) for result in found)


def test_a_value_is_read_again_before_it_is_believed():
    assert read(wire.VALUE, b"{2, 1}") == Returned("{1, 2}")
    assert isinstance(read(wire.VALUE, b"__import__('os')"), Refused)
    assert isinstance(read(wire.VALUE, b"1, 2 or 3"), Refused)
    assert read(wire.VALUE, b"'\xff'") == Stopped("crashed")


LITERALS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.integers(-2, 2) | st.booleans() | st.text("a: '1", max_size=3), inner, max_size=4)
    ),
)
PIECES = [
    "0",
    "1",
    "-1",
    "1.0",
    "True",
    "None",
    "'a'",
    "': '",
    "'\\n'",
    "'\\ud800'",
    '"\'"',
    '"\\n\'"',
    "1.50",
    "1e+16",
    "-0.0",
    "NaN",
    "true",
    "null",
    "[",
    "]",
    "(",
    ")",
    "{",
    "}",
    ", ",
    ": ",
    ",",
    " ",
]
NEARLY = st.text("0123456789-+ ,:[](){}'\"\\aTrueNoFls_\n", max_size=12) | st.lists(
    st.sampled_from(PIECES), max_size=9
).map("".join)


@given(LITERALS.map(repr) | NEARLY)
def test_a_value_is_canonical_however_it_is_read(text):
    try:
        expected = Returned(literals.canonical(literals.parse(text)))
    except Malformed:
        assert isinstance(read(wire.VALUE, text.encode()), Refused)
    else:
        assert read(wire.VALUE, text.encode()) == expected


def test_names_are_names():
    assert read(wire.RAISED, b"ValueError") == Raised("ValueError")
    assert read(wire.RAISED, b"x\n) or (True") == Raised("Exception")
    assert read(wire.NO_LITERAL, b"a" * 1000) == NotLiteral("object")


def test_an_address_is_unsteady_only_where_that_was_asked():
    assert read(wire.ADDRESS, b"A", verify=True) == Nondeterministic()
    assert read(wire.ADDRESS, b"A", verify=False) == NotLiteral("A")


def test_a_run_without_a_result_ended_somehow():
    assert broken(Ending(27, b"", overdue=False)) == Stopped("timeout")
    assert broken(Ending(11, b"", overdue=False)) == Stopped("crashed")
    assert broken(Ending(31, b"", overdue=False)) == Refused("something that only the operating system could do")
    assert broken(Ending(9, b"", overdue=False)) == Stopped("memory")
    assert broken(Ending(9, b"", overdue=True)) == Stopped("timeout")
    assert broken(Ending(0, b"", overdue=False)) == Stopped("exited")


FREQUENT = [
    "7",
    "-12345678901234567890",
    "1.5",
    "[1, 'a b']",
    "(1,)",
    "[[1], [2, 3]]",
    "[('a', 1), ()]",
    "{}",
    "{'a': [1], 2: 'b: '}",
    r"'a\n\\'",
    '"it\'s"',
    "[2.5, [[None]]]",
    "{'a': {'b': [1.0, [[True]]]}}",
    "(1.5, {'a': {}})",
    "[[[[1]]]]",
]
NEARLY_FREQUENT = [
    "{'a': 1, 'a': 2}",
    "{'a': {}, 'a': {}}",
    "{1: 1, True: 2}",
    "{1, 2}",
    "(1)",
    "[1,2]",
    "01",
    "1.50",
    "1e5",
    "NaN",
    "[null]",
    "(1.5)",
    "([[[1.5]]])",
    "(1.5, )",
    "[[1.5, 1.5]",
    '"it"',
    r"'it\'s'",
    r"[[['\ud800']]]",
]


@pytest.mark.parametrize("text", FREQUENT)
def test_frequent_values_are_not_read_in_full(text):
    assert plain(text)


@pytest.mark.parametrize("text", NEARLY_FREQUENT)
def test_what_only_looks_like_them_is(text):
    assert not plain(text)


def test_no_value_is_deeper_for_being_read_quickly():
    most = literals.MAX_DEPTH
    assert plain("[" * most + "1.5" + "]" * most)
    assert not plain("[" * (most + 1) + "1.5" + "]" * (most + 1))
    assert isinstance(read(wire.VALUE, b"[" * (most + 1) + b"1" + b"]" * (most + 1)), Refused)


def test_what_a_program_writes_after_its_analysis_cannot_undo_it():
    data = frame(wire.LOCKED, b"") + frame(wire.HASHING, b"") + frame(wire.PREPARED, b"") + frame(wire.VALUE, b"1")
    [result], locked, _ = results(Ending(0, data, overdue=False))
    assert locked
    assert result.hashing
