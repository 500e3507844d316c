import random

import pytest

from abzero.tiny import grammar
from abzero.tiny.grammar import OPERATIONS, Program
from abzero.tiny.splits import signature


def operation(text: str, takes: str = "list") -> grammar.Operation:
    [found] = [op for op in OPERATIONS if op.text == text and op.takes == takes]
    return found


REVERSE_THEN_DROP = Program((operation("X[::-1]"), operation("X[1:]")), "jm")


def test_a_program_is_written_as_a_chain_of_assignments():
    assert REVERSE_THEN_DROP.source == "def f(x):\n    j = x[::-1]\n    m = j[1:]\n    return m"


def test_a_program_s_values_are_what_its_statements_assign():
    assert REVERSE_THEN_DROP.values([1, 2, 3]) == [[3, 2, 1], [2, 1]]


def test_values_outside_the_nursery_end_a_run():
    assert REVERSE_THEN_DROP.values([1]) is None


def test_preimages_lead_back_to_an_argument_that_gives_the_output():
    assert REVERSE_THEN_DROP.preimages([2, 1]) == [[2, 2, 1], [1, 2, 2]]
    assert REVERSE_THEN_DROP.values([1, 2, 2]) == [[2, 2, 1], [2, 1]]


def test_a_statement_that_changes_nothing_does_not_matter():
    both = Program((operation("sorted(X)"), operation("X[1:]")), "jm")
    assert not grammar.every_statement_matters(both, [1, 2])
    assert grammar.every_statement_matters(both, [2, 1])


@pytest.mark.parametrize("k", range(1, 7))
def test_the_source_run_by_python_returns_the_last_value(k: int):
    rng = random.Random(k)
    for _ in range(200):
        program = grammar.draw_program(k, rng)
        found = grammar.draw_run(program, rng)
        if found:
            argument, values = found
            names: dict[str, object] = {}
            exec(f"{program.source}\nresult = f({argument!r})", names)
            assert names["result"] == values[-1] == grammar.run(program.operations, argument)


@pytest.mark.parametrize("op", OPERATIONS, ids=lambda op: f"{op.text} of {op.takes}")
def test_every_operation_can_be_run_and_taken_back(op: grammar.Operation):
    rng = random.Random(0)
    program = Program((op,), "j")
    runs = [found for _ in range(40) if (found := grammar.draw_run(program, rng))]
    back = [program.preimages(values[-1]) for _, values in runs]
    assert any(back)
    for (_, values), needed in zip(runs, back, strict=True):
        assert needed is None or program.values(needed[-1]) == values


def test_copies_change_neither_a_program_s_operations_nor_its_result():
    rng = random.Random(3)
    copied = grammar.with_copies(REVERSE_THEN_DROP, 3, rng)
    assert len(copied.statements) == 5
    assert signature(copied.source) == signature(REVERSE_THEN_DROP.source)
    assert (copied.values([1, 2, 3]) or [])[-1] == [2, 1]
    assert not grammar.every_statement_matters(copied, [1, 2, 3])


def test_the_same_seed_draws_the_same_programs():
    first, second = ([grammar.draw_program(3, random.Random(7)).source for _ in range(5)] for _ in range(2))
    assert first == second
