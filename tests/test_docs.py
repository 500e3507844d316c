"""What the documentation names exists."""

import ast
import re
from pathlib import Path

import pytest

from abzero.config.config import Config

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "docs" / "algorithm.md", ROOT / "docs" / "extending.md"]


def named(pattern: str) -> list[str]:
    return sorted({found for page in PAGES for found in re.findall(pattern, page.read_text(encoding="utf-8"))})


def definitions(path: Path) -> set[str]:
    """Every function and class of a file, at any depth, and its constants."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    for line in tree.body:
        targets = line.targets if isinstance(line, ast.Assign) else [getattr(line, "target", None)]
        found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


@pytest.mark.parametrize("reference", named(r"`((?:abzero|tests|examples)/[\w/]+\.py::\w+)`"))
def test_a_function_that_is_named_exists(reference):
    path, _, name = reference.partition("::")
    assert name in definitions(ROOT / path)


@pytest.mark.parametrize("path", named(r"`((?:abzero|tests|examples|docs|benchmarks|recipes)/[\w/.-]+)`"))
def test_a_file_that_is_named_exists(path):
    assert (ROOT / path).exists()


@pytest.mark.parametrize("setting", named(r"[`\[]((?:[a-z]+\.)[a-z]+(?:-[a-z]+)*)(?: [^`\]]+)?`"))
def test_a_setting_that_is_named_exists(setting):
    section, _, name = setting.partition(".")
    if hasattr(Config(), section):
        assert hasattr(getattr(Config(), section), name.replace("-", "_"))
