"""The command line: one function a command, whose signature is its usage."""

import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper

import tyro
from rich.text import Text

from abzero import __version__
from abzero.cli import benchmarks, doctor, fork, models, plan, runs, train, validate, watch
from abzero.cli.output import err, out, say
from abzero.cli.oversight import oversight
from abzero.errors import AbzeroError

COMMANDS: dict[str, Callable[..., int]] = {
    "train": train.start,
    "resume": train.resume,
    "fork": fork.fork,
    "eval": benchmarks.evaluate,
    "show": runs.show,
    "replay": runs.replay,
    "report": runs.report,
    "watch": watch.watch,
    "bundle": watch.bundle,
    "compare": runs.compare,
    "export": models.export_model,
    "validate": validate.validate,
    "plan": plan.needs,
    "nursery": models.build_tiny,
    "doctor": doctor.doctor,
    "oversight": oversight,
}

RAW = (train.start, train.resume, fork.fork, plan.needs, oversight, benchmarks.evaluate)
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
        (out if name in ("--help", "-h", "help") else err).print(
            Text(f"usage: abzero COMMAND …\n\n{known}\n\n`abzero COMMAND --help` says more."), soft_wrap=True
        )
        return 0 if name in ("--help", "-h", "help") else 2
    try:
        command = COMMANDS[name]
        return command(rest) if command in RAW else tyro.cli(command, args=rest, prog=f"abzero {name}")
    except AbzeroError as error:
        err.print(Text(f"abzero: {error}", style="red"), soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        err.print(Text("abzero: interrupted; what the last checkpoint holds is safe"), soft_wrap=True)
        return 130
