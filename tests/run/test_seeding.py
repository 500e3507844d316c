import json
import random
from collections import Counter
from pathlib import Path

import pytest

from abzero.errors import ConfigError, Halt, RunError
from abzero.policy.scripted import ScriptedGenerator
from abzero.run.seeding import RefusedSeed, check_able, seed_itself, seeds_from_file
from abzero.run.seeding_log import ProposalBatch, SeedingLog
from abzero.run.seeding_progress import Progress, advice
from abzero.sandbox.fake import FakeSandbox
from abzero.sandbox.run import run_checks
from abzero.tasks.buffer import Buffer
from abzero.tasks.validation import reproduces
from abzero.types import Case, Rejection, Task
from tests.fakes import ABDUCTION, DEDUCTION, INDUCTION, TASK_TYPES, answered, play, player

TRIPLETS = Path(__file__).parents[3] / "shared" / "data" / "triplets.jsonl"


def seeded(script, target=20, batches=10, **settings):
    game, said = play(script, buffer=Buffer(), **settings), []
    return game, seed_itself(game, target, batches, said.append), said


def remedies(progress):
    return list(advice(progress, temperature=1.0, prompts="compact", max_prompt_tokens=320))


def contents(game, mode):
    return game.buffer.sample([mode], game.buffer.size(mode), random.Random(0))


def test_seeding_starts_from_the_identity_alone():
    game, step, _ = seeded(player(), target=1)
    assert step.proposals == []
    assert [contents(game, task_type.mode) for task_type in TASK_TYPES] == [
        [task_type.seed] for task_type in TASK_TYPES
    ]
    assert {task_type.seed.program for task_type in TASK_TYPES} == {"def f(a):\n    return a"}


def test_the_first_references_are_the_identity_and_later_ones_are_proposals():
    _, step, _ = seeded(player())
    assert step.proposals[0].references == (ABDUCTION.seed,)
    assert any(len(proposal.references) == 6 for proposal in step.proposals)


def test_every_mode_reaches_its_target():
    game, step, said = seeded(player(validity=0.5))
    assert all(game.buffer.size(task_type.mode) >= 20 for task_type in TASK_TYPES)
    assert step.number == 0
    assert (step.attempts, step.experiences, game.learner.version) == ([], [], 0), "nothing is trained"
    assert (said[0].wanted, said[0].attempts) == (20, {"abduction": 0, "deduction": 0, "induction": 0})
    assert said[-1].over
    assert said[-1].found == {mode: game.buffer.size(mode) for mode in game.types_by_mode}
    assert sum(said[-1].attempts.values()) == len(step.proposals)
    assert remedies(said[-1]) == []
    assert step.metrics["buffer/size/deduction"] == game.buffer.size("deduction")


def test_abduction_and_deduction_share_their_tasks():
    game, _, _ = seeded(player())
    triplets = [{(t.program, t.cases) for t in contents(game, mode)} for mode in ("abduction", "deduction")]
    assert triplets[0] == triplets[1]
    assert not triplets[0] & {(t.program, t.cases) for t in contents(game, "induction")}


def test_a_mode_alone_does_not_fill_the_absent_mode_that_it_shares_with():
    game, _, _ = seeded(player(), types=(DEDUCTION,))
    assert game.buffer.size("deduction") >= 20
    assert game.buffer.size("abduction") == 0


def test_a_twin_that_could_not_be_asked_is_not_shared():
    """The output is longer than the input, and so abduction's question than deduction's."""
    program = "def f(x):\n    return x * 15"

    def script(prompt, rng):
        return answered(f"<program>{program}</program><input>'{rng.random()}'</input>")

    limit = len(DEDUCTION.ask(Task("deduction", program, (Case(f"'{1 / 3}'", ""),)))) + 20
    generator = ScriptedGenerator(script, max_prompt_tokens=limit)
    game, _, _ = seeded(script, proposer=generator, solver=generator, references=0, types=(ABDUCTION, DEDUCTION))
    assert game.buffer.size("deduction") >= 20
    assert game.buffer.size("abduction") == 1


def test_a_model_that_cannot_propose_ends_the_seeding_with_advice():
    game, step, said = seeded(lambda prompt, rng: "", batches=7)
    assert [game.buffer.size(task_type.mode) for task_type in TASK_TYPES] == [1, 1, 1]
    assert len(step.proposals) == (7 + 7) * 4
    assert [now.batch for now in said] == [*range(7), *range(7), 6]
    assert said[-1].words == (
        "seeding, done: abduction 1 of 20 tasks (16 proposals), deduction 1 of 20 tasks (12 proposals), induction 1 of "
        "20 tasks (28 proposals); rejected 56: 28 × no program block, 28 × no message block"
    )
    bound, helps = remedies(said[-1])
    assert "seeding.batches" in bound
    assert "56 of 56 proposals were rejected, most often: 28 × no program block" in bound
    assert all(flag in helps for flag in ("--sampling.temperature, 1 now", "--tasks.prompts", "--seeds FILE"))
    with pytest.raises(Halt, match="no valid task in 56 proposals"):
        check_able(step)


