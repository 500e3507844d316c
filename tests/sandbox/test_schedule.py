"""The queue without processes: the tests play the children."""

import random
import zlib
from collections import Counter

import pytest

from abzero.errors import SandboxError
from abzero.sandbox.base import Call, Nondeterministic, Raised, Returned, Stopped
from abzero.sandbox.child import wire
from abzero.sandbox.child.limits import Limits
from abzero.sandbox.host import Ending
from abzero.sandbox.schedule import Schedule

SEEDS = 8
WORKERS = 2
ISOLATED_AT_ONCE = 8


class Always(random.Random):
    """Audits everything, or nothing."""

    def __init__(self, audit: bool) -> None:
        super().__init__(0)
        self.audit = audit

    def random(self) -> float:
        return 0.0 if self.audit else 1.0


def frame(tag: bytes, text: str = "") -> bytes:
    return wire.FRAME.pack(tag, len(text.encode())) + text.encode()


def ended(*frames: bytes, status: int = 0) -> Ending:
    return Ending(status, frame(wire.LOCKED) + b"".join(frames), overdue=False)


def schedule(audit: bool = False, sharing: bool = True) -> Schedule:
    return Schedule(Limits(), SEEDS, WORKERS, ISOLATED_AT_ONCE, Always(audit), sharing)


def calls_of(job) -> list[tuple[str, str]]:
    found, program = [], ""
    for tag, body in wire.frames(job.request):
        if tag in (wire.SOURCE, wire.CODE):
            program = body.decode()
        elif tag != wire.HASHING:
            found.append((program, body.decode().removeprefix("f(").removesuffix(")")))
    return found


def compiled(job, hashing: bool = False) -> Ending:
    """A compiling child whose code is the text itself."""
    frames = []
    for tag, body in wire.frames(job.request):
        if tag == wire.SOURCE:
            frames += [frame(wire.HASHING)] * hashing
        frames.append(frame({wire.SOURCE: wire.CODE, wire.CALL_SOURCE: wire.CALL}[tag], body.decode()))
    return ended(*frames)


def play(queue: Schedule, calls: list[Call], child, compiler=compiled) -> tuple[list, list]:
    """Run `calls`, with `child(job)` giving the ending of each job, and `compiler(job)` of those that only compile. The
    outcomes, and the other jobs.
    """
    queue.add(calls)
    jobs = []
    while queue.waiting:
        job = queue.next()
        if job.verb == wire.COMPILE:
            queue.finished(job, compiler(job))
            continue
        jobs.append(job)
        queue.finished(job, child(job))
    return queue.take(calls), jobs


def echo(job) -> Ending:
    return ended(*(frame(wire.VALUE, arguments) for _, arguments in calls_of(job)))


def distinct(count: int, verify: bool = False) -> list[Call]:
    return [Call(f"p{n}", str(n), verify) for n in range(count)]


def test_equal_calls_run_once():
    calls = [Call("p", "1"), Call("q", "2"), Call("p", "1")]
    outcomes, jobs = play(schedule(), calls, echo)
    assert outcomes == [Returned("1"), Returned("2"), Returned("1")]
    assert sum(len(job.states) for job in jobs) == 2


def test_calls_of_one_program_travel_together():
    calls = [Call(f"p{n % 2}", str(n)) for n in range(8)]
    _, jobs = play(schedule(), calls, echo)
    assert sum(tag == wire.CODE for job in jobs for tag, _ in wire.frames(job.request)) == 2


def test_a_single_call_is_isolated():
    _, [job] = play(schedule(), [Call("p", "1")], echo)
    assert job.verb == wire.ISOLATED


def test_a_shared_child_takes_no_more_than_its_limits():
    limits = Limits(batch_calls=50, batch_characters=100_000)
    queue, compiling = Schedule(limits, SEEDS, WORKERS, ISOLATED_AT_ONCE, Always(audit=False), sharing=True), []

    def compiler(job) -> Ending:
        compiling.append(job)
        return compiled(job)

    _, jobs = play(queue, [Call(f"{n}".ljust(30_000), "1") for n in range(20)] + distinct(500), echo, compiler)
    for job in jobs + compiling:
        assert len(job.states) <= limits.batch_calls
        assert len(job.request) < 110_000


def begun(queue: Schedule) -> list:
    """The jobs that `queue` hands out before any of them ends."""
    running = []
    while job := queue.next(running):
        running.append(job)
    return running


