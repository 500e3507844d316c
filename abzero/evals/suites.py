"""The table of suites: which files, how many rows, which bytes are known, and what a row holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from abzero.errors import ConfigError
from abzero.evals.schema import (
    ALLOWANCE,
    ANSWER,
    ANY_TEXT,
    FUNCTION,
    KEY,
    LISTS,
    NUMBER,
    NUMBERED,
    ONE_TEXT,
    TEXT,
    TOLERANCE,
    WHOLE,
    Fields,
)


@dataclass(frozen=True, slots=True)
class Suite:
    """One set of problems as its publisher names, cuts and spells it."""

    name: str
    rows: int
    """Of the release that is looked for."""
    key: str
    """The field that tells problems apart."""
    files: tuple[tuple[str, ...], ...]
    """Patterns of file names; all files of the first group of patterns that matches belong together."""
    folders: tuple[str, ...]
    fields: Fields
    known: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of the uncompressed bytes of a release, and the release's name."""
    aliases: tuple[str, ...] = ()
    published: str = ""
    """Where the files come from."""

    @property
    def expected(self) -> str:
        """The file that is looked for, as a publisher lays it out."""
        name = self.files[0][0]
        return f"{self.folders[0]}/{name}" if name == "test.jsonl" else name


_EVALPLUS: Fields = {
    "task_id": NUMBERED, "prompt": TEXT, "entry_point": FUNCTION, "canonical_solution": TEXT, "base_input": LISTS,
    "plus_input": LISTS, "atol": TOLERANCE,
}  # fmt: skip
_REFERENCE = "LeapLabTHU/Absolute-Zero-Reasoner, evaluation/math_eval/eval/data/{}/test.jsonl"


def _maths(
    name: str, rows: int, key: str, fields: Fields, sha256: str, aliases: tuple[str, ...] = (), folder: str = ""
) -> Suite:
    folder = folder or name
    return Suite(
        name,
        rows,
        key,
        (("test.jsonl",), (f"{folder}.jsonl",), (f"{name}.jsonl",)),
        tuple(dict.fromkeys((folder, name))),
        fields,
        {sha256: "paper"},
        aliases,
        _REFERENCE.format(folder),
    )


LIVECODEBENCH = {"v1": 1, "v2": 2, "v3": 3, "v4": 4, "v5": 5, "v6": 6}
"""How many of the files a release takes."""
LIVECODEBENCH_ROWS = (400, 111, 101, 101, 167, 175)

SUITES: Mapping[str, Suite] = {
    suite.name: suite
    for suite in (
        Suite(
            "humaneval+", 164, "task_id", (("HumanEvalPlus*.jsonl",),), ("humanevalplus", "evalplus"), _EVALPLUS,
            {"42526ec0e7d5f3ee0b06d6ced98f8c8bae3d76519151bfb3d36f79010645bd7f": "v0.1.10"},
            ("humanevalplus",), "evalplus/humanevalplus_release, tag v0.1.10",
        ),
        Suite(
            "mbpp+", 378, "task_id", (("MbppPlus*.jsonl",),), ("mbppplus", "evalplus"), _EVALPLUS,
            {"b54e762755248ca411b523c917fa9f93c07b5ff2966bf60b3917b853926a3dad": "v0.2.0"},
            ("mbppplus",), "evalplus/mbppplus_release, tag v0.2.0",
        ),
        Suite(
            "livecodebench", 880, "question_id", (("test.jsonl", "test[2-6].jsonl"),), ("livecodebench",),
            {
                "question_content": TEXT, "question_id": TEXT, "starter_code": ANY_TEXT, "public_test_cases": TEXT,
                "private_test_cases": ANY_TEXT, "metadata": ANY_TEXT, "contest_date": TEXT,
            },
            {}, ("lcb",), "livecodebench/code_generation_lite, test.jsonl … test5.jsonl (v5)",
        ),
        _maths(
            "aime24", 30, "id", {"id": WHOLE, "problem": TEXT, "answer": TEXT},
            "af2b8bd2aa911b6333ad0df32f3ca05c7ae8ed10f1731f4372c8ae26990bf7ac",
        ),
        _maths(
            "aime25", 30, "id", {"id": KEY, "problem": TEXT, "answer": ANSWER},
            "20c1ca392758d96bd1e28af15d9f30df5660257927cacc9eac7301c29f677d1a",
        ),
        _maths(
            "amc23", 40, "id", {"id": WHOLE, "problem": TEXT, "answer": NUMBER},
            "43707e1ca784602d8479de24ee8ce36609dbebc46dd152b0b12a46611aa898a4",
        ),
        _maths(
            "math500", 500, "unique_id", {"unique_id": TEXT, "problem": TEXT, "answer": TEXT},
            "35dc41080a3680858b27fa7e0533d2d547825316fc5dafe5d316f4ccc5a06132",
        ),
        _maths(
            "minerva", 272, "idx", {"idx": WHOLE, "problem": TEXT, "solution": TEXT},
            "0e656b430d3a0a1dab6aa853f453ba3805e28e2cabe4fc72486a897cc09d8ba2", ("minerva_math",), "minerva_math",
        ),
        _maths(
            "olympiadbench", 675, "id", {"id": WHOLE, "question": TEXT, "final_answer": ONE_TEXT, "error": ALLOWANCE},
            "bb8c1e38a16ea9eacb77530315a674d883f267fbff79183effc53681b4fcc416",
        ),
        *(
            Suite(
                name, 800, "id", (("cruxeval.jsonl",), ("test.jsonl",)), ("cruxeval",),
                {"id": TEXT, "code": TEXT, "input": ANY_TEXT, "output": TEXT},
                {"8368b81047dc5014e4caf5a2f97604eff7644e0ecd7415e3ceeb184bbc2e0c96": "v1"},
                (), "facebookresearch/cruxeval, data/cruxeval.jsonl",
            )
            for name in ("cruxeval-i", "cruxeval-o")
        ),
        Suite(
            "lcb-execution", 479, "id", (("test.jsonl",), ("execution*.jsonl",)), ("lcb_execution",),
            {"id": TEXT, "code": TEXT, "function_name": FUNCTION, "input": TEXT, "output": TEXT},
            {}, ("lcb_execution",), "livecodebench/execution-v2, test.jsonl",
        ),
    )
}  # fmt: skip
MATHS = ("aime24", "aime25", "amc23", "math500", "minerva", "olympiadbench")
CODE = ("humaneval+", "mbpp+", "livecodebench")
_NAMES = {alias: suite.name for suite in SUITES.values() for alias in (suite.name, *suite.aliases)}


def named(names: str) -> list[Suite]:
    """The suites of a comma-separated list; ``paper`` is all of them. Raises `ConfigError`."""
    chosen: dict[str, Suite] = {}
    for name in (name.strip() for name in names.split(",")):
        if name == "paper":
            chosen |= SUITES
        elif name in _NAMES:
            chosen[_NAMES[name]] = SUITES[_NAMES[name]]
        else:
            raise ConfigError(f"suite '{name}' does not exist: choose from {', '.join(SUITES)}, or paper for all")
    return list(chosen.values())
