"""Arguments become settings, or a command's call, in one parse; what is wrong with them becomes one line."""

import contextlib
import difflib
import functools
import io
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Annotated, TypeVar, get_args, get_origin, get_type_hints

import tyro
from tyro import _errors as refusals  # not public yet: pyproject.toml bounds the version, test_manners what it says

from abzero.errors import UsageError
from abzero.text.sanitize import harmless

if TYPE_CHECKING:
    from tyro._arguments import ArgumentDefinition

T = TypeVar("T")
WANTED = {"INT": "give a whole number", "FLOAT": "give a number"}
"""What to say of a value of a kind; of others the parser's own words."""


def parsed(kind: Callable[..., T], arguments: Sequence[str], prog: str, default: T | None = None) -> T:
    """What `kind` makes of the arguments of `prog`, on top of a `default`. Raises `UsageError`; exits for --help."""
    command = prog.partition(" [")[0]
    name = command.removeprefix("abzero ")
    if wrong := _unknown(kind, arguments):
        raise UsageError(f"{name} {wrong}abzero help {name} lists all")
    asked = {"-h", "--help"} & set(itertools.takewhile(lambda one: one != "--", arguments))
    plain = _plain() if asked and not sys.stdout.isatty() else contextlib.nullcontext()
    with plain, refusals.on_parse_error(functools.partial(_refuse, name, arguments)):
        take: Callable[..., T] = tyro.cli
        about = None if isinstance(kind, type) else kind.__doc__  # whole: the parser would take it apart
        start = tyro.MISSING_NONPROP if default is None else default
        return take(kind, args=arguments, prog=prog, description=about, default=start)


@contextlib.contextmanager
def _plain() -> Iterator[None]:
    """Print help without the parser's boxes, which fill every line up to their border: a pipe has no use for them."""
    written, options = io.StringIO(), tyro._experimental_options
    boxes = options["utf8_boxes"]
    options["utf8_boxes"] = False
    try:
        with contextlib.redirect_stdout(written):
            yield
    finally:
        options["utf8_boxes"] = boxes
        print("\n".join(line.rstrip() for line in written.getvalue().splitlines()))


def nearest(name: str, known: Iterable[str]) -> str:
    """The name that `name` may have been meant for, whole or without its section, such as ``lr``; '' if none is."""
    whole = {one.lstrip("-"): one for one in known}
    short = {one.rpartition(".")[2]: one for one in reversed(whole)} | {one: one for one in whole}
    near = difflib.get_close_matches(name.lstrip("-"), short, 1)
    return whole[short[near[0]]] if near else ""


def given(flags: Sequence[str], arguments: Sequence[str]) -> str | None:
    """The value that a flag, by any of its names, has among `arguments`: the last, if there are several."""
    found = None
    for one, after in zip(arguments, [*arguments[1:], ""], strict=False):
        name, equals, value = one.partition("=")
        if name.replace("_", "-") in flags:
            found = value if equals else after
    return found


def flags_of(kind: Callable[..., object], section: str = "") -> Iterator[str]:
    """The flags of a command's function or of a tree of settings; a switch may be turned off by ``--no-…``, too."""
    for name, hint in get_type_hints(kind, include_extras=True).items():
        tree = get_args(hint)[0] if get_origin(hint) is Annotated else hint
        if isinstance(tree, type) and is_dataclass(tree):
            yield from flags_of(tree, f"{section}{name.replace('_', '-')}.")
        elif name != "return":
            named = [note.name for note in get_args(hint)[1:] if getattr(note, "name", None)] or [name]
            yield from (f"--{section}{off}{one.replace('_', '-')}" for one in named for off in ("", "no-"))


def _unknown(kind: Callable[..., object], arguments: Sequence[str]) -> str:
    """What to say of the first flag that is none of `kind`'s; '' if all are."""
    known = ["--help", *flags_of(kind)]
    for one in itertools.takewhile(lambda one: one != "--", arguments):
        flag = one.partition("=")[0].replace("_", "-")
        if one.startswith("--") and flag not in known:
            meant = nearest(flag, known)
            return f"has no flag {flag}: {f'did you mean {meant}? ' if meant else ''}"
    return ""


def _refuse(name: str, arguments: Sequence[str], event: refusals.ParseErrorEvent) -> None:
    """Raise `UsageError` in place of the parser's own box, which is left for what no command of ours can meet."""
    match event:
        case refusals.MissingArgs(missing_arguments=[first, *_]):
            wrong = f" needs {_called(first.arg)}: {_help(first.arg)}"
        case refusals.BadValue(argument=argument) if argument.is_positional():
            wrong = f" needs {_called(argument)}: {_help(argument)}"
        case refusals.BadValue(argument=argument):
            wrong = f": {_called(argument)} needs a value: {_help(argument)}"
        case refusals.InvalidChoice(argument=argument, value=value, choices=choices):
            known = ", ".join(sorted({*choices} - {"None"}))
            wrong = f": {_called(argument)} cannot be '{value}': choose from {known}"
        case refusals.InstantiationFailure(argument=argument, message=message) if argument is not None:
            kind = str(argument.lowered.metavar).removeprefix("{None}|")
            told = WANTED.get(kind, message)
            wrong = f": {_called(argument)} cannot be '{given(argument.lowered.name_or_flags, arguments)}': {told}"
        case refusals.UnrecognizedArgs(tokens=[first, *_]):
            wrong = f" takes no '{first}'"
        case _:
            return
    raise UsageError(f"{name}{harmless(wrong)}; abzero help {name} says more")


def _called(argument: "ArgumentDefinition") -> str:
    """A flag as it is given, a word by its name in capitals."""
    return argument.display_name().upper() if argument.is_positional() else argument.lowered.name_or_flags[-1]


def _help(argument: "ArgumentDefinition") -> str:
    words = argument.field.helptext
    text = str(words() if callable(words) else words).strip().removesuffix(".")
    return text[:1].lower() + text[1:] if text[1:2].islower() else text
