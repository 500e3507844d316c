import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from abzero.tiny import tokenizer

ASCII = string.digits + string.ascii_letters + string.punctuation + " \n"


@pytest.fixture(scope="module")
def words() -> PreTrainedTokenizerFast:
    return tokenizer.build()


@given(st.one_of(st.text(ASCII), st.lists(st.sampled_from(tokenizer.WORDS[3:])).map("".join)))
def test_any_printable_text_comes_back_as_it_was(text: str):
    ids = WORDS(text)["input_ids"]
    assert WORDS.decode(ids) == text
    assert WORDS.unk_token_id not in ids


WORDS = tokenizer.build()


@pytest.mark.parametrize("tag", tokenizer.TAGS)
def test_a_tag_is_one_token_and_stays_when_special_tokens_are_skipped(words: PreTrainedTokenizerFast, tag: str):
    [one] = words(tag)["input_ids"]
    assert words.decode([one], skip_special_tokens=True) == tag


@pytest.mark.parametrize("letter", string.digits + string.ascii_letters)
def test_digits_and_letters_are_single_tokens(words: PreTrainedTokenizerFast, letter: str):
    assert len(words(letter)["input_ids"]) == 1


def test_what_lies_outside_ascii_is_unknown_and_does_no_harm(words: PreTrainedTokenizerFast):
    assert words.decode(words("a é b")["input_ids"]) == f"a {tokenizer.UNKNOWN} b"


def test_nothing_is_added_to_a_text(words: PreTrainedTokenizerFast):
    assert words("")["input_ids"] == []
    assert words.bos_token is None


def test_a_saved_tokenizer_is_the_same(words: PreTrainedTokenizerFast, tmp_path):
    tokenizer.save(tmp_path)
    again = PreTrainedTokenizerFast.from_pretrained(tmp_path)
    text = "<deduce><program>def f(x):\n    j = x[::-1]\n    return j</program><input>[1, 2]</input><think>"
    assert again(text)["input_ids"] == words(text)["input_ids"]
    assert again.decode(again(text)["input_ids"]) == text
    assert (again.eos_token, again.pad_token) == (tokenizer.END, tokenizer.PAD)


def test_a_digit_is_one_token_wherever_a_value_holds_it(words: PreTrainedTokenizerFast):
    assert words.tokenize("[0, 10]") == ["[", "0", ", ", "1", "0", "]"]
