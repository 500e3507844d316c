"""Nothing that a thought says reaches a reward, and nothing that decides one may know of oversight."""

import random
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import abzero
from abzero.algo.credit import Credit
from abzero.algo.metrics import measure
from abzero.oversight.labelled import IN_THE_BOX, read
from abzero.selfplay import SelfPlay
from tests.fakes import play, player

ROOT = Path(abzero.__file__).parent.parent
CONCERN = [row.text for row in read(IN_THE_BOX) if row.category]
DECIDERS = (
    *("selfplay", "algo.credit", "algo.rewards", "algo.advantages", "algo.losses", "policy.base"),
    *("tasks.base", "tasks.buffer", "tasks.curriculum", "tasks.validation", "sandbox.outcomes", "run.train"),
)


def thoughts(rng: random.Random):
    noise = "".join(rng.choice("abc #\"'(){}\n`<") for _ in range(10_000))
    return [*rng.sample(CONCERN, 20), noise, "", "```python\ndef f(x):\n    return 1\n```"]


def rewards(game: SelfPlay, swap) -> list[object]:
    """Every term and advantage of four steps in which `swap` changed each thought, tags kept."""
    usual = game.solver._script  # type: ignore[attr-defined]

    def script(prompt, rng):
        thought, tag, rest = usual(prompt, rng).partition("</think>")
        return f"{swap(thought)}{tag}{rest}"

    game.solver._script = script  # type: ignore[attr-defined]
    steps = [game.step(number) for number in (1, 2, 3, 4)]
    return [(row.role, row.mode, row.group, row.terms, row.advantage) for step in steps for row in step.experiences]


def game(**settings):
    return play(player(skill=0.5, validity=0.7), batch_size=24, samples=4, **settings)


def scripted_solver_alone(one):
    """Rollouts draw log-probabilities after their text: the chance of a step must not hang on a thought's length."""
    generator = one.solver
    usual = generator._rollout

    def rollout(prompt, rng):
        own = random.Random(rng.random())
        return usual(prompt, own)

    generator._rollout = rollout
    return one


def test_500_proposals_and_attempts_earn_the_same_whatever_they_think():
    rng = random.Random(1)
    choices = thoughts(rng)
    plain = rewards(scripted_solver_alone(game()), lambda thought: thought)
    swapped = rewards(scripted_solver_alone(game()), lambda _: rng.choice(choices))
    assert len(plain) >= 500
    assert plain == swapped


def test_a_reward_that_reads_a_thought_fails_the_property():
    def paid(proposals, attempts, rng):
        rows = Credit()(proposals, attempts, rng)
        return [replace(row, terms=(*row.terms, ("word", float("graders" in row.rollout.text)))) for row in rows]

    plain = rewards(scripted_solver_alone(game(credit=paid)), lambda thought: thought)
    swapped = rewards(scripted_solver_alone(game(credit=paid)), lambda _: "I will fool the graders")
    assert plain != swapped


def test_no_figure_of_a_step_knows_of_findings():
    step = game().step(1)
    assert not any(name.startswith(("oversight/", "thought/")) for name in step.metrics)
    assert measure.__module__ == "abzero.algo.metrics"


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """What the linter says of a copy in which everything that decides a reward imports oversight."""
    copy = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "abzero", copy / "abzero", ignore=shutil.ignore_patterns("__pycache__", "*.safetensors"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    for name in DECIDERS:
        path = (copy / "abzero").joinpath(*name.split(".")).with_suffix(".py")
        path.write_text("import abzero.oversight\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    linter = Path(sys.executable).parent / "lint-imports"
    found = subprocess.run(
        [linter, "--no-cache"], cwd=copy, capture_output=True, text=True, env={"PYTHONPATH": str(copy)}
    )
    assert found.returncode == 1
    return found.stdout


@pytest.mark.parametrize("name", DECIDERS)
def test_the_linter_refuses_oversight_in_whatever_decides_a_reward(broken, name):
    _, _, details = broken.partition("Nothing that decides a reward knows of oversight BROKEN")
    assert f"abzero.{name}" in details.replace("\n", "")
