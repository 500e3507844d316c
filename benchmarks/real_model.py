"""The arms of docs/real-model.md, and what each model is worth on programs that no step trained on.

    python benchmarks/real_model.py train FILE.gguf --into RUNS [--arms main-1,random-1] [--section.key value …]
    python benchmarks/real_model.py hold FILE.gguf --tasks HELD.jsonl [--n 128]
    python benchmarks/real_model.py eval MODEL_OR_RUN --tasks HELD.jsonl --data DIR --out OUT [--limit 200]
    python benchmarks/real_model.py compare OUT_A OUT_B [OUT_C …]
    python benchmarks/real_model.py copies OUT --data DIR [--limit 200]

`train` trains each arm in turn, and goes on with one that was stopped. `hold` has the untrained model propose, and
keeps what is valid. `eval` samples four answers each at temperature 1: CRUXEval's first rows, asked as training asks
(``abzero eval --samples OUT/SUITE.samples.jsonl`` scores them once more), and the tasks of `hold` that the run's own
steps never offered; and proposals of each mode, at the run's temperature. `compare` pairs two such folders problem by
problem, with 95 % intervals; the mean of several right ones has an interval over runs (Student's t). `copies` counts
the answers to CRUXEval that repeat the value in the question, which is right now and then.
"""

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from abzero.cli.main import main as abzero
from abzero.cli.recipes import measured
from abzero.config import backends, build
from abzero.config.config import Config
from abzero.errors import Malformed
from abzero.evals import data, suites
from abzero.evals.data import SuiteRow
from abzero.evals.paired import bootstrap, sign_flips
from abzero.python import literals
from abzero.run.journal import JournalReader
from abzero.run.seeding import seeds_from_file
from abzero.sandbox.base import Sandbox
from abzero.sandbox.run import run_checks
from abzero.selfplay import SelfPlay
from abzero.tasks.prompts import boxed_seeds
from abzero.types import Attempt, Case, Task
from abzero.views.report.results import student

RECIPE = "smollm2-135m-cpu"
ARMS: dict[str, list[str]] = {
    "main": [],
    "random": ["--reward.random", "True"],
    "frozen": ["--propose.frozen-copy", "True"],
    "repeats": ["--reward.novelty", "1.5", "--reward.unlearnable", "-0.2"],
    "once": ["--reward.repeats-invalid", "True"],
}
CRUXEVAL = {"cruxeval-o": "deduction", "cruxeval-i": "abduction"}
ROOM = 2048
"""Longest prompt that an evaluation asks, in tokens: CRUXEval's programs are longer than the model's own."""


def train(model: str, into: Path, arms: Sequence[str], flags: Sequence[str]) -> int:
    """Train each arm, as NAME-SEED, to its last step; exit status of the first that fails."""
    for arm in arms:
        name, _, seed = arm.rpartition("-")
        run = into / arm
        if (run / "checkpoints").is_dir():
            done = abzero(["resume", str(run)])
        else:
            own = [f"--model.name={model}", f"--run={run}", "--seed", seed, *ARMS[name]]
            done = abzero(["train", RECIPE, *own, *flags])
        if done:
            return done
    return 0


def playing(config: Config, weights: str, batch: int, seed: int, temperature: float, threads: int) -> Config:
    """`config` to evaluate `weights` with."""
    sampling = replace(config.sampling, temperature=temperature, max_prompt_tokens=ROOM)
    model = replace(config.model, name=weights, threads=threads)
    return backends.settled(replace(config, model=model, sampling=sampling, batch_size=batch, seed=seed), weights)


def hold(model: str, file: Path, n: int, threads: int) -> int:
    """Write the valid ones of `n` proposals of each mode, by the untrained model, to `file`."""
    config, weights = measured(model, RECIPE)
    config = playing(config, weights, n, 77, config.sampling.temperature, threads)
    with build.sandbox(config.sandbox, config.seed) as box:
        play = build.self_play(config, box)
        known = {task.id for task in seeded(config, play, box)}
        proposals = play.propose(play.types, random.Random("held out"))
    found = {one.task.id: one.task for one in proposals if one.task and one.task.id not in known}
    file.write_text("".join(json.dumps(asdict(task)) + "\n" for task in found.values()), encoding="utf-8")
    print(f"{file}: {len(found)} tasks of {len(proposals)} proposals")
    return 0


def seeded(config: Config, play: SelfPlay, box: Sandbox) -> list[Task]:
    """The recipe's seeds, in the buffer now, whence proposals take what they show."""
    seeds = boxed_seeds(str(config.seeds)) or Path(str(config.seeds))
    tasks = seeds_from_file(seeds, play.types, config.tasks.max_output, box, play.judge)[0]
    for task in tasks:
        play.buffer.add(task)
    return tasks


