"""What the arguments of commands mean, and an example of each command. One name means the same wherever it stands."""

import inspect
import shutil
import sys
import textwrap
from collections.abc import Callable, Mapping
from typing import Annotated, Literal, get_args, get_origin, get_type_hints

from tyro.conf import Positional, arg

from abzero.cli.output import WIDE

ARGUMENTS: Mapping[str, str] = {
    "run": "Folder of a run, such as runs/tiny.",
    "runs": "Folders of runs: arms of an experiment, or seeds of one.",
    "path": "Folder of a run, or of runs.",
    "folder": "Folder to write, which must not exist yet.",
    "file": "File to read: JSONL, a row a line.",
    "files": "Files of labelled thoughts, JSONL; 'default' is the one in the box.",
    "out": "File to write; what was there is replaced when all is done.",
    "page": "HTML file to write the curves to.",
    "model": "Folder of a model or of a run, 'tiny' for the one in the box, or a Hugging Face name with a slash in it.",
    "suite": "Held-out problems: nursery, or benchmarks by their names in docs/evals.md; eval takes commas between.",
    "problem": "One problem of the suite, by its id: HumanEval/7.",
    "split": "Which half of the nursery: test is for claims, dev for tuning.",
    "shell": "Shell that the script is for.",
    "seed": "Seed of all chance.",
    "n": "Problems in each cell.",
    "json": "Write the figures as JSON: a switch prints them, a path is the file.",
    "recipe": "Recipe whose settings to use, by path or name: abzero recipes lists those in the box.",
    "lcb": "LiveCodeBench's release, v1 to v6.",
    "right": "Only attempts that were right.",
    "steps": "The new last step; by default the run's own.",
    "step": "Number of one step, 0 is the seeding; for grep and dump a range such as 10..20, too.",
    "task": "First digits of one task's id.",
    "proposal": "One proposal in full, as STEP/POSITION.",
    "attempt": "One attempt in full, as STEP/POSITION.",
    "pattern": "Regular expression, as the library regex reads it.",
    "role": "propose or solve; both by default.",
    "mode": "Only this task type; may be given several times.",
    "wrong": "Only attempts that were wrong, wholly or partly.",
    "malformed": "Only attempts without a readable answer.",
    "valid": "Only proposals that became tasks.",
    "rejected": "Only proposals that did not.",
    "faults": "Only rollouts that abzero itself failed to judge.",
    "category": "Only rollouts in which monitors found such a thing; may be given several times.",
    "thoughts": "Search thoughts.",
    "answers": "Search what follows the thought.",
    "programs": "Search the programs and messages of proposals.",
    "reasons": "Search why proposals were rejected.",
    "prompts": "Search prompts, which repeat the programs that they show.",
    "ignore_case": "Take small letters for capitals.",
    "most": "Hits to end after; 0 is all.",
    "count": "Print the totals alone.",
    "action": "What to do.",
    "name": "Name of a recipe, to print it; none lists them.",
    "port": "Port to listen on; 0 is any that is free.",
    "host": "Address to listen on; any but this machine's own needs --token auto.",
    "token": "Secret in the page's address: auto makes one up.",
    "browser": "Open a browser.",
    "megabytes": "Size that the file may have.",
    "pack": "A pack of rules: default, or a TOML file.",
    "tiers_": "Tiers of monitors with commas between: 0 structure, 1 rules, 2 classifier, 3 judge.",
    "rules_": "The pack of rules of tier 1: default, or a TOML file.",
    "judge_": "Address of the judge of tier 3, which speaks the OpenAI API.",
    "classifier": "The head of tier 2: ngram, or a file that abzero oversight fit wrote.",
    "judge_model": "The judge's model, by the name that its server knows.",
    "judge_key": "Name of the environment variable that holds the judge's key.",
    "audit": "Share of unflagged completions that a judge, or number that a person, reads besides.",
    "budget": "Completions that a judge reads at most.",
    "finding": "Number of one finding that waits.",
    "decision": "false-alarm, accept (the run goes on) or stop (it ends).",
    "by": "Who decides.",
    "reason": "Why: it is part of the record.",
    "all": "Decide about every finding that waits.",
    "share": "Share of unflagged completions that may be audited.",
    "features": "ngram, e5 (abzero[oversight]) or probe:FOLDER:LAYER.",
}

EXAMPLES: Mapping[str, str] = {
    "train": "abzero train tiny-cpu --steps 20 --run runs/first",
    "resume": "abzero resume runs/first --steps 40",
    "eval": "abzero eval runs/first --suite humaneval+,math500 --data DIR --limit 50",
    "eval --samples": "abzero eval --samples samples.jsonl --suite mbpp+ --data DIR",
    "eval data": "abzero eval data --data DIR --data mbpp+=MbppPlus.jsonl",
    "eval compare": "abzero eval compare evals-before/paper evals-after/paper",
    "eval export": "abzero eval export runs/first --to inspect",
    "recipes": "abzero recipes qwen2.5-7b-coder",
    "runs": "abzero runs runs",
    "show": "abzero show runs/first --step 3",
    "grep": "abzero grep runs/first 'sorted\\(' --role solve",
    "dump": "abzero dump runs/first --out first.jsonl.gz",
    "replay": "abzero replay runs/first",
    "report": "abzero report runs/first",
    "watch": "abzero watch runs",
    "bundle": "abzero bundle runs/first --out first.html",
    "compare": "abzero compare runs/first runs/second",
    "export": "abzero export runs/first models/first",
    "validate": "abzero validate programs.jsonl --out verdicts.jsonl",
    "plan": "abzero plan qwen2.5-7b-coder --gib 80 --processes 8",
    "nursery": "abzero nursery build models/mine",
    "doctor": "abzero doctor --model runs/first",
    "completion": "abzero completion bash > ~/.local/share/bash-completion/completions/abzero",
    "oversight": "abzero oversight scan runs/first --tiers 0,1",
    "fork": "abzero fork runs/first --run runs/second --optimizer.lr 2e-6",
}


def described(command: Callable[..., int]) -> Callable[..., int]:
    """`command` for the parser: each argument that says nothing of itself with what `ARGUMENTS` says of its name."""
    hints = get_type_hints(command, include_extras=True)
    signature = inspect.signature(command)

    def known(parameter: inspect.Parameter) -> inspect.Parameter:
        hint = hints[parameter.name]
        if parameter.name not in ARGUMENTS:
            return parameter
        kind, *notes = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        named = next((note.name for note in notes if _names(note)), None)
        called = None
        if Positional in notes and get_origin(kind) is not Literal:
            called = parameter.name.upper() + (" …" if get_origin(kind) is tuple else "")
            called = called if parameter.default is parameter.empty else f"[{called}]"
        about = arg(name=named, help=ARGUMENTS[parameter.name], metavar=called)
        return parameter.replace(annotation=Annotated[hint, about])

    def run(*arguments: object, **options: object) -> int:
        return command(*arguments, **options)

    parameters = [known(parameter) for parameter in signature.parameters.values()]
    run.__name__, run.__doc__ = command.__name__, _wrapped(str(command.__doc__))
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters} | {"return": int}
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return run


def _wrapped(words: str) -> str:
    """A docstring whose paragraphs fit the terminal; the parser joins lines, but for those that are indented."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDE
    paragraphs = (" ".join(one.split()) for one in words.split("\n\n"))
    return "\n\n".join(textwrap.fill(one, width, subsequent_indent="  ") for one in paragraphs)


def _names(note: object) -> bool:
    return isinstance(getattr(note, "name", None), str)
