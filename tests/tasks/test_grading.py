from abzero.errors import Malformed, Unsteady
from abzero.tasks.buffer import Buffer
from abzero.tasks.grading import rated, settled, withdrawals
from abzero.types import Attempt, Proposal, Rejection
from tests.fakes import rollout, task


def proposal(number: int) -> Proposal:
    return Proposal("deduction", "", rollout(), (), task(number), True)


def attempt(position: int, score: float, fault: str = "") -> Attempt:
    return Attempt(task(position), "", rollout(), score, "", True, position, fault)


def test_an_unsteady_task_scores_nothing_and_leaves_the_buffer():
    buffer = Buffer()
    for number in range(3):
        buffer.add(task(number))
    scores = settled([task(0), task(1), task(2)], [1.0, Unsteady(""), Malformed("")], buffer)
    assert scores == [1.0, 0.0, None]
    assert buffer.size("deduction") == 2
    assert withdrawals(buffer) == {"buffer/withdrawn": 1.0}
    assert withdrawals(buffer) == {"buffer/withdrawn": 0.0}


def test_a_proposal_whose_task_turned_out_to_be_none_is_told_so():
    buffer = Buffer()
    buffer.withdraw(task(1))
    attempts = [attempt(position, score) for position in (0, 1) for score in (1.0, 0.0)]
    kept, gone = rated([proposal(0), proposal(1)], attempts, buffer)
    assert (kept.task, kept.solve_rate) == (task(0), 0.5)
    assert (gone.task, gone.solve_rate) == (None, None)
    assert gone.rejection
    assert "nondeterministic" in gone.rejection.reason


def test_what_was_withdrawn_may_be_offered_again_and_counts_as_new():
    buffer = Buffer()
    buffer.add(task(0))
    buffer.withdraw(task(0))
    assert buffer.repeats(task(0)) == 0
    assert buffer.add(task(0))


def test_answers_that_a_fault_of_ours_left_ungraded_count_neither_way():
    attempts = [attempt(0, 0.0, "ValueError"), attempt(0, 1.0), attempt(1, 0.0, "ValueError")]
    some, none = rated([proposal(0), proposal(1)], attempts, Buffer())
    assert some.solve_rate == 1.0
    assert none.excluded
    assert none.rejection == Rejection("no answer could be graded", ours=True, fault="ValueError")
