"""The command line: one function a command, whose signature is its usage."""

import dataclasses
import json as jsonlib
import random
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import tyro
from rich.console import Console
from rich.text import Text
from tyro.conf import Positional

from abzero import __version__
from abzero.config import Config, SandboxSettings, from_json, parse, read_recipe, to_json
from abzero.errors import AbzeroError, ConfigError
from abzero.folder import RunFolder

RECIPES = Path(__file__).parent / "recipes"
DEFAULT_RECIPE = "tiny-cpu"

_out = Console()
_err = Console(stderr=True)


def train(arguments: Sequence[str]) -> int:
    """Train by self-play: abzero train [RECIPE.toml] [--section.key value]."""
    recipe = DEFAULT_RECIPE
    if arguments and not arguments[0].startswith("-"):
        recipe, *arguments = arguments
    path = _recipe(recipe)
    flags = [f"--run=runs/{path.stem}", *read_recipe(path), *arguments]
    config = parse(flags, "abzero train [RECIPE.toml]")
    folder = RunFolder(config.run)
    folder.create(to_json(config))
    return _work_on(folder, config)


def resume(run: Positional[Path]) -> int:
    """Go on with a run, from its newest whole checkpoint."""
    folder = RunFolder(run)
    return _work_on(folder, from_json(folder.read_config()))


def show(run: Positional[Path], step: int | None = None, task: str | None = None) -> int:
    """Show a run, one of its steps, or one task: references, verdict, attempts, and each reward as a derivation."""
    from abzero import show as view
    from abzero.journal import Archive

    folder = RunFolder(run)
    folder.read_config()
    with closing(Archive(folder.journal)) as archive:
        if task is not None:
            _out.print(view.task_view(archive, task))
        elif step is not None:
            _out.print(view.step_view(archive, step))
        else:
            _out.print(view.overview(archive))
    return 0


def replay(run: Positional[Path], task: Positional[str | None] = None) -> int:
    """Run the recorded tasks again and score the recorded answers again; exit status 1 if anything differs."""
    from abzero import build
    from abzero import replay as again
    from abzero.journal import Archive

    folder = RunFolder(run)
    config = from_json(folder.read_config())
    types = build.task_types(config.tasks)
    with closing(Archive(folder.journal)) as archive, build.sandbox(config.sandbox, config.seed) as box:
        if task is not None:
            done = again.replay_task(archive, task, types, box)
        else:
            done = again.together(again.replay_run(archive, types, box, _say))
    for difference in done.differences:
        _say(f"{difference.task}, {difference.what}: recorded {difference.recorded}, now {difference.now}")
    verdict = f"{len(done.differences)} differ" if done.differences else "identical"
    _say(f"{done.tasks} tasks run again, {done.answers} answers scored again: {verdict}")
    return 1 if done.differences else 0


