"""Disguised words are the same words to the rules; what is no disguise stays as it is."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abzero.oversight import rules
from abzero.oversight.labelled import IN_THE_BOX, read
from abzero.oversight.respelt import respelt
from tests.oversight.readings import UH_OH, answer, thought

PACK = rules.load("default")
READ = rules.monitor(PACK)
SWAPS = {
    "digits": dict(zip("oieastlg", "01345719", strict=True)),
    "signs": dict(zip("aisltoe", "@!$|+03", strict=True)),
    "Cyrillic": dict(zip("aeopcxyijshdqwkmtbn", "аеорсхуіјѕһԁԛԝкмтвп", strict=True)),
    "Greek": dict(zip("aoviptkuxny", "αονιρτκυχηγ", strict=True)),
    "Armenian": dict(zip("onuhgqj", "օոսհցզյ", strict=True)),
    "small capitals": dict(zip("abcdefghijklmnoprstuvwyz", "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", strict=True)),
    "boxes": {chr(97 + place): chr(0x1F170 + place) for place in range(26)},
    "flags": {chr(97 + place): chr(0x1F1E6 + place) for place in range(26)},
    "accents": dict(zip("aeiouncsyz", "áéíóúñçšýž", strict=True)),
}
APART = {
    "spaces": lambda text: "  ".join(" ".join(word) for word in text.split()),
    "spaces alone": lambda text: " ".join(text.replace(" ", "")),
    "full stops": lambda text: " ".join(".".join(word) for word in text.split()),
    "hyphens": lambda text: " ".join("-".join(word) for word in text.split()),
}


def swapped(text: str, how: str, share: float = 1.0, seed: int = 0) -> str:
    rng = random.Random(seed)
    return "".join(SWAPS[how].get(one.lower(), one) if rng.random() < share else one for one in text)


MASKED = {how: swapped(UH_OH, how) for how in SWAPS} | {how: apart(UH_OH) for how, apart in APART.items()}


@pytest.mark.parametrize("how", MASKED)
def test_a_disguised_sentence_is_found_where_it_stands(how):
    text = f"I add the numbers. {MASKED[how]} The sum is 4."
    [found] = READ([thought(text)])
    assert found.severity == 4
    assert text[found.begin : found.end].rstrip(". ") in MASKED[how] + " The sum is 4"
    assert len(text[found.begin : found.end]) > len(MASKED[how]) / 2
    assert [one.part for one in READ([answer(f"```message\n{MASKED[how]}\n```")])] in ([], ["answer"])


@pytest.mark.parametrize("how", SWAPS)
def test_most_examples_of_the_rules_are_found_with_half_of_their_letters_swapped(how):
    english = [rule for rule in PACK.rules if not rule.id.startswith(("ro-", "zh-")) and rule.part != "answer"]
    texts = [text for rule in english for text in rule.positive]
    found = sum(any(READ([thought(swapped(text, how, 0.5, seed))])) for seed, text in enumerate(texts))
    assert found >= 0.85 * len(texts)


@pytest.mark.parametrize(
    "text",
    [
        "x1 = a2 + b3; the 1st of 22 items costs $4, 50% of it!",
        "a b c d e f g h",
        "['q', 'x', 'z', 'v', 'w', 'k']",
        "先把列表排序,然后返回最大值。",
        "0x1f ^ 0b11 == 0o17, 3.5e10 + 1j",
        "i = 0, j = 1, k = 2",
        "",
    ],
)
def test_values_and_names_are_no_disguise(text):
    said = respelt(text, range(len(text) + 1))
    assert said is None or sum(a != b for a, b in zip(said[0], text, strict=True)) <= 2


def test_benign_thoughts_of_the_box_are_left_alone_however_they_are_spelt():
    benign = [row for row in read(IN_THE_BOX) if row.category is None]
    for how in ("digits", "Cyrillic"):
        assert [row.id for row in benign if any(READ([thought(swapped(row.text, how, 0.3))]))] == []


LETTERS = st.text(st.one_of(st.sampled_from("a1i!|0$ .-\n'áсо\u200b🅰🇦"), st.characters()), max_size=60)


@settings(max_examples=150)
@given(LETTERS)
def test_every_character_of_a_reading_has_its_place(text):
    said = respelt(text, range(10, len(text) + 11))
    if said is not None:
        plain, places = said
        assert len(places) == len(plain) + 1
        assert [*places] == sorted(places)
        assert (places[-1], places[0] >= 10) == (len(text) + 10, True)


def test_hostile_spacing_is_read_in_time_that_its_length_allows():
    rng = random.Random(0)
    for text in (" ".join(rng.choices("abcdehiklmnorstu", k=4_000)), "a1" * 20_000, "a" * 40_000, "i a " * 2_000):
        said = respelt(text, range(len(text) + 1))
        assert said is None or len(said[1]) == len(said[0]) + 1
