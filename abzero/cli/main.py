"""The command line: one function a command, whose signature is its usage."""

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from io import TextIOWrapper
from pathlib import Path

import tyro
from rich.console import Console
from rich.text import Text
from tyro.conf import Positional

from abzero import __version__
from abzero.cli import commands, watch
from abzero.cli.commands import named, out, recipe, say
from abzero.config.config import Config
from abzero.config.load import from_json, parse, read_recipe, to_json
from abzero.errors import AbzeroError, BackendError, ConfigError
from abzero.run.directory import RunFolder

_err = Console(stderr=True)


def train(arguments: Sequence[str]) -> int:
    """Train by self-play: abzero train [RECIPE.toml] [--section.key value]."""
    name, flags = named(arguments)
    path = recipe(name)
    config = parse([f"--run=runs/{path.stem}", *read_recipe(path), *flags], "abzero train [RECIPE.toml]")
    if _worked_for_another(config):
        return 0
    folder = RunFolder(config.run)
    folder.create(to_json(config))
    try:
        return _work_on(folder, config)
    except (ConfigError, BackendError):
        folder.discard()
        raise


def resume(run: Positional[Path], steps: int | None = None) -> int:
    """Go on with a run, from its newest whole checkpoint; --steps sets a new last step."""
    folder = RunFolder(run)
    config = from_json(folder.read_config())
    if _worked_for_another(config):
        return 0
    if steps is not None:
        config = replace(config, steps=steps)
        folder.write_config(to_json(config))
    return _work_on(folder, config)


def _worked_for_another(config: Config) -> bool:
    """Whether this process served another one that ``torchrun`` started, to the end."""
    from abzero.config import backends

    return backends.worker_loop(config)


def _work_on(folder: RunFolder, config: Config) -> int:
    from abzero.config import backends, build
    from abzero.observers.alarms import alarm_tracker
    from abzero.observers.console import display
    from abzero.run.checkpoint import Checkpoints
    from abzero.run.journal import JournalWriter
    from abzero.run.train import train as train_on

    with ExitStack() as stack:
        stack.enter_context(folder.locked())
        config = backends.settled(config, config.model.name)
        folder.write_config(to_json(config))
        stack.enter_context(backends.worker_group(config))
        journal = stack.enter_context(closing(JournalWriter(folder.journal)))
        box = stack.enter_context(build.sandbox(config.sandbox, config.seed))
        journal.describe(build.about(to_json(config), box))
        play = build.self_play(config, box)
        trackers = [stack.enter_context(tracker) for tracker in build.trackers(config, folder)]
        where = f"{config.model.name} on {backends.placed(config)}, sandbox {box.isolation}"
        say(f"{folder.path}: {where}, {config.steps} steps")
        screen = stack.enter_context(display(config.steps, out))
        result = train_on(
            play,
            build.first_step(config, play, journal, folder, say),
            journal,
            Checkpoints(folder.checkpoints, config.checkpoint.keep),
            [screen, *trackers],
            alarm_tracker,
            config.steps,
            config.checkpoint.every,
            say,
        )
    if result.reason:
        say(f"stopped after step {result.step} ({result.reason}); go on with: abzero resume {folder.path}")
        return 130 if result.reason == "SIGINT" else 1
    say(f"all {result.step} steps are done; look at them with: abzero show {folder.path}")
    return 0


COMMANDS: dict[str, Callable[..., int]] = {
    "train": train,
    "resume": resume,
    "eval": commands.evaluate,
    "show": commands.show,
    "replay": commands.replay,
    "report": commands.report,
    "watch": watch.watch,
    "bundle": watch.bundle,
    "compare": commands.compare,
    "export": commands.export,
    "validate": commands.validate,
    "plan": commands.plan,
    "nursery": commands.nursery,
    "doctor": commands.doctor,
}

RAW = (train, commands.plan)
"""Commands that read their arguments themselves: a recipe, and any setting."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, 1 for an error, 2 for wrong usage, 130 after Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    name, *rest = [*(sys.argv[1:] if arguments is None else arguments)] or ["--help"]
    if name in ("--version", "-V"):
        say(f"abzero {__version__}")
        return 0
    if name not in COMMANDS:
        known = "\n".join(f"  {word:9} {str(command.__doc__).splitlines()[0]}" for word, command in COMMANDS.items())
        (out if name in ("--help", "-h", "help") else _err).print(
            Text(f"usage: abzero COMMAND …\n\n{known}\n\n`abzero COMMAND --help` says more."), soft_wrap=True
        )
        return 0 if name in ("--help", "-h", "help") else 2
    try:
        command = COMMANDS[name]
        return command(rest) if command in RAW else tyro.cli(command, args=rest, prog=f"abzero {name}")
    except AbzeroError as error:
        _err.print(Text(f"abzero: {error}", style="red"), soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        _err.print(Text("abzero: interrupted; what the last checkpoint holds is safe"), soft_wrap=True)
        return 130
