"""Every prompt of both sets, exactly as it is sent: `golden/prompts/SET/NAME.txt`.

To accept a change of wording: ``python -m tests.tasks.test_prompts`` writes the files anew, and the diff is the review.
"""

import re
import shutil
from importlib.resources import files
from pathlib import Path

import pytest

from abzero.errors import ConfigError
from abzero.run.seeding import seeds_from_file
from abzero.sandbox.child.limits import IMPORTS
from abzero.sandbox.fake import FakeSandbox
from abzero.sandbox.run import run_checks
from abzero.tasks import Abduction, Deduction, Induction, parsing
from abzero.tasks.prompts import SETS, Prompts, boxed_seeds, whole
from abzero.types import Case, Rollout, Task

GOLDEN = Path(__file__).parents[1] / "golden" / "prompts"
DOUBLE = "def f(x):\n    return x * 2"
FIRST = "def f(words, n=1):\n    # keep the long ones\n    return [w for w in words if len(w) > n]"
DEDUCTION = Task("deduction", DOUBLE, (Case("21", "42"),))
LONGER = Task("deduction", FIRST, (Case("['a', 'bcd'], n=2", "['bcd']"),))
ABDUCTION = Task("abduction", FIRST, LONGER.cases)
INDUCTION = Task("induction", DOUBLE, tuple(Case(str(x), str(2 * x)) for x in range(10)), "It makes\nnumbers grow.")


def sent(name: str) -> dict[str, str]:
    """The prompts of the set `name`, by the name of their golden file."""
    prompts = Prompts(name)
    abduction, deduction, induction = Abduction(prompts), Deduction(prompts), Induction(prompts)
    return {
        "propose_abduction": abduction.propose([ABDUCTION]),
        "propose_deduction": deduction.propose([DEDUCTION, LONGER]),
        "propose_deduction_without_references": deduction.propose([]),
        "propose_induction": induction.propose([DEDUCTION]),
        "solve_abduction": abduction.ask(ABDUCTION),
        "solve_deduction": deduction.ask(LONGER),
        "solve_induction": induction.ask(INDUCTION),
    }


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("prompt", sent(SETS[0]))
def test_a_prompt_is_exactly_its_golden_file(name, prompt):
    assert sent(name)[prompt] == (GOLDEN / name / f"{prompt}.txt").read_bytes().decode()


@pytest.mark.parametrize("name", SETS)
def test_there_is_no_golden_file_without_a_prompt(name):
    assert {path.stem for path in (GOLDEN / name).iterdir()} == set(sent(name))


@pytest.mark.parametrize("name", SETS)
def test_what_a_model_wrote_is_never_read_as_a_template(name):
    hostile = "def f(x):\n    return '$prompt ${output} $$ {x} %s \\1'"
    task = Task("abduction", hostile, (Case("1", "'$program'"),))
    task_type = Abduction(Prompts(name))
    assert hostile in task_type.propose([task])
    assert hostile in task_type.ask(task)
    assert "'$program'" in task_type.ask(task)


def test_a_set_that_does_not_exist_is_one_clear_error():
    with pytest.raises(
        ConfigError, match="'long' do not exist: choose one of compact, examples, paper, or give a folder"
    ):
        Prompts("long")


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("solve_deduction", None, "lacks solve_deduction.md"),
        ("solve_deduction", "$program", r"lacks \$input"),
        ("solve_induction", "$pairs $message $answer", r"has \$answer, which nothing fills"),
        ("propose_deduction", "$references for 5 $", r"write \$\$ for a dollar sign"),
        ("conversation", "${prompt}", r"must have \$prompt once"),
        ("solve_abduction", "$program $reply<answer> $output", r"solve_abduction.md has \$output after \$reply"),
        ("reference", "$number: $input", r"reference.md lacks \$program"),
    ],
)
def test_a_folder_of_ones_own_is_checked_when_it_is_loaded(tmp_path, file, text, said):
    folder = tmp_path / "mine"
    shutil.copytree(Path(str(files("abzero.tasks.prompts"))) / "paper", folder)
    assert Prompts(str(folder)).converse("solve_deduction", program="p", entry="f", input="1").endswith("<think>")
    (folder / f"{file}.md").unlink()
    if text is not None:
        (folder / f"{file}.md").write_text(text)
    with pytest.raises(ConfigError, match=said):
        Prompts(str(folder))


def test_the_reply_that_a_prompt_begins_is_part_of_what_is_read():
    asked = Prompts("examples").converse("propose_deduction", references="")
    completion = "def f(x):\n    return x + 1\n```\n```input\n3\n```\n</answer>"
    reply = whole(asked, Rollout([], [], [], completion, "stop")).text
    assert parsing.well_formed(reply)
    assert parsing.program(parsing.block(parsing.answer(reply), "program")) == "def f(x):\n    return x + 1"
    assert parsing.block(parsing.answer(reply), "input") == "3"
    assert whole("plain", Rollout([], [], [], completion, "stop")).text == completion


def test_inputs_that_are_cut_off_behind_the_last_that_counts_are_a_task():
    """A small model seldom stops of itself: its hint comes first, and it goes on with inputs for as long as it may."""
    kind = Induction(Prompts("examples"), inputs=4)
    completion = "Add one.</message>\n<input>3</input>\n<input>5</input>\n<input>-1</input>\n<input>0</input>\n<input>"
    reply = whole(kind.propose([DEDUCTION]), Rollout([], [], [], completion, "length")).text
    [task] = run_checks([kind.construct(parsing.answer(reply), [DEDUCTION])], FakeSandbox())
    assert task.message == "Add one."
    assert [case.input for case in task.cases] == ["3", "5", "-1", "0"]


def test_the_seeds_in_the_box_are_all_tasks():
    types = [Abduction(Prompts("examples")), Deduction(Prompts("examples")), Induction(Prompts("examples"), inputs=6)]
    file = boxed_seeds("examples")
    assert file is not None
    tasks, refused = seeds_from_file(file, types, 80, FakeSandbox(), lambda task: task)
    assert refused == []
    assert {mode: sum(task.mode == mode for task in tasks) for mode in ("abduction", "deduction", "induction")} == {
        "abduction": 48,
        "deduction": 48,
        "induction": 8,
    }
    assert boxed_seeds("paper") is None
    assert boxed_seeds("seeds.jsonl") is None


def test_each_proposer_is_told_its_own_criterion():
    """The reference swaps them: its abduction prompt asks for outputs that are hard to predict."""
    prompts = sent("paper")
    assert "hard to deduce" in prompts["propose_deduction"]
    assert "predicts the output from the program and the input" in prompts["propose_deduction"]
    assert "hard to abduce" in prompts["propose_abduction"]
    assert "looks for an input from the program and the output" in prompts["propose_abduction"]
    assert "hard to abduce" not in prompts["propose_deduction"]
    assert "hard to deduce" not in prompts["propose_abduction"]


@pytest.mark.parametrize("prompt", ["propose_abduction", "propose_deduction"])
def test_the_imports_that_a_proposer_is_told_of_are_allowed(prompt):
    [listed] = re.findall(r"import only from: (.+)\.", sent("paper")[prompt])
    assert set(listed.split(", ")) <= IMPORTS


if __name__ == "__main__":
    for name in SETS:
        (GOLDEN / name).mkdir(parents=True, exist_ok=True)
        for prompt, text in sent(name).items():
            (GOLDEN / name / f"{prompt}.txt").write_bytes(text.encode())