def evaluate(name: str, given: argparse.Namespace) -> int:
    """Fill the folder ``given.out``; a part that is there is not asked again."""
    out, samples = given.out, given.samples
    out.mkdir(parents=True, exist_ok=True)
    config, weights = measured(name, RECIPE)
    asking = playing(config, weights, given.n, 0, 1.0, given.threads)
    proposing = playing(config, weights, given.n, 0, config.sampling.temperature, given.threads)
    with build.sandbox(config.sandbox, config.seed) as box:
        play = build.self_play(asking, box)
        for suite, tasks in asked(given.tasks, given.data, given.limit, offered(Path(name))):
            file = out / f"{suite}.jsonl"
            if not file.exists():
                attempts = play.solve([task for _, task in tasks], samples, random.Random(f"{suite} attempts"))
                groups = [attempts[at : at + samples] for at in range(0, len(attempts), samples)]
                rows = {key: scored(group) for (key, _), group in zip(tasks, groups, strict=True)}
                if suite in CRUXEVAL:
                    write_samples(out / f"{suite}.samples.jsonl", rows)
                write(file, rows)
            told(suite, read(file))
        if not (out / "proposals.jsonl").exists():
            play = build.self_play(proposing, box)
            seeded(config, play, box)
            proposals = play.propose(play.types, random.Random("proposals"))
            rows = {
                f"{one.mode}-{at}": {
                    "scores": [float(one.task is not None)],
                    "well_formed": [one.well_formed],
                    "text": one.rollout.text,
                    "reason": one.rejection.reason if one.rejection else "",
                }
                for at, one in enumerate(proposals)
            }
            write(out / "proposals.jsonl", rows)
        told("proposals", read(out / "proposals.jsonl"))
    return 0


def asked(
    held: Path, places: Sequence[str], limit: int, known: frozenset[str]
) -> Iterator[tuple[str, list[tuple[str, Task]]]]:
    """Each suite's name and its problems, by key."""
    for name, mode in CRUXEVAL.items():
        suite = suites.SUITES[name]
        rows = data.read(suite, data.find(suite, data.where(places))).rows[:limit]
        yield name, [(str(row["id"]), task) for row in rows if (task := crux(mode, row))]
    lines = [json.loads(line) for line in held.read_text(encoding="utf-8").splitlines()]
    tasks = [Task(**row | {"cases": tuple(Case(**case) for case in row["cases"])}) for row in lines]
    yield "held", [(f"{task.mode}-{task.id}", task) for task in tasks if task.program not in known]


def crux(mode: str, row: SuiteRow) -> Task | None:
    """A row of CRUXEval as one of ours, if it is one case of literals."""
    try:
        case = Case(literals.canonical_arguments(str(row["input"])), literals.canonical_literal(str(row["output"])))
    except Malformed:
        return None
    return Task(mode, str(row["code"]), (case,))


def offered(run: Path) -> frozenset[str]:
    """The programs of all tasks that a run's steps proposed; none for a model that no run holds."""
    if not (run / "run.db").exists():
        return frozenset()
    with closing(JournalReader(run / "run.db")) as reader:
        return frozenset(one.program for one in reader.summaries() if one.program)


def scored(group: Sequence[Attempt]) -> dict[str, Any]:
    return {
        "scores": [one.score or 0.0 for one in group],
        "malformed": [one.score is None for one in group],
        "well_formed": [one.well_formed for one in group],
        "answers": [one.answer for one in group],
        "tokens": [len(one.rollout.tokens) for one in group],
        "finish": [one.rollout.finish for one in group],
    }


def write(file: Path, rows: dict[str, dict[str, Any]]) -> None:
    """A line for each problem or proposal."""
    file.write_text("".join(json.dumps({"id": key} | row) + "\n" for key, row in rows.items()), encoding="utf-8")


def read(file: Path) -> dict[str, dict[str, Any]]:
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return {row["id"]: row for row in rows}


def write_samples(file: Path, rows: dict[str, dict[str, Any]]) -> None:
    """As ``abzero eval --samples`` reads them."""
    lines = [
        json.dumps({"id": key, "sample": at, "answer": row["answers"][at], "tokens": row["tokens"][at]})
        for key, row in rows.items()
        for at in range(len(row["answers"]))
    ]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def told(suite: str, rows: dict[str, dict[str, Any]]) -> None:
    """One line for all rows and, where keys begin with a mode, one for each mode."""
    modes = sorted({key.partition("-")[0] for key in rows}) if suite in ("held", "proposals") else []
    for mode in modes or [""]:
        means = [fmean(row["scores"]) for key, row in rows.items() if key.startswith(mode)]
        low, high = bootstrap(means)
        shape = fmean(fmean(row["well_formed"]) for key, row in rows.items() if key.startswith(mode))
        label = f"{suite} {mode}".strip()
        print(
            f"{label:<22} n {len(means):>4}  {fmean(means):>6.1%}  {low:.1%}-{high:.1%}  in form {shape:.0%}",
            flush=True,
        )