def even(jobs: list) -> bool:
    """Whether no worker has more than one call more than another."""
    sizes = [len(job.states) for job in jobs]
    return len(sizes) == WORKERS and max(sizes) - min(sizes) <= 1


def test_what_is_compiled_is_shared_out_evenly_among_the_workers():
    queue = schedule()
    queue.add(distinct(301))
    jobs = begun(queue)
    assert even(jobs)
    assert sum(len(job.states) for job in jobs) == 301


def test_what_is_compiled_together_runs_first_under_the_same_seed_if_that_is_about_even():
    queue = schedule()
    queue.add([Call(f"q{n * n}", str(n)) for n in range(500)])
    jobs = begun(queue)
    seeds = [{state.first_seed for state in job.states} for job in jobs]
    assert all(len(of_job) == 1 for of_job in seeds)
    assert not seeds[0] & seeds[1]
    assert not even(jobs), "or this shows nothing"


def test_no_worker_is_idle_at_the_end_and_no_seed_has_more_children_than_it_needs():
    queue = schedule()
    queue.add(distinct(600, verify=True))
    running, jobs = begun(queue), []
    while running:
        job = running.pop(0)
        queue.finished(job, compiled(job, hashing=True) if job.verb == wire.COMPILE else echo(job))
        while job := queue.next(running):
            running.append(job)
            jobs.append(job)
    late = Counter(job.seed for job in jobs if job.seed > 1)
    assert set(late) == set(range(2, SEEDS))
    assert sum(late.values()) == SEEDS - 2 + WORKERS - 1, "one child a seed, but for the last"
    assert even(jobs[-WORKERS:])
    assert len({job.seed for job in jobs[-WORKERS:]}) == 1


def test_more_runs_than_workers_are_begun_only_where_each_is_isolated():
    queue = schedule(sharing=False)
    queue.add(distinct(100))
    assert [job.verb for job in begun(queue)] == [wire.ISOLATED] * ISOLATED_AT_ONCE
    queue = schedule()
    queue.add(distinct(1000))
    assert len(begun(queue)) == WORKERS


def test_the_other_seeds_run_once_for_all_that_need_them():
    calls = distinct(200, verify=True)
    _, jobs = play(schedule(), calls, echo, lambda job: compiled(job, hashing=True))
    assert [len(job.states) for job in jobs if job.seed > 1] == [200] * (SEEDS - 2)


def test_they_wait_while_a_shared_child_could_add_to_them():
    queue = schedule()
    queue.add(distinct(200, verify=True))
    for job in begun(queue):
        queue.finished(job, compiled(job, hashing=True))
    first, second = begun(queue)
    queue.finished(first, echo(first))
    third = queue.next([second])
    assert third.seed == second.seed
    assert queue.next([second]) is None
    queue.finished(second, echo(second))
    fourth = queue.next([third])
    assert fourth.seed == first.seed
    assert queue.next([fourth]).seed > 1, "second runs add nothing"


def test_verification_uses_two_seeds_and_all_where_hashes_matter():
    def hashing(job):
        return ended(*(frame(wire.HASHING) + frame(wire.VALUE, a) for _, a in calls_of(job)))

    for child, expected in ((echo, 2), (hashing, SEEDS)):
        _, jobs = play(schedule(), [Call("p", "1", True)], child)
        assert len({job.seed for job in jobs}) == len(jobs) == expected


def test_a_child_looks_for_hashes_only_where_that_is_a_question():
    def analyzes(job) -> bool:
        return next(wire.frames(job.request))[0] != wire.HASHING

    def child(job):
        return ended(*[frame(wire.HASHING)] * analyzes(job), frame(wire.VALUE, "1"))

    _, jobs = play(schedule(), [Call("p", "1", verify=True)], child)
    assert [analyzes(job) for job in jobs] == [True] + [False] * (SEEDS - 1)
    _, [job] = play(schedule(), [Call("p", "1")], child)
    assert not analyzes(job)


def test_all_seeds_have_their_say_in_shared_children_too():
    calls = distinct(40, verify=True)
    outcomes, jobs = play(schedule(), calls, echo, lambda job: compiled(job, hashing=True))
    assert outcomes == [Returned(call.arguments) for call in calls]
    ran = [(job.seed, call) for job in jobs for call in calls_of(job)]
    assert len(ran) == len(set(ran)) == SEEDS * 40


