import random
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from abzero.algo.advantages import ESTIMATORS
from abzero.algo.credit import Credit
from abzero.errors import ModelError, Unforeseen
from abzero.policy.scripted import ScriptedGenerator, ScriptedLearner
from abzero.run.journal import JournalReader, JournalWriter
from abzero.run.observers.alarms import alarm_tracker
from abzero.sandbox.fake import FakeSandbox
from abzero.sandbox.run import run_checks
from abzero.selfplay import SelfPlay
from abzero.tasks import Deduction
from abzero.tasks.buffer import Buffer
from abzero.tasks.prompts import Prompts
from abzero.types import Attempt, Case, Proposal, Rejection, Task
from tests.fakes import COMPACT, DEDUCTION, TASK_TYPES, answered, play, player, task

MODES = [task_type.mode for task_type in TASK_TYPES]


def drawn(step):
    return [attempt for attempt in step.attempts if attempt.proposal is None]


def test_a_step_proposes_estimates_and_solves_in_every_mode():
    game = play(player(), batch_size=8)
    game.step(1)
    step = game.step(2)
    assert [p.mode for p in step.proposals] == [mode for mode in MODES for _ in range(8)]
    assert all(p.task and p.rejection is None and p.well_formed for p in step.proposals)
    estimates = [a for a in step.attempts if a.proposal is not None]
    assert [a.task for a in estimates] == [p.task for p in step.proposals for _ in range(4)]
    assert [a.proposal for a in estimates] == [position for position in range(24) for _ in range(4)]
    assert [a.task.mode for a in drawn(step)] == [mode for mode in MODES for _ in range(8)]
    assert Counter((e.role, e.mode) for e in step.experiences) == {
        (role, mode): 8 for role in ("propose", "solve") for mode in MODES
    }
    assert game.learner.version == 2
    assert step.metrics["buffer/size/deduction"] == 17.0


@pytest.mark.parametrize("apart", [False, True])
def test_each_generator_takes_the_weights_once_a_step(apart):
    class Counting(ScriptedGenerator):
        taken = 0

        def sync(self, learner):
            super().sync(learner)
            self.taken += 1

    solver = Counting(player())
    proposer = Counting(player()) if apart else solver
    play(player(), proposer=proposer, solver=solver).step(1)
    assert (proposer.taken, solver.taken) == (1, 1)


def test_a_solve_rate_is_the_mean_score_of_its_own_attempts():
    step = play(player(0.5), samples=8).step(1)
    estimates = iter(a for a in step.attempts if a.proposal is not None)
    for proposal in step.proposals:
        scores = [next(estimates).score or 0.0 for _ in range(8)]
        assert proposal.solve_rate == sum(scores) / 8


def test_solve_rates_are_estimated_from_samples_that_differ():
    """The greedy estimate of the reference's master branch saw 0 and 1 only, and so paid its proposer nothing."""
    game = play(player(skill=0.5), types=(DEDUCTION,), batch_size=64, samples=8)
    rates = [proposal.solve_rate for proposal in game.step(1).proposals]
    assert sum(0.0 < rate < 1.0 for rate in rates) >= 60
    assert 0.4 < sum(rates) / 64 < 0.6


def test_new_tasks_are_solved_first_and_old_ones_fill_the_batch():
    game = play(player(validity=0.3), batch_size=10)
    for number in range(50):
        game.buffer.add(task(number))
    step = game.step(1)
    new = {p.task for p in step.proposals if p.task and p.mode == "deduction"}
    solved = [a.task for a in drawn(step) if a.task.mode == "deduction"]
    assert 0 < len(new) < 10
    assert set(solved[: len(new)]) == new
    assert len(set(solved)) == len(solved) == 10


def test_a_step_without_a_valid_proposal_completes():
    game = play(player(validity=0.0))
    step = game.step(1)
    assert not any(p.task for p in step.proposals)
    assert all(p.rejection for p in step.proposals)
    assert [a.task for a in drawn(step)] == [task_type.seed for task_type in TASK_TYPES], (
        "the seeds, the only tasks there are"
    )
    assert {e.reward for e in step.experiences if e.role == "propose"} == {-1.0}
    assert game.learner.version == 1


