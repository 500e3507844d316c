"""docs/extending.md, followed literally: each file that it shows is written, each command that it gives is run."""

import re
import shlex
import sys
from contextlib import closing
from pathlib import Path

import pytest

from abzero.cli.main import main
from abzero.config import named
from abzero.config.backends import BACKENDS, Backend
from abzero.policy.scripted import ScriptedGenerator, ScriptedLearner
from abzero.run.journal import JournalReader
from tests.fakes import answered

PAGE = (Path(__file__).parents[1] / "docs" / "extending.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE, re.DOTALL))
COMMANDS = [line for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


def script(prompt, rng):
    """Proposes sums, and answers with a length or a sum that may be right."""
    if "<propose" in prompt or "Write a program" in prompt:
        return answered(f"<program>def f(x):\n    return x + {rng.randrange(95, 999)}</program><input>3</input>")
    return answered(str(rng.choice((2, 3, 4))))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with the page's files in it; a script plays the model that trains."""
    generator = ScriptedGenerator(script)
    backend = Backend(lambda config, done: (generator, generator, ScriptedLearner()), lambda config: "a script")
    monkeypatch.setitem(BACKENDS, "local", backend)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    yield tmp_path
    for name in FILES:
        sys.modules.pop(name.removesuffix(".py"), None)


def test_the_page_s_own_tests_pass(here):
    names: dict[str, object] = {}
    exec(FILES["test_mine.py"], names)
    tests = {name: test for name, test in names.items() if name.startswith("test_")}
    assert len(tests) == 3
    for name, test in tests.items():
        test(here) if name == "test_mine" else test()  # type: ignore[operator]


def test_the_page_s_commands_do_what_it_says(here, capsys):
    assert len(COMMANDS) == 4
    for command in COMMANDS:
        dollar, abzero, *arguments = shlex.split(command)
        assert (dollar, abzero) == ("$", "abzero")
        assert main(arguments) == 0, capsys.readouterr().err
    printed = capsys.readouterr().out
    assert re.search(r"sums +3 ", printed), "the benchmark's table"
    scores = (here / "runs/mine/scores.txt").read_text().splitlines()
    assert [line.split()[0] for line in scores] == ["0", "1", "2", "3"]
    with closing(JournalReader(here / "runs/mine/run.db")) as reader:
        assert {one.mode for one in reader.proposals(3)} == {"deduction", "length"}
        terms = {
            name for step in (1, 2, 3) for one in reader.proposals(step) if one.reward for name, _ in one.reward.terms
        }
        earned = {name for one in reader.attempts(2) if one.reward for name, _ in one.reward.terms}
    assert "short" in terms
    assert earned <= {"score", "malformed"}


def test_the_page_names_every_kind():
    kinds = [named.TASK_TYPE, named.LEARNABILITY, named.BONUS, named.SOLVER_REWARD, named.ESTIMATOR, named.OBSERVER]
    for kind in (*kinds, named.BENCHMARK):
        assert re.search(rf"^\| `.*{kind.setting}` .*`{kind.contract}` \|$", PAGE, re.MULTILINE), kind
