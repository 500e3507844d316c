import random
from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from abzero.tiny import grammar
from abzero.tiny.grammar import Program
from abzero.tiny.splits import has_held_out_pair, held_out, signature, split_of

CHAIN = "def f(x):\n    j = x[::-1]\n    m = j[1:]\n    return m"


def draw(k: int, count: int) -> list[Program]:
    rng = random.Random(k)
    return [grammar.draw_program(k, rng) for _ in range(count)]


def test_a_signature_is_the_operations_without_their_names():
    assert signature(CHAIN) == ("X[::-1]", "X[1:]")
    assert signature(CHAIN.replace("j", "v").replace("m", "p")) == ("X[::-1]", "X[1:]")


def test_every_program_of_the_grammar_has_its_operations_as_signature():
    for k in range(1, 7):
        for program in draw(k, 300):
            assert signature(program.source) == tuple(op.text for op in program.operations)


def test_dead_code_does_not_change_a_signature():
    padded = "def f(x):\n    j = x[::-1]\n    k = x + [3]\n    m = j[1:]\n    n = m[:2]\n    return m"
    assert signature(padded) == signature(CHAIN)


def test_copies_do_not_change_a_signature():
    copied = "def f(x):\n    g = x\n    j = g[::-1]\n    k = j\n    m = k[1:]\n    return m"
    assert signature(copied) == signature(CHAIN)


def test_text_that_is_no_chain_has_no_signature():
    for text in ("", "def f(a):\n    return a", "def f(x):\n    return x", "import os", CHAIN + "\nprint(1)"):
        assert signature(text) is None
        assert not held_out(text)


@given(st.text(max_size=200))
def test_a_signature_exists_or_not_for_any_text(text: str):
    assert split_of(text) == "train" or signature(text)


def test_programs_of_one_statement_are_all_seen():
    assert not any(held_out(program.source) for program in draw(1, 500))


def test_splits_are_a_matter_of_the_signature_alone():
    splits = defaultdict(set)
    for program in draw(2, 3000):
        splits[signature(program.source)].add(split_of(program.source))
    assert all(len(found) == 1 for found in splits.values())
    assert {split for found in splits.values() for split in found} == {"train", "dev", "test"}


def test_thousands_of_programs_are_held_out_beyond_two_statements():
    for k in (3, 4, 5, 6):
        drawn = {signature(program.source) for program in draw(k, 4000) if split_of(program.source) == "test"}
        assert len(drawn) > 500


def test_no_training_program_has_a_held_out_pair():
    training = [p for k in range(2, 7) for p in draw(k, 500) if not held_out(p.source)]
    assert training
    assert not any(has_held_out_pair(program.source) for program in training)