def test_an_empty_buffer_and_nothing_valid_leave_nothing_to_learn_but_a_step():
    game = play(lambda prompt, rng: "", buffer=Buffer())
    step = game.step(1)
    assert [p.mode for p in step.proposals] == ["abduction"] * 4 + ["deduction"] * 4
    assert step.attempts == []


def test_a_prompt_that_never_fits_costs_its_proposals_only():
    generator = ScriptedGenerator(player(), max_prompt_tokens=10)
    step = play(player(), proposer=generator, solver=generator).step(1)
    assert step.proposals == []


def test_a_task_that_no_solver_can_be_asked_is_rejected():
    step = play(player(), solver=ScriptedGenerator(player(), max_prompt_tokens=10)).step(1)
    assert {p.outcome for p in step.proposals} == {Rejection("too long to be asked")}


def test_a_task_that_is_not_admitted_is_rejected_with_the_reason():
    step = play(player(), admit=lambda task: "held out" if task.mode == "deduction" else None).step(1)
    assert {(p.mode, p.rejection) for p in step.proposals} == {
        ("abduction", None),
        ("deduction", Rejection("held out", ours=True)),
        ("induction", None),
    }


def test_references_are_distinct_tasks_of_the_right_partitions():
    game = play(player(), references=3, batch_size=6)
    steps = [game.step(number) for number in (1, 2, 3)]
    for proposal in (p for step in steps for p in step.proposals):
        assert len({r.id for r in proposal.references}) == len(proposal.references) <= 3
        assert all(reference.program in proposal.prompt for reference in proposal.references)
        sources = {"induction": {"abduction", "deduction"}}.get(proposal.mode, {proposal.mode})
        assert {r.mode for r in proposal.references} <= sources
    last = [p for p in steps[-1].proposals if p.mode == "induction"]
    assert all(len(p.references) == 1 and p.task.program == p.references[0].program for p in last)
    assert {r.mode for p in last for r in p.references} == {"abduction", "deduction"}


def test_a_proposal_repeated_within_a_step_is_appended_and_drawn_once():
    same = answered("<program>def f(x):\n    return x + 1</program><input>1</input>")
    game = play(lambda prompt, rng: same if prompt.startswith("<propose") else "", types=(DEDUCTION,))
    step = game.step(1)
    assert [p.task is not None for p in step.proposals] == [True] * 4
    assert step.metrics["propose/new/deduction"] == 0.25
    assert game.buffer.size("deduction") == 2
    assert [a.task for a in drawn(step)] == [step.proposals[0].task, DEDUCTION.seed]


def test_estimates_can_train_the_solver():
    step = play(player(), credit=Credit(reuse_estimates=True)).step(1)
    assert sum(e.role == "solve" for e in step.experiences) == len(step.attempts)
    assert len(step.attempts) > len(drawn(step))


def test_several_attempts_at_a_task_keep_the_batch_s_size():
    game = play(
        player(), attempts=4, batch_size=8, advantage=partial(ESTIMATORS["grpo"]), credit=Credit(trained=("solve",))
    )
    step = game.step(1)
    tasks = Counter(a.task.id for a in drawn(step) if a.task.mode == "deduction")
    assert list(tasks.values()) == [4, 4]
    groups = Counter(e.group for e in step.experiences if e.mode == "deduction")
    assert list(groups.values()) == [4, 4]


def test_a_well_formed_answer_is_needed_for_reward_but_not_for_the_estimate():
    def script(prompt, rng):
        if prompt.startswith("<propose"):
            return answered("<program>def f(x):\n    return x + 1</program><input>1</input>")
        return "<answer>2"

    step = play(script, types=(DEDUCTION,)).step(1)
    assert {p.solve_rate for p in step.proposals} == {1.0}
    assert step.metrics["solve/malformed/deduction"] == 1.0
    assert {e.reward for e in step.experiences if e.role == "solve"} == {-1.0}


def test_a_valid_task_in_a_broken_format_earns_the_least_and_is_appended():
    """As in the reference."""

    def script(prompt, rng):
        body = "<answer><program>def f(x):\n    return x + 1</program><input>1</input></answer>"
        return body if prompt.startswith("<propose") else answered("2")

    game = play(script, types=(DEDUCTION,))
    step = game.step(1)
    assert {e.reward for e in step.experiences if e.role == "propose"} == {-1.0}
    assert game.buffer.size("deduction") == 2


