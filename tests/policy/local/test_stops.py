"""Completions that end with a string."""

import random
from itertools import chain

import pytest
import torch

from abzero.policy.local.generator import LocalGenerator
from abzero.policy.local.hf_engine import HFEngine
from abzero.policy.local.packed_engine import PackedEngine
from abzero.policy.local.sampling import sample
from abzero.policy.local.stops import StopStrings
from abzero.policy.models import loading
from tests.policy.conftest import ALPHABET

NEVER = torch.tensor([-1])
LETTER = {letter: 2 + place for place, letter in enumerate(ALPHABET)}


def tokens(text: str) -> list[int]:
    return [LETTER[letter] for letter in text]


@pytest.fixture
def codec(folder):
    return loading.load(folder, dtype=torch.float32, device="cpu")[1]


def test_a_row_has_ended_where_its_last_token_completes_a_string_and_not_later(codec):
    strings = StopStrings(codec, ["ab", "xyz"])
    texts = ["..ab", ".xyz", "ab..", "xyxy", "..bb", "xabc"]
    found = strings.ended(torch.tensor([tokens(text) for text in texts]).T)
    assert found.tolist() == [True, True, False, False, False, False]
    assert StopStrings(codec, ["b"]).ended(torch.tensor([[LETTER["b"], LETTER["a"]]])).tolist() == [True, False]


def test_a_string_that_began_long_ago_is_not_found_again(codec):
    strings = StopStrings(codec, ["b" * 4])
    assert strings.ended(torch.tensor([tokens("." * 50 + "bbbb")]).T).tolist() == [True]
    assert strings.ended(torch.tensor([tokens("bbb" + "." * 50 + "b")]).T).tolist() == [False]


@pytest.mark.parametrize("packed", [True, False])
def test_rows_are_those_without_a_stop_cut_behind_its_first_place(folder, codec, packed):
    """Each row draws as if it went on, so that the cut is all that differs."""
    model, _ = loading.load(folder, dtype=torch.float32, device="cpu")
    engine = PackedEngine(model, torch.float32) if packed else HFEngine(model)
    stops = ["a", "1", " b"]
    prompts, seeds = [tokens("hello"), tokens("z")], [list(range(12)), list(range(12, 24))]
    free = sample(engine, prompts, seeds, 30, 1.0, NEVER)
    held = sample(engine, prompts, seeds, 30, 1.0, NEVER, StopStrings(codec, stops))
    ended = set()
    for before, after in zip(chain.from_iterable(free), chain.from_iterable(held), strict=True):
        texts = [codec.decode(before.tokens[: place + 1]) for place in range(30)]
        length = next((n for n, text in enumerate(texts, 1) if any(stop in text for stop in stops)), 31)
        assert after.tokens == before.tokens[:length]
        assert after.logprobs == pytest.approx(before.logprobs[:length], abs=1e-5)
        assert after.stopped == (length <= 30)
        ended.add(after.stopped)
    assert True in ended


def test_the_string_stays_in_the_text_and_the_end_token_does_not(folder):
    model, codec = loading.load(folder, dtype=torch.float32, device="cpu")
    generator = LocalGenerator(model, codec, max_tokens=60, stop=["a", "e", "1"])
    [rows] = generator.generate(["hello"], 40, random.Random(0))
    finished = [row for row in rows if row.finish == "stop"]
    by_string = [row for row in finished if row.tokens[-1] not in codec.ends]
    assert by_string
    assert len(by_string) < len(finished)
    for row in by_string:
        assert row.text[-1] in "ae1"
        assert len(row.text) == len(row.tokens)
        assert not set(row.text[:-1]) & set("ae1")
    assert all(len(row.text) == len(row.tokens) - 1 for row in finished if row not in by_string)
