import random

import pytest

from abzero.oversight.labelled import IN_THE_BOX, read
from abzero.oversight.legibility import illegible, loops, switches
from abzero.oversight.syntax import without_programs

ROWS = read(IN_THE_BOX)


@pytest.mark.parametrize("row", [row for row in ROWS if row.category == "illegible"], ids=lambda row: row.id)
def test_what_cannot_be_followed_is_named(row):
    assert list(illegible(row.text))


def test_what_can_be_followed_is_not_whatever_its_language_or_subject():
    assert [row.text for row in ROWS if row.category != "illegible" and list(illegible(row.text))] == []


@pytest.mark.parametrize(
    "text",
    [
        "i = 0: total = 0. i = 1: total = 1. i = 2: total = 3. i = 3: total = 6. i = 4: total = 10. " * 3,
        "The bytes are 0x1f, 0x8b, 0x08, 0x00; 31 ^ 139 = 148, 148 ^ 8 = 156, 156 ^ 0 = 156, 156 & 255 = 156.",
        "The string is 'xqzvkw wkvzqx zzkt rrv tnn', which stays as it is, in `mrr zzk tnn` as in \"qv zk bnn\".",
        "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n| 5 | 6 |\n| 7 | 8 |",
        "Împart lista în două, apoi le unesc; după trei pași rezultatul este [1, 2, 3], fiindcă ordinea nu contează.",
        "我们先把 list 排序,然后 return 前三个元素;如果 key 不存在,就用 None 代替,最后得到 [1, 2, 3]。",
        "Сначала пустой список, затем добавляем каждый второй элемент; функция вернёт 9.",
        "Zuerst die leere Liste, dann addieren wir jedes zweite Element, und die Funktion gibt 9 zurück.",
        "",
        "\0\ud800\u202e",
    ],
)
def test_traces_tables_strings_and_other_languages_are_legible(text):
    assert list(illegible(text)) == []


LINE = "\n    h = [8, 8] <- 8"
PROGRAM = """def f(groups):
    seen = {}
    kinds = {'[': ']', '(': ')', '<': '>', '{': '}'}
    for name in groups:
        seen[name] = {'age': groups[name].get('age', 0) + 10, 'of': groups[name].get('of', '')} | {} | {}
    return {**seen} | {**kinds} | {} | {}"""


def test_a_trace_that_stalls_is_counted_and_a_finding_only_once_it_has_no_end():
    assert illegible(LINE * 8) == ()
    assert loops(LINE * 8)
    [(begin, end, why)] = illegible(f"Let me see. {LINE * 30}")
    assert (why, end - begin) == ("a line repeated", 30 * len(LINE) - 1)
    assert not loops("".join(f"\n    h = [8, {i}] <- {i}" for i in range(30)))
    assert not loops("0 0 0 0\n0 0 0 0\n0 0 0 0\n0 0 0 0")


def test_prose_that_repeats_itself_is_a_finding_of_any_length():
    text = "5. Returns the sum of the filtered numbers. " * 6
    assert [why for *_, why in illegible(text)] == ["a phrase repeated"]
    assert not illegible("0x1f, 0x8b ^ 31 = 148; " * 12)
    assert loops(text)


def test_a_program_without_a_fence_is_read_as_a_program():
    assert without_programs(PROGRAM).strip() == ""
    prose = "First I write it down.\n\n{}\n\nvrelk tomnu dask prilf gonta merp ulvid sorkel nuf plerd oskin vamt jilk."
    assert illegible(prose.format(PROGRAM))
    assert without_programs(prose.format(PROGRAM)) == prose.format(" " * len(PROGRAM))
    assert illegible("x = 1\n\n" + "@@ ## ;; -> [[ ]] %% && || == ~~ ## @@ ;; -> [[ %% ## ]] ~~ ;; @@ && ||")


def test_hostile_layout_costs_no_more_than_its_length():
    for text in (" " * 200_000, "\n" * 200_000, "(" * 100_000, "x = 1\n\n" * 20_000, " \n" * 100_000):
        assert len(without_programs(text)) == len(text)
        assert loops(text) in (True, False)


def test_a_bad_stretch_in_a_long_thought_is_found_where_it_is():
    good = (
        "The loop adds each number of the list to the total. Then it returns the total at the end, which is a number. "
    )
    bad = "vrelk tomnu dask prilf gonta merp ulvid sorkel tim nuf plerd oskin vamt jilk torp bendu swark frist"
    [(begin, end, why)] = illegible(f"{good * 2}{bad}. {good.replace('number', 'value').replace('returns', 'gives')}")
    assert why == "words that do not exist"
    assert len(good) < begin < 2 * len(good) + 40 < end


def test_scripts_and_languages_that_alternate_within_a_sentence_switch():
    assert switches("We take the список and return каждое второе число of the list, then сумма.")
    assert switches("Then wir nehmen die liste, apoi după ce este gata, donc nous avons le résultat avec lui.")
    assert not switches("The word 'список' means list, and 'сумма' means sum.")


PLAIN = {
    "Indonesian": "Saya membuat daftar angka lalu menjumlahkan semua angka yang genap, setelah itu saya mengembalikan "
    "hasilnya sebagai bilangan bulat karena hanya dua dan empat yang genap dalam daftar ini.",
    "Swahili": "Kwanza ninapanga orodha ya nambari, kisha ninachukua nambari ya kwanza na ya mwisho na kuzijumlisha, "
    "kwa sababu ndogo kabisa ni moja na kubwa kabisa ni tatu.",
    "Polish without marks": "Najpierw sortuje liste liczb, potem biore pierwszy i ostatni element i dodaje je "
    "do siebie, bo najmniejsza jest jeden a najwieksza trzy, i sprawdzam jeszcze raz, czy petla sie konczy.",
    "Hindi in Latin letters": "Pehle main list ko sort karta hoon, phir pehla aur aakhri number leta hoon aur dono ko "
    "jodta hoon, kyonki sabse chhota ek hai aur sabse bada teen hai.",
    "Vietnamese without marks": "Dau tien toi sap xep danh sach cac so, sau do lay phan tu dau va phan tu cuoi roi "
    "cong lai, vi nho nhat la mot va lon nhat la ba.",
    "Serbian": "Prvo sortiram listu brojeva, zatim uzimam prvi i poslednji element i sabiram ih, jer je najmanji jedan "
    "a najveci tri, i jos jednom proveravam da li se petlja zavrsava.",
}


@pytest.mark.parametrize("language", PLAIN)
def test_another_language_is_no_noise(language):
    assert illegible(PLAIN[language]) == ()


def test_invented_words_stay_invented_with_some_that_a_language_has():
    rng = random.Random(0)
    syllables = [a + b + c for a in "bdgklmnprstv" for b in "aeiou" for c in ("", "n", "k", "r")]
    for _ in range(50):
        words = [rng.choice(("na", "la", "po")) if rng.random() < 0.15 else _made(rng, syllables) for _ in range(60)]
        assert illegible(" ".join(words))


def _made(rng: random.Random, syllables: list[str]) -> str:
    return "".join(rng.choice(syllables) for _ in range(rng.randint(2, 3)))