def test_a_score_may_be_any_number():
    class Lenient(Deduction):
        def grade(self, task, answer):
            yield []
            return 1

    step = play(player(0.0), types=(Lenient(COMPACT),)).step(1)
    assert {a.score for a in step.attempts} == {1}


def test_weights_are_fetched_at_every_step():
    game = play(player())
    versions = [{r.rollout.version for r in (*s.proposals, *s.attempts)} for s in (game.step(1), game.step(2))]
    assert versions == [{0}, {1}]


def test_the_same_seed_gives_the_same_steps_bit_for_bit():
    def steps(seed):
        game = play(player(), seed=seed)
        made = [game.step(number) for number in (1, 2, 3)]
        return [(s.proposals, s.attempts, s.experiences, s.metrics) for s in made], game.learner.digest

    assert steps(5) == steps(5)
    assert steps(5) != steps(6)


def test_a_step_depends_on_its_number_and_not_on_those_before_it():
    """All that a resumed run needs besides weights and buffer is the number of the step."""
    third, again, fourth = (play(player()).step(number).proposals for number in (3, 3, 4))
    assert third == again != fourth


GARBAGE = {
    "nothing": "",
    "words": "I am a language model.",
    "open": "</think><answer>",
    "nul": "\0" * 50,
    "surrogates": "\ud800\udfff" * 50,
    "long": "word " * 20_000,
    "brackets": answered("(" * 90_000),
    "fences": "```python\n" * 10_000,
    "tags": answered("<input><program>" * 6_000),
    "deep program": answered(f"<program>def f(x):\n    return {'-' * 40_000}1</program><input>1</input>"),
    "nul inside": answered("<program>def f(x):\n    return '\0'</program><input>1</input><message>\0</message>"),
    "surrogate inside": answered(
        "<program>def f(x):\n    return '\ud800'</program>"
        + "".join(f"<input>{n}</input>" for n in range(10))
        + "<message>\ud800</message>"
    ),
    "no terminal": "\x1b[2J\r\x07</script>",
}


@pytest.mark.parametrize("name", GARBAGE)
def test_whatever_a_model_writes_the_step_completes_and_is_journalled(name, tmp_path):
    game = play(lambda prompt, rng: GARBAGE[name], batch_size=2)
    journal = JournalWriter(tmp_path / "run.db")
    for number in (1, 2):
        step = game.step(number)
        assert len(step.proposals) == 6
        assert all(p.rejection and p.task is None for p in step.proposals)
        assert {e.reward for e in step.experiences if e.role == "propose"} == {-1.0}
        assert all(a.score in (None, 0.0) for a in step.attempts)
        assert step.metrics["propose/valid/deduction"] == 0.0
        journal.write(step)
    journal.close()
    reader = JournalReader(tmp_path / "run.db")
    assert [p.completion for p in reader.proposals(2)] == [GARBAGE[name]] * 6
    reader.close()


def test_any_mix_of_garbage_and_sense_completes():
    well = player()
    texts = list(GARBAGE.values())

    def script(prompt: str, rng: random.Random) -> str:
        return rng.choice(texts) if rng.random() < 0.5 else well(prompt, rng)

    game = play(script, batch_size=8)
    for number in (1, 2, 3):
        step = game.step(number)
    assert game.buffer.size("deduction") > 1
    assert 0.0 < step.metrics["propose/valid/deduction"] < 1.0


def test_a_step_asks_the_sandbox_a_few_large_questions():
    sandbox = FakeSandbox()
    play(player(), sandbox=sandbox, batch_size=16).step(1)
    assert len([batch for batch in sandbox.batches if batch]) == 3, "propose, estimate, solve"


@pytest.mark.parametrize("prompts", ["compact", "paper"])
def test_a_mode_can_be_played_alone(prompts):
    task_type = Deduction(Prompts(prompts))
    game = play(lambda prompt, rng: answered("1"), types=(task_type,))
    assert {p.mode for p in game.step(1).proposals} == {"deduction"}