def test_a_model_that_wrote_one_valid_task_goes_on_and_is_given_advice_all_the_same():
    calls = 0

    def script(prompt, rng):
        nonlocal calls
        calls += 1
        return player()(prompt, rng) if calls == 3 else ""

    _, step, said = seeded(script, batches=2)
    check_able(step)
    assert "15 of 16 proposals were rejected" in remedies(said[-1])[0]


def test_prompts_that_do_not_fit_are_named_as_the_cause():
    generator = ScriptedGenerator(player(), max_prompt_tokens=5)
    _, step, said = seeded(player(), batches=3, proposer=generator)
    assert step.proposals == []
    assert ["no proposal's prompt fits" in line for line in remedies(said[-1])] == [True]
    with pytest.raises(Halt):
        check_able(step)


def test_a_reason_that_a_model_wrote_is_harmless_and_short():
    now = Progress(0, 1, 2, {}, {}, Counter({"\x1b[31m" + "x" * 100 + "\nmore": 1, "": 1}))
    assert now.reasons(1) == "1 × \\x1b[31m" + "x" * 55


@pytest.mark.parametrize("stop", range(12))
def test_interrupted_before_any_batch_it_goes_on_with_the_same_tasks(tmp_path, stop):
    straight, whole, _ = seeded(player(validity=0.6))
    log = SeedingLog(tmp_path / "seeding.jsonl")
    left = iter(range(stop))
    cut = play(player(validity=0.6), buffer=Buffer())
    assert (
        seed_itself(cut, 20, 10, lambda now: None, lambda: None if next(left, None) is not None else "INT", log) is None
    )
    with (tmp_path / "seeding.jsonl").open("a") as file:
        file.write('{"mode": "abdu')
    game = play(player(validity=0.6), buffer=Buffer())
    again = seed_itself(game, 20, 10, lambda now: None, log=log)
    assert len(log.read()) > stop
    assert (again.proposals, again.metrics) == (whole.proposals, whole.metrics)
    for run, path in ((straight, tmp_path / "a"), (game, tmp_path / "b")):
        run.buffer.save(path)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"mode": 1}', "[" * 100_000, '{"mode": "deduction", "proposals": 5, "state": 1}']
)
def test_a_damaged_log_of_a_seeding_is_one_clear_error(tmp_path, line):
    path = tmp_path / "seeding.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(RunError, match="remove it, and the seeding begins anew"):
        SeedingLog(path).read()


def test_a_random_state_that_is_none_is_one_clear_error(tmp_path):
    log = SeedingLog(tmp_path / "seeding.jsonl")
    log.append(ProposalBatch("abduction", [], (3, (1, 2), None)))
    with pytest.raises(RunError, match="no random state"):
        seed_itself(play(player(), buffer=Buffer()), 20, 10, lambda now: None, log=log)


def test_a_log_of_another_run_is_not_believed(tmp_path):
    log = SeedingLog(tmp_path / "seeding.jsonl")
    log.append(ProposalBatch("induction", [], random.Random(0).getstate()))
    with pytest.raises(RunError, match="not this run's"):
        seed_itself(play(player(), buffer=Buffer()), 20, 10, lambda now: None, log=log)


def test_seeding_is_the_same_from_the_same_seed():
    assert [seeded(player(), seed=3)[1].proposals for _ in range(2)] == [seeded(player(), seed=3)[1].proposals] * 2
    assert seeded(player(), seed=3)[1].proposals != seeded(player(), seed=4)[1].proposals


DOUBLE = "def f(x):\n    return x * 2"


@pytest.fixture
def read(tmp_path):
    def read(*rows, types=TASK_TYPES, judge=lambda task: task, max_output=400):
        path = tmp_path / "seeds.jsonl"
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        path.write_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))
        return seeds_from_file(path, types, max_output, FakeSandbox(), judge)

    return read


def test_a_row_with_an_input_becomes_a_triplet_of_each_mode_that_takes_one(read):
    tasks, refused = read({"snippet": DOUBLE, "input": "3", "output": "wrong, and not believed"})
    assert tasks == [Task("abduction", DOUBLE, (Case("3", "6"),)), Task("deduction", DOUBLE, (Case("3", "6"),))]
    assert refused == []


def test_a_row_with_a_message_becomes_one_induction_task(read):
    tasks, _ = read({"program": DOUBLE, "inputs": ["1", "2", "3"], "message": "m"})
    assert tasks == [Task("induction", DOUBLE, (Case("1", "2"), Case("2", "4"), Case("3", "6")), "m")]


