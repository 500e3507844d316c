"""Code that settings name runs because this user named it, or because the run and the code are theirs: never else."""

import json
import shutil
import sys
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import pytest

from abzero.cli.main import main
from abzero.config.backends import BACKENDS, Backend
from abzero.policy.scripted import ScriptedGenerator, ScriptedLearner
from abzero.run.journal import JournalReader
from tests.fakes import player

SMALL = (
    *("--model.engine=script", "--batch-size=4", "--solve.attempts=2", "--propose.samples=2", "--seeding.factor=1"),
    *("--checkpoint.every=1", "--steps=1", "--sandbox.workers=1", "--tasks.modes", "deduction"),
)
CODE = """
from pathlib import Path
from abzero.algo.advantages import trr_pp
from abzero.tasks import Deduction

with Path(__file__).with_name("ran").open("a") as file:
    file.write("x")

class Doubled(Deduction):
    mode = "doubled"
    sources = ("doubled", "deduction")

def half(solve_rate):
    return 0.5

def size(offer):
    return 1.0

def kind(score, well_formed):
    return (("kindness", 0.25),)

def estimate(batch, weight):
    return trr_pp(batch, weight)

class Seen:
    def __init__(self, folder):
        self.file = folder.parent / "seen"
    def __call__(self, step):
        with self.file.open("a") as file:
            file.write(f"{step.number} ")
    def close(self):
        with self.file.open("a") as file:
            file.write("closed")
"""
MODULE = "own_code_of_a_test"
NAMED = (
    *(
        "--reward.learnability=own_code_of_a_test:half",
        "--reward.bonuses",
        "own_code_of_a_test:size=0.5",
        "--reward.solver=own_code_of_a_test:kind",
    ),
    *("--advantage.estimator=own_code_of_a_test:estimate", "--observe.own", "own_code_of_a_test:Seen"),
)


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """A folder with a run whose settings name code beside its recipe, and with this user's state; and a copy of it."""
    here = tmp_path_factory.mktemp("own") / "here"
    recipes = here / "recipes"
    recipes.mkdir(parents=True)
    (recipes / f"{MODULE}.py").write_text(CODE, encoding="utf-8")
    (recipes / "mine.toml").write_text('base = "tiny-cpu"\n', encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(BACKENDS, "script", Backend(policy, lambda _: "a script"))
        patch.setenv("XDG_STATE_HOME", str(here / "state"))
        patch.setattr(sys, "path", [*sys.path])
        patch.chdir(here)
        assert main(["train", "recipes/mine.toml", "--run=run", *SMALL, *NAMED]) == 0
    forget()
    return here, shutil.copytree(here, here.with_name("kept"))


@pytest.fixture(autouse=True)
def here(places, monkeypatch):
    """The folder as it was, where each test begins, as in a new process."""
    here, kept = places
    shutil.rmtree(here)
    shutil.copytree(kept, here)
    monkeypatch.setitem(BACKENDS, "script", Backend(policy, lambda _: "a script"))
    monkeypatch.setenv("XDG_STATE_HOME", str(here / "state"))
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(here)
    yield here
    forget()


@pytest.fixture
def run(here):
    return here / "run", here / "recipes"


def policy(config, done):
    generator = ScriptedGenerator(player())
    return generator, generator, ScriptedLearner()


def forget() -> None:
    """As a new process would begin."""
    sys.modules.pop(MODULE, None)


def ran(recipes: Path) -> int:
    return (recipes / "ran").stat().st_size


def test_what_settings_name_takes_its_part_and_is_recorded(run, here):
    folder, recipes = run
    assert ran(recipes) == 1
    assert (here / "seen").read_text() == "0 1 closed"
    with closing(JournalReader(folder / "run.db")) as reader:
        proposals = {term for one in reader.proposals(1) if one.reward for term in one.reward.terms}
        attempts = {term for one in reader.attempts(1) if one.reward for term in one.reward.terms}
        hashes = json.loads(reader.about()["code"])
    assert {("learnability", 0.5), ("size", 0.5)} <= proposals
    assert attempts == {("kindness", 0.25)}
    assert hashes == json.loads((folder / "code.json").read_text())["code"]
    assert set(hashes) == {f"{MODULE}:{name}" for name in ("half", "size", "kind", "estimate", "Seen")}
    assert str(here) not in (folder / "code.json").read_text(), "a folder that is sent on tells no paths"


def test_a_run_of_this_user_here_goes_on_without_being_asked(run):
    folder, recipes = run
    assert main(["resume", str(folder), "--steps=2"]) == 0
    assert ran(recipes) == 2


def test_code_that_has_changed_is_not_run(run, capsys):
    folder, recipes = run
    (recipes / f"{MODULE}.py").write_text(CODE + "\n# another\n", encoding="utf-8")
    for flags in ([], ["--trust-code"]):
        assert main(["resume", str(folder), "--steps=2", *flags]) == 1
        assert "is not the code that the run began with (sha256 " in capsys.readouterr().err
    assert ran(recipes) == 1


def test_a_copy_of_the_folder_is_a_stranger_s_until_the_user_says_otherwise(run, here, monkeypatch, capsys):
    folder, recipes = run
    copy = shutil.copytree(folder, here / "sent")
    assert main(["resume", str(copy), "--steps=2"]) == 1
    assert f"'{copy}' was not begun here by this user, and its settings name code: " in capsys.readouterr().err
    assert main(["resume", str(copy), "--steps=2", "--trust-code"]) == 1
    assert "there is no module" in capsys.readouterr().err, "the folder does not say where code is"
    monkeypatch.chdir(recipes)
    assert main(["resume", str(copy), "--steps=2", "--trust-code"]) == 0
    assert main(["resume", str(copy), "--steps=3"]) == 1, "trust is for one command"
    assert ran(recipes) == 2


def test_a_stranger_s_folder_cannot_name_other_code_nor_bring_its_own(run, here, monkeypatch, capsys):
    folder, recipes = run
    settings = json.loads((folder / "config.json").read_text())
    settings["advantage"]["estimator"] = f"{MODULE}:Seen"
    settings["reward"]["learnability"] = "evil:half"
    (folder / "config.json").write_text(json.dumps(settings))
    (folder / "evil.py").write_text(CODE)
    note = json.loads((folder / "code.json").read_text())
    note["code"]["evil:half"] = "0" * 64
    (folder / "code.json").write_text(json.dumps(note))
    monkeypatch.chdir(folder)
    for flags in ([], ["--trust-code"]):
        assert main(["resume", str(folder), "--steps=2", *flags]) == 1
        assert "did not begin with it" in capsys.readouterr().err
    (here / "state").rename(here / "another")
    assert main(["resume", str(folder), "--steps=2", "--trust-code"]) == 1
    assert "in the run's own folder, from which no code is run" in capsys.readouterr().err
    assert not (folder / "ran").exists()
    assert ran(recipes) == 1


@pytest.mark.parametrize(
    "note", ["", "[]", "{", '{"token": "../../x", "code": {}}', '{"token": 1, "code": 2}', "[" * 9999]
)
def test_a_damaged_note_is_one_clear_error(run, capsys, note):
    folder, recipes = run
    (folder / "code.json").write_text(note)
    assert main(["resume", str(folder), "--steps=2"]) == 1
    assert "code.json' is damaged" in capsys.readouterr().err
    assert ran(recipes) == 1


def test_a_fork_is_trusted_as_its_parent_is(run, here, capsys):
    folder, _ = run
    copy = shutil.copytree(folder, here / "sent")
    assert main(["fork", str(copy), f"--run={here / 'no'}", "--steps=2"]) == 1
    assert "was not begun here" in capsys.readouterr().err
    assert main(["fork", str(folder), f"--run={here / 'new'}", "--steps=2"]) == 0
    forget()
    assert main(["resume", str(here / "new"), "--steps=3"]) == 0


def test_what_looks_at_a_run_imports_nothing_that_it_names(here, run, capsys):
    folder, recipes = run
    settings = json.loads((folder / "config.json").read_text())
    settings["tasks"]["modes"].append(f"{MODULE}:Doubled")
    (folder / "config.json").write_text(json.dumps(settings))
    shutil.copy(recipes / f"{MODULE}.py", here)
    looks = (
        *(
            ["show", str(folder)],
            ["show", str(folder), "--step", "1"],
            ["report", str(folder)],
            ["replay", str(folder)],
        ),
        *(["grep", str(folder), "return"], ["dump", str(folder), "--out", "rows.jsonl"], ["runs", str(here)]),
        *(["compare", str(folder)], ["oversight", "scan", str(folder)]),
        *([["bundle", str(folder), "--out", "page.html"]] if find_spec("abzero.views.web") else []),
    )
    for command in looks:
        status = main(command)
        assert status == 0, (command, capsys.readouterr().err)
    assert MODULE not in sys.modules
    assert ran(recipes) == 1
    assert not (here / "ran").exists()


def test_a_task_type_beside_the_recipe_plays_and_a_replay_leaves_it_out(here, capsys):
    (here / f"{MODULE}.py").write_text(CODE, encoding="utf-8")
    folder = here / "new"
    flags = ["--tasks.modes", "deduction", f"{MODULE}:Doubled", f"--run={folder}"]
    assert main(["train", "tiny-cpu", *SMALL, *flags]) == 0
    forget()
    with closing(JournalReader(folder / "run.db")) as reader:
        assert {one.mode for one in reader.proposals(1)} == {"deduction", "doubled"}
    capsys.readouterr()
    assert main(["replay", str(folder)]) == 0
    told = capsys.readouterr().out
    assert "left out: doubled: their type is code" in told.replace("\n", " ")
    assert "identical" in told
    assert MODULE not in sys.modules


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--advantage.estimator=nowhere:x"], "there is no module 'nowhere'"),
        (["--advantage.estimator=json:nothing"], "defines no 'nothing'"),
        (["--advantage.estimator=json:loads"], "does not take (batch, weight)"),
        (["--tasks.modes", "deduction", "fix_me:x"], "there is no module"),
    ],
)
def test_what_cannot_be_found_ends_before_there_is_a_folder(here, capsys, flags, said):
    assert main(["train", "tiny-cpu", f"--run={here / 'none'}", *SMALL, *flags]) == 1
    assert said in capsys.readouterr().err
    assert not (here / "none").exists()