def test_which_seed_disagrees_does_not_depend_on_who_answers_first():
    answers = {2: frame(wire.VALUE, "2"), 5: frame(wire.EXITED)}

    def finish(queue, job) -> None:
        queue.finished(job, ended(frame(wire.HASHING), answers.get(job.seed, frame(wire.VALUE, "1"))))

    for order in (1, -1):
        queue, call = schedule(sharing=False), Call("p", "1", True)
        queue.add([call])
        finish(queue, queue.next())
        others = [queue.next() for _ in range(SEEDS - 1)]
        assert not queue.waiting
        for job in others[::order]:
            finish(queue, job)
        assert queue.take([call]) == [Nondeterministic()]


def test_only_a_value_is_run_again():
    outcomes, jobs = play(schedule(), [Call("p", "1", True)], lambda job: ended(frame(wire.RAISED, "KeyError")))
    assert outcomes == [Raised("KeyError")]
    assert len(jobs) == 1


def test_runs_that_disagree_are_nondeterministic():
    for second in (frame(wire.VALUE, "2"), frame(wire.RAISED, "KeyError"), frame(wire.VALUE, "1.0")):
        answers = iter([frame(wire.VALUE, "1"), second])
        outcomes, _ = play(schedule(), [Call("p", "1", True)], lambda job, answers=answers: ended(next(answers)))
        assert outcomes == [Nondeterministic()]


def test_dictionaries_in_another_order_agree():
    answers = iter(["{'a': 1, 'b': {1, 2}}", "{'b': {2, 1}, 'a': 1}"])
    outcomes, _ = play(schedule(), [Call("p", "1", True)], lambda job: ended(frame(wire.VALUE, next(answers))))
    assert outcomes == [Returned("{'a': 1, 'b': {1, 2}}")]


def test_where_a_shared_child_ends_early_that_call_is_isolated_and_the_rest_shares_again():
    def child(job):
        if job.verb == wire.ISOLATED:
            return ended(status=11) if calls_of(job) == [("p5", "5")] else echo(job)
        frames = []
        for program, arguments in calls_of(job):
            if program == "p5":
                return ended(*frames, status=11)
            frames.append(frame(wire.VALUE, arguments))
        return ended(*frames)

    outcomes, jobs = play(schedule(), distinct(40), child)
    assert outcomes == [Stopped("crashed") if n == 5 else Returned(str(n)) for n in range(40)]
    assert [calls_of(job) for job in jobs if job.verb == wire.ISOLATED] == [[("p5", "5")]]


def test_where_compiling_ends_early_that_call_is_isolated_and_the_rest_is_compiled_again():
    def compiler(job) -> Ending:
        frames = []
        for program, arguments in calls_of(job):
            if program == "p5":
                return ended(*frames, status=11)
            frames += [frame(wire.CODE, program), frame(wire.CALL, arguments)]
        return ended(*frames)

    calls = distinct(40)
    outcomes, jobs = play(schedule(), calls, echo, compiler)
    assert outcomes == [Returned(str(n)) for n in range(40)]
    assert [calls_of(job) for job in jobs if job.verb == wire.ISOLATED] == [[("p5", "5")]]


