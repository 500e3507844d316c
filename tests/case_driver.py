#!/usr/bin/env python3
"""Answer rows of small cases as the product would: one JSON row a line on standard input, ``{"id", "got"}`` out.

    python3 ../shared/cases/run.py --driver '.venv/bin/python tests/case_driver.py'

A row's ``api`` says what is asked; ``null`` is answered to what only a whole run shows. Nothing here knows a row by its
id, and an exception is an answer, so that one row does not end the others.
"""

import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from abzero.config import build
from abzero.config.schema import SandboxSettings, Tasks
from abzero.errors import AbzeroError, ModelError
from abzero.policy.models.tokenizer import Codec
from abzero.python.analysis import normal_form
from abzero.run.observers.console import Screen
from abzero.run.seeding import seeds_from_file
from abzero.sandbox.base import Sandbox
from abzero.sandbox.run import run_checks
from abzero.tasks import parsing
from abzero.types import Case, Task

TYPES = {task_type.mode: task_type for task_type in build.task_types(Tasks())}
ABZERO = str(Path(sys.executable).with_name("abzero"))
KEPT = "refused, or the rows with their verdicts; the file is never emptied"
NAMED = "one line of error that names config.json"
Given = Mapping[str, Any]


def task_of(given: Given, mode: str) -> Task:
    """The task that a row states; what an induction row shows is what it hides, too."""
    cases = tuple(Case(*case) for case in given["cases"])
    return Task(mode, given.get("program", "def f(x):\n    return x"), cases * (2 if mode == "induction" else 1), "m")


def told(result: object) -> object:
    return f"{type(result).__name__}: {result}" if isinstance(result, ModelError) else result


def grade(mode: str, given: Given, answer: str, box: Sandbox) -> object:
    return told(run_checks([TYPES[mode].grade(task_of(given, mode), answer)], box)[0])


def construct(mode: str, given: Given, field: str | None, box: Sandbox) -> object:
    references = [task_of(given, "deduction")] if "cases" in given else []
    [task] = run_checks([TYPES[mode].construct(given["answer"], references)], box)
    if isinstance(task, ModelError):
        return told(task)
    return getattr(task, field) if field else [[case.input, case.output] for case in task.cases]


def encode(text: str) -> list[str]:
    """The control tokens among the tokens of `text`, for a tokenizer like Qwen's."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(alphabet)}, merges=[]))
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    special = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|eot_id|>", "<|begin_of_text|>", "<s>", "</s>", "<pad>")
    backend.add_special_tokens([AddedToken(name, special=True) for name in special])
    fast = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    config = Qwen2Config(vocab_size=len(fast), num_key_value_heads=1, eos_token_id=fast.eos_token_id, **sizes)
    controls = set(fast.all_special_ids) | set(fast.added_tokens_decoder)
    tokens = Codec(fast, Qwen2ForCausalLM(config)).encode(text)
    return [str(fast.convert_ids_to_tokens(token)) for token in tokens if token in controls]


def first_frame(given: Given) -> str:
    """What the live display says first of a run that goes on."""
    screen = Screen(given["steps"], Console(file=io.StringIO()), lambda: 0.0, given["done"])
    file = io.StringIO()
    Console(file=file, width=200).print(screen._draw())
    return file.getvalue().split("  ")[0].strip()


def seeds(path: Path, box: Sandbox) -> object:
    try:
        _, refused = seeds_from_file(path, list(TYPES.values()), 400, box, lambda task: task)
    except AbzeroError as error:
        return f"{type(error).__name__}: {error}"
    return {"refused": len(refused)}


def command(api: str, given: Given, path: Path) -> object:
    """What a command of `abzero` does with a file: its exit status, its verdicts, or its one line of error."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([ABZERO, *arguments], capture_output=True, text=True)

    if "plan" in api:
        done = run("plan", str(path))
        return done.returncode or 0 if done.returncode == 0 else done.stderr.strip()
    if "--out FILE" in api:
        before = path.read_bytes()
        done = run("validate", str(path), "--out", str(path))
        held = (done.returncode and path.read_bytes() == before) or b'"verdicts"' in path.read_bytes()
        return KEPT if held else f"exit {done.returncode}, the file has {path.stat().st_size} bytes left"
    if "validate" in api:
        out = path.with_name("out")
        done = run("validate", str(path), "--out", str(out))
        return done.stderr.strip() if done.returncode else json.loads(out.read_text().splitlines()[0])["verdicts"]
    if "config.json" in api:
        folder = path.with_name("run")
        folder.mkdir()
        (folder / "config.json").write_text(given["config"], encoding="utf-8")
        done = run("resume", str(folder))
        lines = done.stderr.strip().splitlines()
        clear = done.returncode and len(lines) == 1 and "config.json" in lines[0] and "Traceback" not in lines[0]
        return NAMED if clear else done.stderr.strip()
    return None


def answer(row: Given, box: Sandbox, folder: Path) -> object:
    api, given = str(row["api"]), row["input"]
    path = folder / ("x.toml" if "plan" in api else "x.jsonl")
    if isinstance(given, dict) and "bytes" in given:
        path.write_bytes(given["bytes"].encode())
    mode = api.split()[-1]
    by_api: dict[str, Callable[[], object]] = {
        "grade": lambda: grade(mode, given, given["answer"], box),
        "answer": lambda: grade(mode, given, parsing.answer(given["completion"]), box),
        "construct": lambda: construct(mode, given, row.get("field", given.get("field")), box),
        "encode": lambda: encode(given["text"]),
        "normal_form": lambda: normal_form(given["program"]) == normal_form(given["other"]),
        "seeds": lambda: seeds(path, box),
        "abzero": lambda: command(api, given, path),
        "live": lambda: first_frame(given),
    }
    found = by_api.get(api.split()[0])
    return found() if found else None


def main() -> None:
    rows = [json.loads(line) for line in sys.stdin if line.strip()]
    with build.sandbox(SandboxSettings(workers=1), 0) as box:
        for row in rows:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    got = answer(row, box, Path(folder))
                except (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError) as error:
                    got = f"!! {type(error).__name__}: {error}"
            print(json.dumps({"id": row["id"], "got": got}), flush=True)


if __name__ == "__main__":
    main()
