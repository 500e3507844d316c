"""The public names are those of docs/api.md, cost nothing until they are used, and its examples run."""

import ast
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import abzero

PACKAGE = Path(abzero.__file__).parent
PAGE = (PACKAGE.parent / "docs" / "api.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (`.*?`) \|", PAGE, re.MULTILINE)
NAMES = {name for row in ROWS for name in re.findall(r"`(\w+)`", row)} | {"Abduction", "Deduction", "Induction"}


def test_every_public_name_is_documented_and_no_other():
    assert set(abzero.__all__) - {"__version__"} == NAMES
    assert set(dir(abzero)) == set(abzero.__all__)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_documented_name_is_there(name):
    assert getattr(abzero, name) is getattr(import_module(f"abzero.{abzero._HOMES[name]}"), name)


def test_type_checkers_see_the_same_names():
    module = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    [typed] = [node for node in module.body if isinstance(node, ast.If)]
    seen = {
        (node.module, alias.asname) for node in typed.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert seen == {(f"abzero.{home}", name) for name, home in abzero._HOMES.items()}


def test_a_name_that_does_not_exist_says_so():
    with pytest.raises(AttributeError, match="'abzero' has no attribute 'Trainer'"):
        abzero.Trainer  # noqa: B018


def test_the_package_and_the_command_line_s_help_load_nothing_heavy():
    heavy = ("torch", "transformers", "numpy")
    code = f"""
import sys, abzero
assert not [name for name in sys.modules if name.startswith("abzero.")]
from abzero.cli.main import main
assert main(["--help"]) == 0
sys.exit([name for name in {heavy} if name in sys.modules] or 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_examples_of_the_page_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    for block in blocks:
        exec(block, names)
    printed = capsys.readouterr().out
    assert printed.count("return x + ") == 8
    assert "Returned(value='[1, 2, 3]')" in printed
    assert "Raised(type='RecursionError')" in printed
    assert "observed step 2" in printed
    assert "differences: 0" in printed
    assert len(printed.splitlines()) == 8 + 2 + 3 + 3 + 1