def test_a_report_without_room_for_more_is_nobodys_fault():
    def some(make):
        def child(job) -> Ending:
            ending = make(job)
            if job.verb == wire.ISOLATED:
                return ending
            return Ending(wire.CUT_SHORT << 8, ending.data[: len(ending.data) * 2 // 3], overdue=False)

        return child

    outcomes, jobs = play(schedule(), distinct(40), some(echo), some(compiled))
    assert outcomes == [Returned(str(n)) for n in range(40)]
    assert sum(job.verb == wire.ISOLATED for job in jobs) <= 4, "the last of a queue, for which there is no room at all"


def test_what_does_not_compile_is_told_for_every_input():
    def compiler(job) -> Ending:
        return ended(*(frame(wire.RAISED, "SyntaxError") for tag, _ in wire.frames(job.request) if tag == wire.SOURCE))

    outcomes, jobs = play(schedule(), [Call("p", "1"), Call("p", "2"), Call("q", "1")], echo, compiler)
    assert outcomes == [Raised("SyntaxError")] * 3
    assert not jobs


@pytest.mark.parametrize("tag", [wire.CALL, wire.CODE, wire.SOURCE, wire.CALL_SOURCE, wire.DOUBT])
def test_a_compiling_child_that_makes_no_sense_is_doubted(tag):
    outcomes, jobs = play(schedule(), distinct(3), echo, lambda job: ended(*[frame(tag, "p")] * 6))
    assert outcomes == [Returned(str(n)) for n in range(3)]
    assert [job.verb for job in jobs] == [wire.ISOLATED] * 3


def test_no_child_that_runs_programs_can_pass_code_on():
    forged = frame(wire.CODE, "evil") + frame(wire.CALL, "evil")

    def child(job) -> Ending:
        return ended(*[forged] * len(job.states))

    outcomes, jobs = play(schedule(), distinct(4, verify=True), child)
    assert outcomes == [Stopped("crashed")] * 4
    assert not [job for job in jobs if "evil" in str(calls_of(job))]


def test_a_doubted_call_is_isolated():
    def child(job):
        return echo(job) if job.verb == wire.ISOLATED else ended(*[frame(wire.DOUBT)] * len(job.states))

    outcomes, jobs = play(schedule(), distinct(20), child)
    assert outcomes == [Returned(str(n)) for n in range(20)]
    assert sum(job.verb == wire.ISOLATED for job in jobs) == 20


def test_an_audit_that_agrees_changes_nothing():
    queue = schedule(audit=True)
    outcomes, _ = play(queue, distinct(20, verify=True), echo)
    assert outcomes == [Returned(str(n)) for n in range(20)]
    assert queue.sharing


class Some(Always):
    """Audits only the first results with these numbers."""

    def __init__(self, *numbers: int) -> None:
        super().__init__(audit=False)
        self.numbers = numbers
        self.asked = 0

    def random(self) -> float:
        self.asked += 1
        return 0.0 if self.asked in self.numbers else 1.0


def test_an_audit_begins_a_shared_child_from_its_text_and_is_its_second_run():
    _, jobs = play(
        Schedule(Limits(), SEEDS, WORKERS, ISOLATED_AT_ONCE, Some(30), sharing=True), distinct(100, verify=True), echo
    )
    ran = [(job.seed, call) for job in jobs for call in calls_of(job)]
    assert len(ran) == len(set(ran)) == 200
    [audit] = [job for job in jobs if next(wire.frames(job.request))[0] == wire.SOURCE]
    assert audit.verb == wire.SHARED
    assert sum(call == calls_of(audit)[0] for _, call in ran) == 2


def test_an_audit_may_begin_a_child_of_any_other_seed():
    def compiler(job) -> Ending:
        frames = []
        for program, arguments in calls_of(job):
            code = frame(wire.CODE, program), frame(wire.CALL, arguments)
            frames += [frame(wire.HASHING), *code] if arguments == "3" else code
        return ended(*frames)

    calls = [Call(program, arguments, verify=True) for program, arguments in zip("pqr", "123", strict=True)]
    _, jobs = play(
        Schedule(Limits(), SEEDS, WORKERS, ISOLATED_AT_ONCE, Some(1, 2), sharing=True), calls, echo, compiler
    )
    ran = Counter(call for job in jobs for call in calls_of(job))
    assert [ran[call.program, call.arguments] for call in calls] == [2, 2, SEEDS]
    assert len({job.seed for job in jobs}) == len(jobs) == SEEDS, "the three programs run first under the same seed"


def test_the_other_seeds_wait_for_a_late_audit_that_needs_them():
    names = [name for name in map(str, range(1000)) if zlib.crc32(name.encode()) % 2 == 0][:300]
    calls = [Call(name, name, verify=number < 150 or number == 299) for number, name in enumerate(names)]
    queue = Schedule(Limits(), SEEDS, WORKERS, ISOLATED_AT_ONCE, Some(300), sharing=True)
    queue.add(calls)
    for job in begun(queue):
        queue.finished(job, compiled(job, hashing=True))
    first, last = begun(queue)
    queue.finished(first, echo(first))
    second = queue.next([last])
    queue.finished(last, echo(last))
    queue.finished(second, echo(second))
    audit = queue.next([])
    assert (audit.verb, calls_of(audit)) == (wire.ISOLATED, [(names[299], names[299])])
    assert queue.next([audit]) is None
    queue.finished(audit, echo(audit))
    assert even(begun(queue)), "the audited call among them"


def test_an_audit_for_which_there_is_no_shared_child_is_isolated():
    outcomes, jobs = play(schedule(audit=True), [Call("p", "1", True), Call("p", "2", True)], echo)
    assert outcomes == [Returned("1"), Returned("2")]
    assert [job.verb for job in jobs] == [wire.SHARED, wire.ISOLATED, wire.ISOLATED], "which are their second runs"
    assert [job.seed for job in jobs[1:]] == [1 - jobs[0].seed] * 2


def lying_child(job) -> Ending:
    """Whatever runs first spoils the others."""
    [first, *others] = calls_of(job)
    return ended(frame(wire.VALUE, first[1]), *[frame(wire.VALUE, "666")] * len(others))


def test_sharing_ends_where_a_child_lies_and_all_that_it_said_is_taken_back():
    queue = Schedule(Limits(), SEEDS, WORKERS, ISOLATED_AT_ONCE, Some(30), sharing=True)
    with pytest.warns(RuntimeWarning, match="shared child"):
        outcomes, _ = play(queue, distinct(100), lying_child)
    assert outcomes == [Returned(str(n)) for n in range(100)]
    assert not queue.sharing
    assert queue.sharing_faults == 1


def test_a_shared_child_that_lied_is_open_to_others_in_the_next_batch():
    queue = Schedule(Limits(), SEEDS, WORKERS, ISOLATED_AT_ONCE, Some(30), sharing=True)
    with pytest.warns(RuntimeWarning, match="shared child"):
        play(queue, distinct(100), lying_child)
    _, jobs = play(queue, [Call(f"q{n}", str(n)) for n in range(100)], echo)
    assert {job.verb for job in jobs} == {wire.SHARED}
    _, jobs = play(queue, distinct(100), echo)
    isolated = {call for job in jobs if job.verb == wire.ISOLATED for call in calls_of(job)}
    shared = {call for job in jobs if job.verb == wire.SHARED for call in calls_of(job)}
    assert isolated, "whatever ran before the wronged call"
    assert shared, "whatever did not"


def test_an_unsteady_program_is_no_proof_against_sharing():
    queue = schedule(audit=True)
    numbers = iter(range(1000))

    def child(job) -> Ending:
        return ended(*(frame(wire.VALUE, str(next(numbers))) for _ in job.states))

    outcomes, _ = play(queue, distinct(2, verify=True), child)
    assert outcomes == [Nondeterministic()] * 2
    outcomes, _ = play(queue, distinct(2), child)
    assert all(isinstance(outcome, Returned) for outcome in outcomes)
    assert queue.sharing


def test_a_failure_of_ours_is_retried_once_then_raised():
    failures = iter([True, False])
    outcomes, _ = play(
        schedule(), [Call("p", "1")], lambda job: Ending(1, b"", overdue=False) if next(failures) else echo(job)
    )
    assert outcomes == [Returned("1")]
    with pytest.raises(SandboxError, match="twice"):
        play(schedule(), [Call("p", "1")], lambda job: Ending(1, b"", overdue=False))


def test_a_killed_run_is_repeated_once():
    def kill(times: int):
        left = iter([True] * times)
        return lambda job: ended(status=9) if next(left, False) else echo(job)

    assert play(schedule(), [Call("p", "1")], kill(1))[0] == [Returned("1")]
    assert play(schedule(), [Call("p", "1")], kill(2))[0] == [Stopped("memory")]
    outcomes, jobs = play(schedule(), distinct(40), kill(1))
    assert outcomes == [Returned(str(n)) for n in range(40)]
    assert sum(job.verb == wire.ISOLATED for job in jobs) == 1


def test_hanging_is_remembered_by_program_or_by_call():
    queue = schedule()
    hung = [Call("p", "1"), Call("q", "1")]
    statuses = {"p": ended(status=27), "q": ended(frame(wire.PREPARED), status=27)}
    outcomes, _ = play(queue, hung, lambda job: statuses[calls_of(job)[0][0]] if job.verb == wire.ISOLATED else ended())
    assert outcomes == [Stopped("timeout")] * 2
    outcomes, jobs = play(queue, [Call("p", "2"), Call("q", "1"), Call("q", "2")], echo)
    assert outcomes == [Stopped("timeout"), Stopped("timeout"), Returned("2")]
    assert len(jobs) == 1