def validate(file: Positional[Path], out: Path) -> int:
    """Run the programs of a JSONL file, rows {"program", "inputs"}, and write the rows with their "verdicts"."""
    from abzero import build, verdicts

    with build.sandbox(SandboxSettings(), seed=0) as box:
        counts = verdicts.validate(file, out, box)
    _say(", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())))
    return 0


def evaluate(
    model: Positional[str],
    suite: str = "nursery",
    seed: int = 0,
    n: int = 300,
    json: Path | None = None,
) -> int:
    """Measure a model, or a run's newest checkpoint, on held-out problems: `n` in each cell, with 95 % intervals."""
    from abzero import build
    from abzero.evals import base
    from abzero.evals.table import table

    config, name = _measured(model)
    types = build.task_types(config.tasks)
    with build.sandbox(config.sandbox, config.seed) as box:
        loaded = build.load(config, name)
        greedy, sampling = (build.generator(config, *loaded, temperature) for temperature in (0.0, 1.0))
        problems = build.benchmark(suite, types, config.tasks.inputs, seed, n)
        rows = base.evaluate(problems, greedy, sampling, box, random.Random(seed))
    if json is not None:
        json.write_text(jsonlib.dumps([dataclasses.asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    _out.print(table(rows))
    return 0


def doctor(model: str | None = None) -> int:
    """Say what this machine has and lacks for abzero, and with --model what a model has and lacks."""
    from abzero import doctor as examine

    findings = [*examine.machine(), *(examine.model(model) if model else [])]
    _out.print(examine.table(findings))
    return 0 if all(finding.fine for finding in findings) else 1


def _work_on(folder: RunFolder, config: Config) -> int:
    from abzero import build
    from abzero.checkpoint import Checkpoints
    from abzero.journal import Journal
    from abzero.observe.alarms import watch
    from abzero.observe.console import display
    from abzero.train import train as train_on

    with ExitStack() as stack:
        stack.enter_context(folder.locked())
        journal = stack.enter_context(closing(Journal(folder.journal)))
        box = stack.enter_context(build.sandbox(config.sandbox, config.seed))
        journal.describe(build.about(to_json(config), box))
        play = build.self_play(config, box)
        trackers = [stack.enter_context(tracker) for tracker in build.trackers(config, folder)]
        where = f"{config.model.name} on {build.device(config)}, sandbox {box.isolation}"
        _say(f"{folder.path}: {where}, {config.steps} steps")
        screen = stack.enter_context(display(config.steps, _out))
        outcome = train_on(
            play,
            build.first_step(config, play, journal, folder, _say),
            journal,
            Checkpoints(folder.checkpoints, config.checkpoint.keep),
            [screen, *trackers],
            watch,
            config.steps,
            config.checkpoint.every,
            _say,
        )
    if outcome.reason:
        _say(f"stopped after step {outcome.step} ({outcome.reason}); go on with: abzero resume {folder.path}")
        return 130 if outcome.reason == "SIGINT" else 1
    _say(f"all {outcome.step} steps are done; look at them with: abzero show {folder.path}")
    return 0


def _recipe(name: str) -> Path:
    path = Path(name)
    boxed = RECIPES / f"{path.stem}.toml"
    return boxed if not path.exists() and boxed.exists() else path


def _measured(model: str) -> tuple[Config, str]:
    """The settings to measure `model` with, and what to load: a run's newest checkpoint with the run's own settings."""
    from abzero.checkpoint import Checkpoints

    folder = RunFolder(Path(model))
    if not folder.config.exists() or not folder.checkpoints.exists():
        return parse([*read_recipe(_recipe(DEFAULT_RECIPE)), f"--model.name={model}"], "abzero eval"), model
    newest = Checkpoints(folder.checkpoints).newest()
    if newest is None:
        raise ConfigError(f"run '{model}' has no whole checkpoint yet: train it first")
    return from_json(folder.read_config()), str(newest / "model")


def _say(words: str) -> None:
    _out.print(Text(words), soft_wrap=True)


COMMANDS: dict[str, Callable[..., int]] = {
    "train": train,
    "resume": resume,
    "eval": evaluate,
    "show": show,
    "replay": replay,
    "validate": validate,
    "doctor": doctor,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, 1 for an error, 2 for wrong usage, 130 after Ctrl-C."""
    name, *rest = [*(sys.argv[1:] if arguments is None else arguments)] or ["--help"]
    if name in ("--version", "-V"):
        _say(f"abzero {__version__}")
        return 0
    if name not in COMMANDS:
        known = "\n".join(f"  {word:9} {str(command.__doc__).splitlines()[0]}" for word, command in COMMANDS.items())
        (_out if name in ("--help", "-h", "help") else _err).print(
            Text(f"usage: abzero COMMAND …\n\n{known}\n\n`abzero COMMAND --help` says more."), soft_wrap=True
        )
        return 0 if name in ("--help", "-h", "help") else 2
    try:
        command = COMMANDS[name]
        return train(rest) if command is train else tyro.cli(command, args=rest, prog=f"abzero {name}")
    except AbzeroError as error:
        _err.print(Text(f"abzero: {error}", style="red"), soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        _err.print(Text("abzero: interrupted; what the last checkpoint holds is safe"), soft_wrap=True)
        return 130