def test_every_input_of_a_row_without_a_message_is_a_triplet(read):
    tasks, _ = read({"program": DOUBLE, "inputs": ["1", "2"], "message": None}, types=(DEDUCTION,))
    assert [task.cases for task in tasks] == [(Case("1", "2"),), (Case("2", "4"),)]


def test_imports_are_put_back_where_they_are_missing(read):
    program = "def f(x):\n    return math.floor(x)"
    tasks, _ = read({"program": program, "input": "2.5", "imports": ["import math"]}, types=(DEDUCTION,))
    assert tasks == [Task("deduction", f"import math\n{program}", (Case("2.5", "2"),))]
    whole = {"program": f"import math\n{program}", "input": "2.5", "imports": ["import math"]}
    assert read(whole, types=(DEDUCTION,))[0] == tasks


GOOD = {"program": DOUBLE, "input": "3"}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{", "not a row"),
        ("[1]", "not an object"),
        ("[" * 100_000, "not a row"),
        ("null", "not an object"),
        ({"program": DOUBLE}, "not a row"),
        ({"input": "1"}, "must be text"),
        ({"program": DOUBLE, "inputs": "123"}, "lists of text"),
        ({"program": DOUBLE, "inputs": None}, "lists of text"),
        ({"program": DOUBLE, "inputs": [1]}, "lists of text"),
        ({"program": DOUBLE, "inputs": []}, "too few inputs"),
        ({"program": DOUBLE, "inputs": ["1"], "message": "m"}, "too few inputs"),
        ({"program": DOUBLE, "input": "1", "imports": "import math"}, "lists of text"),
        ({"program": DOUBLE, "input": "1", "message": 5}, "must be text"),
        ({"program": DOUBLE, "input": "dict(a=1)"}, "in a literal"),
        ({"program": DOUBLE, "input": ""}, "without arguments"),
        ({"program": "g = 1", "input": "1"}, "no function is defined"),
        ({"program": "def f(x): return float('nan')", "input": "1"}, "no literal"),
        ({"program": "def f(x): return 'a' * 500", "input": "1"}, "more than 400"),
        ('{"program": "def f(x): return x", "input": "1", "x": \udcff}', "not a row"),
        ({"program": "def f(x): return '\ud800'", "input": "1"}, "raised UnicodeEncodeError"),
    ],
)
def test_a_broken_row_is_refused_with_its_line_and_a_reason_and_the_others_are_read(read, row, reason):
    tasks, refused = read(GOOD, "", row, GOOD, types=(DEDUCTION, INDUCTION))
    assert [task.cases for task in tasks] == [(Case("3", "6"),)] * 2
    assert [refusal.line for refusal in refused] == [3]
    assert reason in refused[0].reason


ODD_ROWS = [
    {"program": "from __future__ import annotations\ndef f(x: int) -> int:\n    return 2 * x", "input": "3"},
    {"program": "# import os is not needed\ndef f(x):\n    return 2 * x", "input": "3"},
    {"program": "def solve(x):\n    return 2 * x", "input": "3"},
    {"program": DOUBLE, "input": "3", "message": ""},
    {"program": "\ufeff" + DOUBLE, "input": "3"},
]


@pytest.mark.parametrize("row", ODD_ROWS)
def test_a_row_that_a_user_may_well_have_is_taken(read, row):
    tasks, refused = read(row, types=(DEDUCTION,))
    assert refused == []
    assert [task.cases[0].output for task in tasks] == ["6"]


def test_a_task_that_is_not_admitted_is_refused(read):
    def judge(task):
        return Rejection("held out", ours=True) if task.cases[0].input == "3" else task

    tasks, refused = read(GOOD, {"program": DOUBLE, "input": "4"}, types=(DEDUCTION,), judge=judge)
    assert [task.cases[0].input for task in tasks] == ["4"]
    assert refused == [RefusedSeed(1, "it makes no task: held out")]


def test_a_file_without_a_valid_task_is_one_clear_error(read):
    with pytest.raises(ConfigError, match=r"no valid task; line 1: not a row"):
        read("{", "[]")
    with pytest.raises(ConfigError, match="no valid task"):
        read("")


def test_a_file_that_cannot_be_read_is_one_clear_error(tmp_path):
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(ConfigError, match="cannot be read"):
            seeds_from_file(path, TASK_TYPES, 400, FakeSandbox(), lambda task: None)


@pytest.mark.skipif(not TRIPLETS.exists(), reason=f"{TRIPLETS.name} is not beside this repository")
def test_rows_that_models_wrote_become_tasks_that_reproduce(read):
    """Those of 200 real rows whose programs import nothing, so that the fake sandbox may run them."""
    rows = [line for line in TRIPLETS.read_text(encoding="utf-8").splitlines()[:200] if "import" not in line]
    tasks, refused = read(*rows)
    assert len(tasks) > 100 > len(refused)
    assert all(run_checks([reproduces(task) for task in tasks], FakeSandbox()))