def compare(left: Path, rights: Sequence[Path]) -> int:
    """The difference on each suite, right less left, over the problems that both were asked; then over runs."""
    for file in sorted(one for one in left.glob("*.jsonl") if ".samples." not in one.name):
        before, means = read(file), []
        for right in rights:
            after = read(right / file.name)
            both = sorted(before.keys() & after.keys())
            differences = [fmean(after[key]["scores"]) - fmean(before[key]["scores"]) for key in both]
            low, high = bootstrap(differences)
            means.append(fmean(differences))
            print(
                f"{file.stem:<12} {right.name:<10} n {len(both):>4}  {means[-1]:+.1%}  {low:+.1%} to {high:+.1%}  "
                f"p {sign_flips(differences):.3f}"
            )
        if len(rights) > 1:
            middle, width = fmean(means), student(means)
            span = f"{middle - width:+.1%} to {middle + width:+.1%}"
            print(f"{file.stem:<12} {f'{len(means)} runs':<17}  {middle:+.1%}  {span}")
    return 0


def copies(out: Path, places: Sequence[str], limit: int) -> int:
    """What the answers in `out` owe to copying the value that the question holds."""
    config = Config()
    by_mode = {one.mode: one for one in build.task_types(config.tasks)}
    with build.sandbox(config.sandbox, config.seed) as box:
        for suite, mode in CRUXEVAL.items():
            table = suites.SUITES[suite]
            rows = data.read(table, data.find(table, data.where(places))).rows[:limit]
            tasks = {str(row["id"]): task for row in rows if (task := crux(mode, row))}
            shown = {
                key: task.cases[0].output if mode == "abduction" else task.cases[0].input for key, task in tasks.items()
            }
            always = run_checks([by_mode[mode].grade(task, shown[key]) for key, task in tasks.items()], box)
            answers = [
                (score, value(answer) == value(shown[key]))
                for key, row in read(out / f"{suite}.jsonl").items()
                for answer, score in zip(row["answers"], row["scores"], strict=True)
            ]
            right = [score == 1.0 for score in always]
            copied, own = fmean(s * copy for s, copy in answers), fmean(s * (not copy) for s, copy in answers)
            print(
                f"{suite:<12} copies {fmean(copy for _, copy in answers):.1%}; right by copying {copied:.1%}, "
                f"otherwise {own:.1%}; always to copy is right on {fmean(right):.1%}"
            )
    return 0


def value(text: str) -> str | None:
    """`text` in the normal form of a literal, or of arguments; ``None`` if it is neither."""
    for read_as in (literals.canonical_literal, literals.canonical_arguments):
        try:
            return read_as(text)
        except Malformed:
            continue
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train")
    training.add_argument("model")
    training.add_argument("--into", type=Path, required=True)
    training.add_argument("--arms", default="main-1,random-1,frozen-1,main-2,main-3")
    holding = commands.add_parser("hold")
    holding.add_argument("model")
    holding.add_argument("--tasks", type=Path, required=True)
    holding.add_argument("--n", type=int, default=128)
    holding.add_argument("--threads", type=int, default=2)
    asking = commands.add_parser("eval")
    asking.add_argument("model")
    asking.add_argument("--tasks", type=Path, required=True)
    asking.add_argument("--data", action="append", required=True)
    asking.add_argument("--out", type=Path, required=True)
    asking.add_argument("--limit", type=int, default=200)
    asking.add_argument("--samples", type=int, default=4)
    asking.add_argument("--n", type=int, default=64, help="proposals of each mode")
    asking.add_argument("--threads", type=int, default=2)
    comparing = commands.add_parser("compare")
    comparing.add_argument("left", type=Path)
    comparing.add_argument("right", type=Path, nargs="+")
    copying = commands.add_parser("copies")
    copying.add_argument("out", type=Path)
    copying.add_argument("--data", action="append", required=True)
    copying.add_argument("--limit", type=int, default=200)
    given, flags = parser.parse_known_args()
    if given.command == "train":
        return train(given.model, given.into, given.arms.split(","), flags)
    if flags:
        parser.error(f"unknown: {' '.join(flags)}")
    if given.command == "compare":
        for folder in (given.left, *given.right):
            if not folder.is_dir():
                parser.error(f"{folder}: no such folder; eval writes one")
        return compare(given.left, given.right)
    if given.command == "copies":
        return copies(given.out, given.data, given.limit)
    torch.set_grad_enabled(False)
    if given.command == "hold":
        return hold(given.model, given.tasks, given.n, given.threads)
    return evaluate(given.model, given)


if __name__ == "__main__":
    raise SystemExit(main())
