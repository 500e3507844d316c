"""What the documentation names exists."""

import ast
import importlib.util
import re
import runpy
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


SCRIPTS = sorted([*ROOT.glob("benchmarks/*.py"), *ROOT.glob("tests/*.py")])


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_what_a_script_imports_from_the_package_exists(script):
    """Most scripts are run seldom, and by hand."""
    nodes = [
        node for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))) if isinstance(node, ast.ImportFrom)
    ]
    names = [(node.module, name.name) for node in nodes if node.module for name in node.names]
    assert [
        f"{module}.{name}" for module, name in names if module.startswith("abzero") and not found(module, name)
    ] == []


def found(module: str, name: str) -> bool:
    if module.startswith("abzero.views.web") and not (ROOT / "abzero" / "views" / "web").exists():
        return True  # The viewer can be deleted; then so is what measures it.
    holder = importlib.import_module(module)
    return hasattr(holder, name) or (hasattr(holder, "__path__") and bool(importlib.util.find_spec(f"{module}.{name}")))


@pytest.mark.parametrize("setting", named(r"[`\[]((?:[a-z]+\.)[a-z]+(?:-[a-z]+)*)(?: [^`\]]+)?`"))
def test_a_setting_that_is_named_exists(setting):
    section, _, name = setting.partition(".")
    if hasattr(Config(), section):
        assert hasattr(getattr(Config(), section), name.replace("-", "_"))


LINKS = [
    (page, target)
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    if not target.startswith("http")
]


def anchors(page: Path) -> set[str]:
    """The addresses of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(("page", "target"), LINKS, ids=[f"{p.relative_to(ROOT)}→{t}" for p, t in LINKS])
def test_a_link_leads_somewhere(page, target):
    path, _, anchor = target.partition("#")
    there = page.parent / path if path else page
    assert there.exists()
    assert not anchor or anchor in anchors(there)


def test_every_decision_is_in_their_index():
    module = runpy.run_path(str(ROOT / "scripts" / "decisions"))
    assert module["index"]() == (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")


def test_every_page_can_be_found_from_the_front_page():
    seen, next_pages = set(), [ROOT / "docs" / "README.md"]
    while next_pages:
        page = next_pages.pop()
        if page in seen:
            continue
        seen.add(page)
        targets = [target.partition("#")[0] for source, target in LINKS if source == page]
        next_pages += [(page.parent / target).resolve() for target in targets if target.endswith(".md")]
    assert set((ROOT / "docs").rglob("*.md")) - seen == set()
