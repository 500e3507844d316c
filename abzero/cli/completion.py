"""``abzero completion``: a script by which a shell completes commands and flags, made of what the parser knows."""

import contextlib
import io
from collections.abc import Callable, Mapping
from typing import Annotated, Literal, Union

from tyro.conf import Positional, arg, subcommand
from tyro.extras import subcommand_cli_from_dict

from abzero.cli.evaluate import evaluate
from abzero.cli.fork import Forking
from abzero.cli.oversight import ACTIONS
from abzero.cli.plan import Planned
from abzero.cli.train import Resuming, Training
from abzero.cli.words import described

_Action = Union[  # type: ignore[valid-type]  # noqa: UP007
    tuple(Annotated[object, subcommand(name, constructor=described(action))] for name, action in ACTIONS.items())
]


def _oversight(action: Annotated[_Action, arg(name="")]) -> None:  # type: ignore[valid-type]
    """Take one of the actions of ``abzero oversight``."""


SETTINGS: Mapping[str, Callable[..., object]] = {
    "train": Training,
    "resume": Resuming,
    "fork": Forking,
    "plan": Planned,
    "eval": described(evaluate),
    "oversight": _oversight,
}
"""What each command takes that reads its arguments itself."""


def completion(shell: Positional[Literal["bash", "zsh"]]) -> int:
    """Print a script that completes commands and flags in a shell: source <(abzero completion bash)."""
    from abzero.cli.main import COMMANDS, RAW  # only now: this is one of them

    known = {name: described(command) for name, command in COMMANDS.items() if command not in RAW}
    written = io.StringIO()
    with contextlib.redirect_stdout(written), contextlib.suppress(SystemExit):
        subcommand_cli_from_dict({**known, **SETTINGS}, prog="abzero", args=["--tyro-print-completion", shell])
    # Files where nothing else fits: runs, recipes and models are folders and files.
    print(written.getvalue().replace("\ncomplete -F ", "\ncomplete -o default -F "), end="")
    return 0