def test_the_record_of_a_step_is_whole():
    """Every rollout sampled is in the step, and every experience belongs to one of them."""
    step = play(player()).step(1)
    records: list[Proposal | Attempt] = [*step.proposals, *step.attempts]
    owned = [id(record.rollout) for record in records]
    assert all(owned.count(id(e.rollout)) == 1 for e in step.experiences)


def test_the_buffer_s_cap_evicts_the_oldest_while_training_goes_on():
    game = play(player(), buffer=Buffer(capacity=6), types=(DEDUCTION,))
    game.buffer.add(Task("deduction", "def f(a):\n    return a", (Case("1", "1"),)))
    for number in range(1, 6):
        step = game.step(number)
    assert game.buffer.size("deduction") == 6
    assert step.metrics["propose/new/deduction"] == 1.0


def test_the_loop_fits_on_a_page_and_reads_like_algorithm_one():
    source = Path(SelfPlay.step.__code__.co_filename).read_text()
    assert len(source.splitlines()) < 150
    body = source[source.index("def step(") : source.index("def propose(")]
    order = [
        "self.propose(",
        "self.estimate(",
        "self.offer(",
        "self.solve(",
        "self.credit(",
        "self.learner.update(",
    ]
    assert sorted(order, key=body.index) == [order[1], order[0], *order[2:5], order[5]]


def test_a_frozen_proposer_is_another_generator():
    learner = ScriptedLearner()
    frozen = ScriptedGenerator(lambda prompt, rng: "")
    game = play(player(), proposer=frozen, learner=learner, credit=Credit(trained=("solve",)))
    step = game.step(1)
    assert {p.rollout.text for p in step.proposals} == {""}
    assert {e.role for e in step.experiences} == {"solve"}


HARD = ["f'\u00a0{x}'", "0x" + "f" * 4_000, "9" * 4_200]


@pytest.mark.parametrize("odd", HARD)
def test_a_program_that_nobody_can_write_out_ends_nothing(odd):
    task_type = Deduction(COMPACT, redundant_steps=False)
    answer = f"<program>def f(x):\n    y = {odd}\n    y = x\n    x += 0\n    return x</program><input>1</input>"
    [task] = run_checks([task_type.construct(answer, ())], FakeSandbox())
    assert isinstance(task, Task | ModelError)


class Faulty(Deduction):
    """A task type with a fault of ours: it fails over some texts."""

    def construct(self, answer, references):
        if "* 3" in answer:
            raise ZeroDivisionError("a fault")
        return super().construct(answer, references)

    def grade(self, task, answer):
        if answer == "7":
            raise KeyError(answer)
        return (yield from super().grade(task, answer))


def faulty(prompt, rng):
    factor = rng.choice((2, 3))
    program = f"<program>def f(x):\n    return x * {factor}</program><input>{rng.randrange(99)}</input>"
    return answered(program if prompt.startswith("<propose") else rng.choice(("7", "1")))


def test_a_fault_of_ours_is_counted_and_named_and_neither_rewarded_nor_learned_from():
    step = play(faulty, types=(Faulty(COMPACT),), unforeseen=Unforeseen, batch_size=16).step(1)
    lost = [p for p in step.proposals if p.rejection and p.rejection.fault == "ZeroDivisionError"]
    ungraded = [attempt for attempt in step.attempts if attempt.fault == "KeyError"]
    assert lost
    assert ungraded
    assert all(attempt.answer == "7" for attempt in ungraded)
    learned = {id(experience.rollout) for experience in step.experiences}
    assert not learned & {id(record.rollout) for record in (*lost, *ungraded)}
    unrated = [p for p in step.proposals if p.rejection and p.rejection.fault == "KeyError"]
    assert step.metrics["fault/KeyError"] == len(ungraded) + len(unrated)
    assert step.metrics["fault/ZeroDivisionError"] == len(lost)
    alarms = {alarm.name: alarm.message for alarm in alarm_tracker()(step).alarms}
    assert "KeyError" in alarms["fault of ours/KeyError"]


def test_a_fault_of_ours_is_loud_by_default():
    with pytest.raises((ZeroDivisionError, KeyError)):
        play(faulty, types=(Faulty(COMPACT),), batch_size=16).step(1)
