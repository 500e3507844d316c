from hypothesis import given
from hypothesis import strategies as st

from abzero.text.sanitize import abridged, harmless


@given(st.text(st.characters(exclude_categories=())))
def test_harmless_text_can_be_encoded_and_holds_no_control(text):
    shown = harmless(text)
    shown.encode()
    assert not [
        character
        for character in shown
        if ord(character) < 0xA0 and not character.isprintable() and character not in "\n\t"
    ]


def test_escapes_are_shown_as_escapes():
    assert harmless("\x1b[31m \x9b \ud800 \0 \r \u202e \u2028") == r"\x1b[31m \x9b \ud800 \x00 \r \u202e \u2028"


def test_ordinary_text_of_any_language_stays():
    assert harmless("é 漢字\n\tλ → 'x'") == "é 漢字\n\tλ → 'x'"


def test_a_long_text_loses_its_middle():
    shown = abridged("a" * 3_000 + "b" * 97_000 + "c" * 3_000, limit=200)
    assert shown.startswith("a" * 100 + "\n")
    assert shown.endswith("\n" + "c" * 100)
    assert "102,800 characters left out" in shown
