"""Code that a setting names: found without being imported, loaded as it was hashed, and one clear error each."""

import importlib.util
import os
import py_compile
import random
import sys

import pytest

from abzero.config import named, own
from abzero.config.config import Config
from abzero.config.load import parse
from abzero.config.named import BONUS, ESTIMATOR, LEARNABILITY, TASK_TYPE, CodeReference
from abzero.errors import ConfigError, UsageError


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes a module of a name that no other test has; what it puts into the interpreter goes with the test."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    made = []

    def write(text, name=None):
        name = name or f"own_{random.Random().randrange(10**12)}"
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        made.append(name)
        return name

    yield write
    for name in made:
        sys.modules.pop(name, None)


def loaded(folder, kind, text):
    reference = named.read(kind, text)
    return {text: named.load(reference, named.find(reference, [folder]))}


@pytest.mark.parametrize("text", ["mine.py:F", "mine:", ":F", "a/b:F", "a:b:c", "mine:F()", "a..b:F", "mine: F"])
def test_what_is_no_reference_is_refused_with_an_example(text):
    with pytest.raises(ConfigError, match="write the module without"):
        parse(["--advantage.estimator", text], "abzero train")


def test_a_misspelt_name_of_the_box_is_told_the_names():
    with pytest.raises(UsageError, match=r"--advantage\.estimator cannot be 'gpro': choose from .*trr_grpo"):
        parse(["--advantage.estimator", "gpro"], "abzero train")


def test_every_kind_is_found_in_the_settings():
    given = "--tasks.modes deduction a:T --reward.learnability=b:l --reward.solver=c:s --observe.own f:o"
    config = parse([*given.split(), "--reward.bonuses", "d:b=0.5", "--advantage.estimator=e:e"], "abzero train")
    assert [one.text for one in named.references(config)] == ["a:T", "b:l", "c:s", "e:e", "d:b", "f:o"]
    assert named.references(Config()) == []


@pytest.mark.parametrize("text", ["d:b", "d:b=", "d:b=much"])
def test_a_bonus_has_a_coefficient(text):
    with pytest.raises(ConfigError, match=r"such as --reward\.bonuses d:b=0\.5"):
        named.bonus(text)


def test_a_missing_module_and_a_missing_name_are_one_error_each(tmp_path, write):
    with pytest.raises(ConfigError, match=r"there is no module 'no\.such': put such\.py into '.*', or install it"):
        loaded(tmp_path, TASK_TYPE, "no.such:T")
    module = write("x = 1")
    with pytest.raises(ConfigError, match=rf"'.*{module}\.py' defines no 'T'"):
        loaded(tmp_path, TASK_TYPE, f"{module}:T")


@pytest.mark.parametrize("text", ["1 / 0", "def", "import no_such_module"])
def test_a_module_that_fails_is_one_error_with_its_file(tmp_path, write, text):
    module = write(text)
    with pytest.raises(
        ConfigError, match=rf"{module}\.py' cannot be imported: (ZeroDivision|Syntax|ModuleNotFound)Error"
    ):
        loaded(tmp_path, TASK_TYPE, f"{module}:T")
    assert module not in sys.modules


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        (LEARNABILITY, "x = 1", "it cannot be called"),
        (LEARNABILITY, "def x(): return 1", r"it does not take \(solve_rate\)"),
        (ESTIMATOR, "def x(batch): return batch", r"it does not take \(batch, weight\)"),
        (BONUS, "def x(a, b): return 1", r"it does not take \(offer\)"),
    ],
)
def test_what_is_of_another_kind_is_told_what_it_lacks(tmp_path, write, kind, text, said):
    module = write(text)
    with pytest.raises(ConfigError, match=rf"is not an? .*: {said}; .*abzero\.testing\.check_"):
        loaded(tmp_path, kind, f"{module}:x")


def test_a_task_type_that_lacks_something_is_told_what(tmp_path, write):
    module = write("class T:\n    mode = 'x'\n    def __init__(self, prompts): pass\ndef nothing(): pass")
    for name, said in (("T", "it lacks sources, shares_seeds_with"), ("nothing", "is given Prompts")):
        reference = CodeReference(TASK_TYPE, module, name)
        with pytest.raises(ConfigError, match=said):
            own.task_type(reference, loaded(tmp_path, TASK_TYPE, reference.text), Config().tasks, Prompts(), str.__eq__)


def test_code_that_nobody_allowed_is_not_looked_for():
    with pytest.raises(ConfigError, match="is code, and this command runs none"):
        own.function(ESTIMATOR, "os:system", own.NONE)


def test_an_installed_module_is_found_without_importing_what_is_above_it(tmp_path, monkeypatch):
    package = tmp_path / "above_it"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    (package / "below.py").write_text("x = 1")
    monkeypatch.syspath_prepend(tmp_path)
    source = named.find(CodeReference(ESTIMATOR, "above_it.below", "x"), [])
    assert source.path == (package / "below.py").resolve()
    assert "above_it" not in sys.modules


def test_the_first_folder_that_has_a_file_wins_and_its_neighbours_can_be_imported(tmp_path, write):
    other = tmp_path / "other"
    other.mkdir()
    neighbour = write("y = 2")
    module = write(f"from {neighbour} import y as x")
    (other / f"{module}.py").write_text("x = 0")
    reference = CodeReference(TASK_TYPE, module, "x")
    assert named.load(reference, named.find(reference, [tmp_path, other])) == 2


def test_the_bytes_that_were_hashed_are_run_and_no_compiled_file_beside_them(tmp_path, write):
    module = write("x = 'compiled'")
    path = tmp_path / f"{module}.py"
    stamp = path.stat()
    py_compile.compile(str(path), cfile=importlib.util.cache_from_source(str(path)))
    path.write_text("x = 'as hashed'[:8]")
    path.write_text("x = 'as_found'")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert path.stat().st_size == stamp.st_size
    reference = CodeReference(TASK_TYPE, module, "x")
    source = named.find(reference, [tmp_path])
    path.write_text("x = 'later...'")
    assert named.load(reference, source) == "as_found"


def test_a_file_may_not_take_the_place_of_a_module_in_use(tmp_path, write):
    before = sys.modules["random"]
    (tmp_path / "random.py").write_text("x = 1")
    with pytest.raises(ConfigError, match="a module 'random' is in use already"):
        loaded(tmp_path, ESTIMATOR, "random:x")
    assert sys.modules["random"] is before


class Prompts:
    """Stands for those of a run."""
