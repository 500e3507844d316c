import random

import pytest

from abzero.tasks.buffer import Buffer
from abzero.tasks.curriculum import draw_references, draw_tasks
from tests.fakes import ABDUCTION, DEDUCTION, INDUCTION, task


def buffer(**sizes):
    made = Buffer()
    for mode, size in sizes.items():
        for number in range(size):
            made.add(task(number, mode))
    return made


def anything(prompt):
    return True


@pytest.mark.parametrize(("size", "most", "count"), [(20, 6, 6), (3, 6, 3), (20, 0, 0), (0, 6, 0), (20, 1, 1)])
def test_references_are_distinct_and_at_most_k(size, most, count):
    for seed in range(20):
        references, prompt = draw_references(DEDUCTION, buffer(deduction=size), most, anything, random.Random(seed))
        assert len({reference.id for reference in references}) == len(references) == count
        assert prompt == DEDUCTION.propose(references)


def test_references_come_from_the_mode_s_own_partition():
    held = buffer(deduction=5, abduction=5, induction=5)
    references, _ = draw_references(ABDUCTION, held, 6, anything, random.Random(0))
    assert {reference.mode for reference in references} == {"abduction"}
    assert len(references) == 5


def test_induction_is_about_one_program_of_the_union_of_two_partitions():
    held, rng, drawn = buffer(abduction=3, deduction=4, induction=9), random.Random(0), set()
    for _ in range(300):
        (reference,), _ = draw_references(INDUCTION, held, 6, anything, rng)
        drawn.add((reference.mode, reference.id))
    assert drawn == {("abduction", task(n, "abduction").id) for n in range(3)} | {
        ("deduction", task(n).id) for n in range(4)
    }


def test_a_prompt_too_long_is_drawn_again_with_fewer_references():
    held = buffer(deduction=10)
    limit = len(DEDUCTION.propose([task(number) for number in range(2)]))
    references, prompt = draw_references(DEDUCTION, held, 6, lambda prompt: len(prompt) <= limit, random.Random(0))
    assert len(references) == 2
    assert len(prompt) <= limit


def test_a_long_task_does_not_keep_the_short_ones_out():
    held = buffer(deduction=5)
    held.add(task(10**60))
    limit = len(DEDUCTION.propose([task(number) for number in range(5)]))
    for seed in range(50):
        references, _ = draw_references(DEDUCTION, held, 5, lambda prompt: len(prompt) <= limit, random.Random(seed))
        assert references


@pytest.mark.parametrize("task_type", [ABDUCTION, DEDUCTION, INDUCTION])
def test_where_no_prompt_fits_there_is_no_proposal(task_type):
    assert (
        draw_references(task_type, buffer(deduction=9, abduction=9), 6, lambda prompt: False, random.Random(0)) is None
    )


def test_induction_has_no_proposal_without_a_program():
    assert draw_references(INDUCTION, buffer(induction=9), 6, anything, random.Random(0)) is None


FRESH = [task(number) for number in range(100, 105)]


@pytest.mark.parametrize("count", [0, 3, 5, 8, 20])
def test_new_tasks_come_first_then_old_ones_and_none_twice(count):
    held = buffer(deduction=10)
    for new in FRESH:
        held.add(new)
    drawn = draw_tasks("deduction", held, [*FRESH, task(0, "abduction")], count, random.Random(1))
    assert len({t.id for t in drawn}) == len(drawn) == min(count, 15)
    assert set(drawn[:5]) <= set(FRESH)
    assert not set(drawn[5:]) & set(FRESH)


def test_with_more_new_tasks_than_places_chance_decides():
    chosen = {frozenset(draw_tasks("deduction", Buffer(), FRESH, 4, random.Random(seed))) for seed in range(60)}
    assert len(chosen) == 5
