"""The house keeps its own rules: how long a file is, what it imports, and where text may become code."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import abzero

PACKAGE = Path(abzero.__file__).parent
ROOT = Path(__file__).parent
FILES = {path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
HEAVY = ("torch", "transformers", "numpy", "ray", "vllm", "tyro", "rich", "safetensors")
ALGORITHM = (
    *(
        "types",
        "errors",
        "text.sanitize",
        "python.literals",
        "python.analysis",
        "python.language",
        "sandbox.base",
        "sandbox.run",
        "sandbox.pool",
    ),
    *("tasks", "tasks.curriculum", "tasks.buffer", "tasks.parsing", "tasks.prompts", "tasks.validation"),
    *(
        "algo.rewards",
        "algo.credit",
        "algo.advantages",
        "algo.metrics",
        "algo.figures",
        "policy.base",
        "policy.scripted",
    ),
    *("selfplay", "run.seeding", "run.checkpoint", "run.journal", "run.train"),
)
GUEST = {"sandbox/child/child.py", "sandbox/child/codecs_in_memory.py", "sandbox/child/listing.py"}
"""Where untrusted text is run, in a process of its own, and where that loads the library's own encodings."""
PACKS = {"evals/evalplus.py", "evals/livecodebench.py", "evals/payload.py"}
"""Where arguments are marshalled for such a process, and where a pickle is read that can be text and nothing else."""
TELLS = {"evals/scoring.py", "evals/symbolic_child.py", "sandbox/run.py"}
"""Where whatever is raised is told as an error, never a verdict: a library in its own process, a check of ours."""
TRUSTED = {"sandbox/fake.py"}
"""Where a caller's own programs are run in its own process; nothing of ours imports it."""
OWN_TEXT = {"tiny/grammar.py"}
"""Where formulas that stand in the file itself are compiled."""


def test_the_loop_stays_under_150_lines():
    assert len(FILES["selfplay.py"].splitlines()) < 150


@pytest.mark.parametrize("name", sorted(FILES))
def test_no_file_is_longer_than_300_lines(name):
    assert len(FILES[name].splitlines()) <= 300


@pytest.mark.parametrize("module", ALGORITHM)
def test_the_algorithm_needs_no_tensor(module):
    code = f"import sys, abzero.{module}; print(*[name for name in {HEAVY} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


def calls(source: str) -> set[str]:
    """The names that `source` calls or imports."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name(id=name)):
                names.add(name)
            case ast.Import(names=imported):
                names.update(alias.name.partition(".")[0] for alias in imported)
            case ast.ImportFrom(module=str(name)):
                names.add(name.partition(".")[0])
    return names


@pytest.mark.parametrize("name", sorted(set(FILES) - GUEST - TRUSTED - OWN_TEXT - PACKS))
def test_text_becomes_code_in_the_guest_alone(name):
    assert not calls(FILES[name]) & {"eval", "exec", "compile", "pickle", "marshal", "shelve", "dill"}


def test_nothing_of_ours_runs_programs_in_its_own_process():
    """But for the public contracts, which run what stands in a test of the caller's; `__init__` names it, no more."""
    found = [name for name, source in FILES.items() if re.search(r"import.*\bfake\b|sandbox\.fake import", source)]
    assert sorted(found) == ["__init__.py", "testing.py"]


@pytest.mark.parametrize("name", sorted(set(FILES) - GUEST - TRUSTED - TELLS))
def test_no_error_is_swallowed(name):
    """`except Exception` hides our own faults among the model's: it must raise again, but in the guest, and where it is
    counted, named by an alarm and rewarded by nothing."""
    for node in ast.walk(ast.parse(FILES[name])):
        if isinstance(node, ast.ExceptHandler) and not isinstance(node.body[-1], ast.Raise):
            caught = ast.unparse(node.type) if node.type else "BaseException"
            assert not {"Exception", "BaseException"} & set(caught.strip("()").split(", ")), ast.unparse(node)


SAVES = {
    "run/checkpoint.py",
    *(f"policy/{name}.py" for name in ("scripted", "local/learner", "tinker/learner", "models/export")),
    "tasks/buffer.py",
}
"""What is saved into a folder that this process has just made, under a name of its own, to be renamed as a whole."""


