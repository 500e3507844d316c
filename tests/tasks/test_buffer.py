import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abzero.errors import RunError
from abzero.tasks.buffer import KEYS, Buffer, exact_key, normal_key
from abzero.types import Case, Task
from tests.fakes import TASK_TYPES, task

ADD = Task("deduction", "def f(x):\n    return x + 1", (Case("1", "2"),))
SAME = Task("deduction", "def f(number):  # adds\n    return number+1", (Case("1", "2"),))
SAME_PROGRAM = Task("deduction", ADD.program, (Case("2", "3"),))


def filled(count, capacity=16_384, mode="deduction"):
    buffer = Buffer(capacity)
    for number in range(count):
        buffer.add(task(number, mode))
    return buffer


def contents(buffer, mode="deduction"):
    return buffer.sample([mode], buffer.size(mode), random.Random(0))


def test_a_task_is_kept_once():
    buffer = Buffer()
    assert [buffer.add(ADD), buffer.add(ADD), buffer.add(SAME_PROGRAM)] == [True, False, True]
    assert buffer.size("deduction") == 2


def test_what_counts_as_the_same_task_is_a_choice():
    assert Buffer(key=normal_key).add(SAME)
    by_form, by_letter = Buffer(key=normal_key), Buffer(key=exact_key)
    assert [by_form.add(ADD), by_form.add(SAME)] == [True, False]
    assert [by_letter.add(ADD), by_letter.add(SAME)] == [True, True]


def test_partitions_do_not_mix():
    buffer = Buffer()
    for mode in ("abduction", "deduction", "induction"):
        assert buffer.add(Task(mode, ADD.program, ADD.cases))
        assert buffer.size(mode) == 1
    assert buffer.sample(["abduction"], 5, random.Random(0)) == [Task("abduction", ADD.program, ADD.cases)]
    assert buffer.sample(["elsewhere"], 5, random.Random(0)) == []


def test_a_full_partition_evicts_its_oldest_and_keeps_accepting():
    buffer = filled(1_000, capacity=10)
    assert buffer.size("deduction") == 10
    assert set(contents(buffer)) == {task(number) for number in range(990, 1_000)}
    assert buffer.add(task(0)), "what was evicted is forgotten"


def test_repeats_count_offers_of_the_program_among_what_is_kept():
    buffer = Buffer(capacity=2)
    assert buffer.repeats(ADD) == 0
    for offered in (ADD, SAME, SAME_PROGRAM):
        buffer.add(offered)
    assert buffer.repeats(ADD) == 3
    buffer.add(task(7))
    assert buffer.repeats(ADD) == 1, "the first task went, and with it two offers"
    assert buffer.repeats(Task("abduction", ADD.program, ADD.cases)) == 0


@pytest.mark.parametrize(("mode", "share"), [("deduction", 3 / 5), ("abduction", 2 / 5)])
def test_the_share_of_an_answer_is_over_the_mode_s_tasks(mode, share):
    """Outputs 3, 3, 3, 4, 5; inputs 1, 2, 1, 3, 4."""
    buffer = Buffer(answers={task_type.mode: task_type.answer for task_type in TASK_TYPES})
    for number, (given_, returned) in enumerate([("1", "3"), ("2", "3"), ("1", "3"), ("3", "4"), ("4", "5")]):
        buffer.add(Task(mode, f"def f(x):\n    return {number}", (Case(given_, returned),)))
    assert buffer.answer_share(Task(mode, "", (Case("1", "3"),))) == share
    assert buffer.answer_share(Task(mode, "", (Case("9", "9"),))) == 0.0
    assert Buffer().answer_share(ADD) == 0.0


