"""The commands that look at things: runs, models, files, this machine."""

import dataclasses
import json as jsonlib
import random
import warnings
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.console import Console
from rich.text import Text
from tyro.conf import Positional

from abzero.config.config import Config
from abzero.config.load import from_json, parse, parse_as, read_recipe
from abzero.config.schema import SandboxSettings
from abzero.errors import ConfigError
from abzero.run.directory import RunFolder

if TYPE_CHECKING:
    from abzero.evals.results import Measurement
    from abzero.tiny.splits import Split

RECIPES = Path(__file__).parents[1] / "config" / "recipes"
DEFAULT_RECIPE = "tiny-cpu"

out = Console()


def say(words: str) -> None:
    """Print plain words, whatever they hold."""
    out.print(Text(words), soft_wrap=True)


def named(arguments: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The recipe that the arguments begin with, or the one in the box, and the flags after it."""
    if arguments and not arguments[0].startswith("-"):
        return arguments[0], arguments[1:]
    return DEFAULT_RECIPE, arguments


def recipe(name: str) -> Path:
    """The recipe's file: a path, or the name of one in the box."""
    path = Path(name)
    boxed = RECIPES / f"{path.name.removesuffix('.toml')}.toml"
    return boxed if not path.exists() and boxed.exists() else path


def show(run: Positional[Path], step: int | None = None, task: str | None = None) -> int:
    """Show a run, one of its steps, or one task: references, outcome, attempts, and each reward as a derivation."""
    from abzero.run.journal import JournalReader
    from abzero.views import show as view

    folder = RunFolder(run)
    folder.read_config()
    with closing(JournalReader(folder.journal)) as reader:
        if task is not None:
            out.print(view.task_view(reader, task))
        elif step is not None:
            out.print(view.step_view(reader, step))
        else:
            out.print(view.overview(reader))
    return 0


def replay(run: Positional[Path], task: Positional[str | None] = None) -> int:
    """Run the recorded tasks again and score the recorded answers again; exit status 1 if anything differs."""
    from abzero.config import build
    from abzero.run.journal import JournalReader
    from abzero.views import replay as again

    folder = RunFolder(run)
    config = from_json(folder.read_config())
    types = build.task_types(config.tasks)
    with closing(JournalReader(folder.journal)) as reader, build.sandbox(config.sandbox, config.seed) as box:
        if task is not None:
            done = again.replay_task(reader, task, types, box)
        else:
            done = again.together(again.replay_run(reader, types, box, say))
    for difference in done.differences:
        say(f"{difference.task}, {difference.what}: recorded {difference.recorded}, now {difference.now}")
    found = f"{len(done.differences)} differ" if done.differences else "identical"
    say(f"{done.tasks} tasks run again, {done.answers} answers scored again: {found}")
    return 1 if done.differences else 0


def validate(file: Positional[Path], out: Path) -> int:
    """Run the programs of a JSONL file, rows {"program", "inputs"}, and write the rows with their "verdicts"."""
    from abzero.cli.validate import judged
    from abzero.config import build

    tally: Counter[str] = Counter()
    if out.exists() and file.exists() and out.samefile(file):
        raise ConfigError(f"--out '{out}' is the file that is read: give another one, such as --out {file}.verdicts")
    try:
        with ExitStack() as stack:
            rows = stack.enter_context(file.open(encoding="utf-8-sig", errors="surrogateescape"))
            written = stack.enter_context(out.open("w", encoding="utf-8", errors="surrogateescape"))
            box = stack.enter_context(build.sandbox(SandboxSettings(), seed=0))
            written.writelines(judged(rows, str(file), box, tally))
    except OSError as error:
        raise ConfigError(f"'{error.filename or out}': {error.strerror}") from error
    say(", ".join(f"{count} {kind}" for kind, count in sorted(tally.items())))
    return 0


def evaluate(
    model: Positional[str],
    suite: str = "nursery",
    split: Literal["test", "dev", "watch"] = "test",
    seed: int = 0,
    n: int = 300,
    json: Path | None = None,
) -> int:
    """Measure a model, or a run's newest checkpoint, on held-out problems: `n` in each cell, with 95 % intervals.

    The test split is for claims, the dev split for tuning.
    """
    from abzero.evals.results import table

    if split == "watch":
        warnings.warn("the split 'watch' is now called 'dev'", FutureWarning, stacklevel=2)
        split = "dev"

    rows = _rows(*_measured(model), suite, split, seed, n)
    if json is not None:
        json.write_text(jsonlib.dumps([dataclasses.asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    out.print(table(rows))
    return 0


def nursery(action: Positional[Literal["build"]], folder: Positional[Path], seed: int = 0) -> int:
    """Make the model in the box again from nothing, measure it and write its card: about forty minutes of one core."""
    import torch
    from safetensors.torch import load_file

    from abzero.tiny import pretrain
    from abzero.tiny.card import card

    if folder.exists():
        raise ConfigError(f"'{folder}' exists: build into a new folder")
    torch.set_num_threads(1)
    steps = sum(stage.steps for stage in pretrain.STAGES)

    def progress(step: int, loss: float) -> None:
        if step % 50 == 0:
            say(f"step {step} of {steps}, loss {loss:.3f}")

    pretrain.build(folder, seed, report=progress)
    config, _ = _measured(str(folder))
    rows = _rows(config, str(folder), "nursery", "test", seed, 100)
    parameters = sum(value.numel() for value in load_file(folder / "model.safetensors").values())
    (folder / "README.md").write_text(card(seed, pretrain.STAGES, parameters, rows), encoding="utf-8")
    say(f"the model is in {folder}, its card in {folder / 'README.md'}")
    return 0


def _rows(config: Config, name: str, suite: str, split: "Split", seed: int, n: int) -> "list[Measurement]":
    from abzero.config import backends, build
    from abzero.evals import tiny

    types = build.task_types(config.tasks)
    config = backends.settled(config, name)
    with build.sandbox(config.sandbox, config.seed) as box:
        loaded = backends.load(config, name)
        greedy, sampling = (backends.generator(config, *loaded, temperature) for temperature in (0.0, 1.0))
        problems = build.benchmark(suite, types, config.tasks.inputs, seed, n, split)
        return tiny.evaluate(problems, greedy, sampling, box, random.Random(seed))


def report(run: Positional[Path]) -> int:
    """Write RUN/report.html: the whole run as one self-contained page."""
    from abzero.views.report import write_report

    RunFolder(run).read_config()
    path, learned = write_report(run)
    if learned:
        say(f"held-out accuracy: {learned}")
    say(f"the report is in {path}")
    return 0


def compare(runs: Positional[tuple[Path, ...]], page: Path = Path("comparison.html")) -> int:
    """Compare runs: tables with intervals here, the curves in a page."""
    from abzero.views.report import compare as tables

    for run in runs:
        RunFolder(run).read_config()
    out.print(tables(runs, page))
    say(f"the curves are in {page}")
    return 0


def doctor(model: str | None = None) -> int:
    """Say what this machine, and with --model a model, has and lacks for abzero; exit status 1 if it matters."""
    from abzero.cli import doctor as examine
    from abzero.config import backends
    from abzero.policy.local.report import traits

    findings = examine.machine()
    if model is not None:
        found = traits(backends.model_name(model))
        findings += [examine.Finding(f"model: {trait.what}", trait.found, trait.fine) for trait in found]
    out.print(examine.table(findings))
    return 0 if all(finding.fine for finding in findings) else 1


@dataclass(frozen=True)
class Planned(Config):
    """A run, and what to plan it for."""

    processes: int = 1
    """Processes that share the model, each on a card of its own."""
    gib: float = 0.0
    """Memory of each card, in GiB; 0 is what this machine has."""


def plan(arguments: Sequence[str]) -> int:
    """Say what a recipe needs, before anything is loaded: abzero plan [RECIPE.toml] [--gib CARD] [--processes N].

    Memory by what holds it, disk, rollouts; exit status 1 where it is too much, with the nearest settings that fit.
    """
    from abzero.cli import doctor
    from abzero.config import backends
    from abzero.policy.local import plan as planning

    name, flags = named(arguments)
    config = parse_as(Planned, [*read_recipe(recipe(name)), *flags], "abzero plan [RECIPE.toml]")
    if config.processes < 1 or config.gib < 0:
        raise ConfigError("plan: set --processes to 1 or more, and --gib to 0 or more")
    setup = replace(backends.memory_setup(config), processes=config.processes)
    if config.gib:
        setup = replace(setup, on_cpu=False)
    shape = planning.shape(backends.model_name(config.model.name))
    rollouts = config.batch_size * len(config.tasks.modes) * (2 + config.propose.samples)
    rows = [
        ("engine", config.model.engine + (f", {config.processes} processes" if config.processes > 1 else "")),
        ("parameters", f"{shape.parameters:,}"),
        ("rollouts a step, at most", f"{rollouts:,}"),
    ]
    if config.model.engine == "tinker":
        out.print(doctor.table([doctor.Finding(what, found) for what, found in rows]))
        say("the server holds the model: its memory and disk are planned there")
        return 0
    needed = planning.memory(shape, setup)
    available = int(config.gib * planning.GIB) or doctor.memory_bytes(backends.device(config))
    rows += [(f"memory: {part}", doctor.size(count)) for part, count in needed.items() if count]
    rows += [
        ("memory of each card" if config.gib else "memory of this device", doctor.size(available)),
        ("disk: a checkpoint", doctor.size(planning.disk(shape, setup))),
        ("disk: checkpoints, at most", doctor.size(planning.disk(shape, setup) * (config.checkpoint.keep + 1))),
    ]
    out.print(doctor.table([doctor.Finding(what, found) for what, found in rows]))
    if needed["peak"] <= available:
        return 0
    ways = []
    if nearest := planning.nearest(shape, setup, available):
        ways.append(f"with {', '.join(nearest[1])}")
    if config.model.engine == "local" and (count := planning.processes(shape, setup, available)):
        ways.append(
            f"shared by {count} processes, each on such a card (torchrun --nproc-per-node {count} -m -- abzero …)"
        )
    say("it does not fit; it would " + ", or ".join(ways) if ways else "it does not fit, and no settings make it fit")
    return 1


def export(run: Positional[Path], folder: Positional[Path]) -> int:
    """Write a run's newest model as a folder that transformers and vLLM load as it is, adapters merged, with a card."""
    from abzero.policy.models.export import export as write
    from abzero.policy.models.export import model_card

    config, checkpoint = _measured(str(run))
    settings = {"steps": str(config.steps), "seed": str(config.seed), "prompts": config.tasks.prompts}
    write(Path(checkpoint), folder, model_card(folder.name, config.model.name, settings))
    say(f"the model is in {folder}")
    return 0


def _measured(model: str) -> tuple[Config, str]:
    """The settings to measure `model` with, and what to load: a run's newest checkpoint with the run's own settings."""
    from abzero.run.checkpoint import Checkpoints

    folder = RunFolder(Path(model))
    if not folder.config.exists() or not folder.checkpoints.exists():
        return parse([*read_recipe(recipe(DEFAULT_RECIPE)), f"--model.name={model}"], "abzero eval"), model
    newest = Checkpoints(folder.checkpoints).newest()
    if newest is None:
        raise ConfigError(f"run '{model}' has no whole checkpoint yet: train it first")
    config = from_json(folder.read_config())
    if not (newest / "model").exists():
        raise ConfigError(f"run '{model}' keeps its weights on its server ({config.tinker.url}): export them there")
    return config, str(newest / "model")