def written_in_place(source: str) -> Iterator[str]:
    """The calls in `source` that write a file where it is, or through a link that stands there."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Attribute(attr="write_text" | "write_bytes")):
                yield ast.unparse(node)
            case ast.Call(func=ast.Attribute(attr="open") | ast.Name(id="open"), args=args, keywords=named):
                modes = [one.value for one in [*args, *(word.value for word in named)] if isinstance(one, ast.Constant)]
                if any(re.fullmatch(r"[rwab+t]*[wa+][rwab+t]*", str(mode)) for mode in modes):
                    yield ast.unparse(node)


@pytest.mark.parametrize("name", sorted(set(FILES) - SAVES - {"run/files.py"}))
def test_files_are_replaced_whole_and_never_written_through_a_link(name):
    if not name.startswith("sandbox/child/"):
        found = [call for call in written_in_place(FILES[name]) if "/proc/" not in call and "devnull" not in call]
        assert not found, "run/files.py has replacing, replace_text and append_text"


def test_every_way_to_write_in_place_is_seen():
    ways = "p.write_text(x); p.write_bytes(x); p.open('w'); open(p, 'ab'); p.open(mode='r+b'); gzip.open(p, 'wt')"
    assert list(written_in_place(ways)) == ways.split("; ")
    assert not list(written_in_place("p.open('x'); p.open(); open(p, 'rb'); p.open(encoding='utf-8')"))


def test_the_guest_brings_nothing_but_the_sandbox():
    """No torch, no weights, no tokens share an address space with untrusted programs."""
    code = "import sys, abzero.sandbox.child.zygote; print(*[name for name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not set(loaded) & set(HEAVY)
    assert {name for name in loaded if name.startswith("abzero.") and not name.startswith("abzero.sandbox")} == set()


def test_what_shares_a_process_with_a_program_imports_the_standard_library_and_its_own_folder():
    """The audit boundary is a folder: reading it is enough."""
    modules = set()
    for name, source in FILES.items():
        if name.startswith("sandbox/child/"):
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.Import):
                    modules |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom):
                    modules.add(f"{'.' * node.level}{node.module}")
    library = sys.stdlib_module_names | {"_sha256", "_sha2"}  # until 3.11, and from 3.12 on
    ours = {name for name in modules if name.partition(".")[0] not in library}
    assert all(f"{name}.".startswith("abzero.sandbox.child.") for name in ours), ours


def test_the_package_is_taken_in_at_one_look():
    """As `ls` shows it to who has just cloned it: folders of ignored files do not count."""
    entries = {name.partition("/")[0] for name in FILES} | {path.name for path in PACKAGE.iterdir() if path.is_file()}
    assert len(entries) <= 20, sorted(entries)


def test_nothing_is_named_after_nothing():
    assert not {"utils", "helpers", "common", "misc"} & {
        part for name in FILES for part in Path(name).with_suffix("").parts
    }


def types_of(source: str) -> set[str]:
    """The classes and type aliases at the top of a file, but for private ones and type variables."""
    names = set()
    for node in ast.parse(source).body:
        match node:
            case ast.ClassDef(name=name):
                names.add(name)
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=value)
            ):
                variable = isinstance(value, ast.Call) and ast.unparse(value.func) == "TypeVar"
                if re.match(r"[A-Z]\w*[a-z]", name) and not variable:
                    names.add(name)
    return {name for name in names if not name.startswith("_")}


def test_one_name_is_one_type():
    """Who reads `Sample` or `Run` knows which is meant, without looking at what the file imports."""
    homes: dict[str, list[str]] = {}
    for file, source in FILES.items():
        for name in types_of(source):
            homes.setdefault(name, []).append(file)
    assert {name: files for name, files in homes.items() if len(files) > 1} == {}


def test_the_viewer_can_be_deleted():
    """`abzero.views.web` and its tests are a room that nothing but its own commands opens."""
    tests = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in ROOT.rglob("*.py")}
    at_once = re.compile(r"^(from|import) abzero\.views\.web", re.MULTILINE)
    assert [name for name, text in (FILES | tests).items() if at_once.search(text) and "views/web/" not in name] == []


def test_no_command_is_named_like_a_module_of_python():
    assert {Path(name).stem for name in FILES if name.startswith("cli/")} & sys.stdlib_module_names == set()


def test_settings_are_read_in_one_place():
    """Everyone but the command line and the builder is handed values."""
    reading = re.compile(r"abzero\.config\b|abzero import config\b")
    readers = {name for name, source in FILES.items() if reading.search(source)}
    assert {name.partition("/")[0] for name in readers} <= {"config", "cli"}


def test_one_file_knows_of_other_processes():
    """The linter's contracts stop at the name of a package, and torch is in many."""
    assert [name for name, source in FILES.items() if "torch.distributed" in source] == ["policy/local/sharding.py"]
