"""The command line: one function a command, whose signature is its usage."""

import difflib
import os
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper

from abzero import __version__
from abzero.cli import completion, doctor, models, raw, runs, texts, validate, watch
from abzero.cli.output import err, out, say, usage
from abzero.cli.words import EXAMPLES, described
from abzero.config.flags import parsed
from abzero.errors import AbzeroError, ConfigError, UsageError
from abzero.text.sanitize import harmless
from abzero.text.terminal import Sentence

COMMANDS: dict[str, Callable[..., int]] = {
    "train": raw.train,
    "resume": raw.resume,
    "fork": raw.fork,
    "recipes": models.show_recipes,
    "eval": raw.evaluate,
    "runs": runs.runs,
    "show": runs.show,
    "grep": texts.grep,
    "dump": texts.dump,
    "replay": runs.replay,
    "report": runs.report,
    "watch": watch.watch,
    "bundle": watch.bundle,
    "compare": runs.compare,
    "export": models.export_model,
    "validate": validate.validate,
    "plan": raw.plan,
    "nursery": models.build_tiny,
    "doctor": doctor.doctor,
    "oversight": raw.oversight,
    "completion": completion.completion,
}

HELP = ("--help", "-h", "help")
RAW = (raw.train, raw.resume, raw.fork, raw.plan, raw.oversight, raw.evaluate)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, 1 for an error, 2 for wrong usage, 130 after Ctrl-C."""
    _open_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    name, *rest = [*(sys.argv[1:] if arguments is None else arguments)] or ["--help"]
    if name in HELP and rest:
        name, *rest = [*rest, "--help"]
    try:
        return _flushed(_run(name, rest))
    except UsageError as error:
        return _failed(str(error), 2)
    except AbzeroError as error:
        return _failed(str(error), 2 if name == "eval" and isinstance(error, ConfigError) else 1)
    except BrokenPipeError:  # `abzero show RUN | head`: the reader has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # the user's disk, file or name: what raised ours says so by its own errors
        where = f"'{error.filename}': " if error.filename else ""
        return _failed(f"{where}{error.strerror or error}")
    except KeyboardInterrupt:
        err.print(Sentence("abzero: interrupted; what the last checkpoint holds is safe"), soft_wrap=True)
        return 130


def _open_streams() -> None:
    """Put nothing where a standard stream was closed (``>&-``): the next file that is opened would get its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 (it stays open)


def _run(name: str, arguments: Sequence[str]) -> int:
    if name in ("--version", "-V"):
        say(f"abzero {__version__}")
        return 0
    if name in HELP:
        out.print(usage("abzero", "COMMAND", COMMANDS, "abzero help COMMAND"))
        return 0
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, 1)
        remedy = f"did you mean abzero {near[0]}?" if near else "abzero --help lists all commands"
        raise UsageError(f"there is no command '{name}': {remedy}")
    command = COMMANDS[name]
    asked = any(one in ("-h", "--help") for one in arguments)
    try:
        if any("\0" in one for one in arguments):
            raise UsageError(f"{name}: an argument holds a NUL character: leave it out")
        return command(arguments) if command in RAW else parsed(described(command), arguments, f"abzero {name}")
    except SystemExit as end:
        if asked and not end.code:
            form = f"{name} {arguments[0]}"
            say(f"example: {EXAMPLES.get(form, EXAMPLES[name])}")
        raise


def _flushed(status: int) -> int:
    """`status`, once all that was printed has arrived; a full disk is an error here, not at the interpreter's end."""
    sys.stdout.flush()
    return status


def _failed(words: str, status: int = 1) -> int:
    """Print an error, whatever it quotes, and return the exit status."""
    err.print(Sentence(f"abzero: {harmless(words)}", "red"), soft_wrap=True)
    return status