@given(st.integers(0, 30), st.integers(0, 40), st.integers(0, 10), st.integers(0, 2**32))
def test_a_sample_has_no_repeats_and_nothing_excluded(size, k, excluded, seed):
    buffer = filled(size)
    without = frozenset(task(number).id for number in range(excluded))
    drawn = buffer.sample(["deduction"], k, random.Random(seed), without)
    assert len({t.id for t in drawn}) == len(drawn) == min(k, max(size - excluded, 0))
    assert not any(t.id in without for t in drawn)


def test_a_sample_is_uniform_over_the_union_of_its_partitions():
    buffer = filled(3)
    for number in range(2):
        buffer.add(task(number, "abduction"))
    rng, counts = random.Random(0), {}
    for _ in range(5_000):
        [drawn] = buffer.sample(["deduction", "abduction"], 1, rng)
        counts[drawn] = counts.get(drawn, 0) + 1
    assert len(counts) == 5
    assert all(850 < count < 1_150 for count in counts.values()), counts


TASKS = st.builds(
    lambda number, style, mode: Task(mode, f"def f(x):\n{style}return x + {number}", (Case("1", str(number + 1)),)),
    st.integers(0, 8),
    st.sampled_from(["    ", "  ", "    # one\n    "]),
    st.sampled_from(["abduction", "deduction", "induction"]),
)
UNUSUAL = st.builds(
    Task,
    st.sampled_from(["deduction", "odd mode"]),
    st.text(st.characters(), max_size=20),
    st.lists(st.builds(Case, st.text(max_size=3), st.text(max_size=3)), min_size=1, max_size=3).map(tuple),
    st.text(st.characters(), max_size=9),
)


@given(st.lists(st.one_of(TASKS, UNUSUAL), max_size=60), st.integers(1, 12), st.sampled_from(list(KEYS)))
def test_save_and_load_restore_everything(tmp_path_factory, offers, capacity, key):
    path = tmp_path_factory.mktemp("buffer") / "buffer.jsonl"
    original, restored = Buffer(capacity, KEYS[key]), Buffer(capacity, KEYS[key])
    for offer in offers:
        original.add(offer)
    restored.add(task(99, "stale"))
    original.save(path)
    restored.load(path)
    for mode in {offer.mode for offer in offers} | {"stale"}:
        assert contents(original, mode) == contents(restored, mode)
    for offer in offers:
        assert original.repeats(offer) == restored.repeats(offer)
        assert original.answer_share(offer) == restored.answer_share(offer)
    for number in range(20):
        assert original.add(task(number)) == restored.add(task(number))
    restored.save(path.with_name("again.jsonl"))
    original.save(path)
    assert path.read_text() == path.with_name("again.jsonl").read_text()


@given(st.lists(TASKS, max_size=80), st.integers(1, 6))
def test_a_partition_holds_the_newest_distinct_tasks(offers, capacity):
    """Against the plainest model: a list per mode, the first one out when it is full."""
    buffer, model = Buffer(capacity), {}
    for offer in offers:
        partition = model.setdefault(offer.mode, [])
        known = normal_key(offer) in partition
        assert buffer.add(offer) is not known
        if not known:
            partition.append(normal_key(offer))
            del partition[: max(len(partition) - capacity, 0)]
    for mode, partition in model.items():
        assert sorted(map(normal_key, contents(buffer, mode))) == sorted(partition)


@pytest.mark.parametrize(
    "line",
    ["{", "[]", "{}", '{"mode": "deduction", "program": "", "cases": [["1"]], "message": "", "offered": 1}', "null"],
)
def test_a_file_that_is_no_buffer_is_named_with_its_line(tmp_path, line):
    path = tmp_path / "buffer.jsonl"
    filled(1).save(path)
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(RunError, match="line 2"):
        Buffer().load(path)


def test_adding_to_a_full_partition_does_not_grow_it():
    buffer = filled(2_000, capacity=50)
    assert sum(len(partition.rows) for partition in buffer._partitions.values()) <= 101
    assert all(len(partition.offered) == len(partition.programs) == 50 for partition in buffer._partitions.values())
