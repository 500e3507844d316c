"""Whoever deletes `abzero/oversight` loses oversight and nothing else: only the program's floor puts it into a run."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import abzero

ROOT = Path(abzero.__file__).parent.parent
KNOWS = re.compile(r"\babzero\.oversight\b|from abzero import .*\boversight\b")
PROGRAM = re.compile(
    KNOWS.pattern + r'|\babzero\.cli\b|\bconfig\.build\b|abzero\.config import .*\bbuild\b|"abzero"|abzero/'
)
"""A test that calls commands, or builds a run from settings: with oversight deleted there are none."""


def sources(folder: str) -> dict[str, str]:
    return {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8", errors="replace")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "oversight" not in path.relative_to(ROOT).parts
    }


def test_only_the_commands_and_what_builds_a_run_know_of_oversight():
    knowing = [path for path, text in sources("abzero").items() if KNOWS.search(text)]
    assert "abzero/config/build.py" in knowing
    assert [path for path in knowing if not path.startswith(("abzero/cli/", "abzero/config/build.py"))] == []


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_the_tests_of_everything_else_pass_without_it(tmp_path: Path):
    for name in ("abzero", "tests", "docs", "examples", "scripts", "benchmarks"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "oversight"))
    for name in ("pyproject.toml", "README.md", "recipes", "Makefile"):
        shutil.copy(ROOT / name, tmp_path / name, follow_symlinks=True) if (ROOT / name).is_file() else None
    tests = sources("tests")
    shared = [Path(path).stem for path, text in tests.items() if "/test_" not in path and PROGRAM.search(text)]
    calls = re.compile("|".join([PROGRAM.pattern, *(rf"\b{name}\b" for name in shared)]))
    kept = [path for path, text in tests.items() if "/test_" in path and not calls.search(text)]
    assert {"tests/test_selfplay.py", "tests/run/test_train.py", "tests/algo/test_credit.py"} <= {*kept}
    assert len(kept) >= 80
    which = ["-m", "not slow and not cluster and not browser", "-p", "no:cacheprovider", "-q", "--timeout=600"]
    found = subprocess.run(
        [sys.executable, "-m", "pytest", *which, *kept],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stdout[-4_000:]
