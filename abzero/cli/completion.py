"""``abzero completion``: a script by which a shell completes commands and flags, made of what the parser knows."""

import contextlib
import io
from collections.abc import Callable, Mapping
from typing import Annotated, Literal, Union

from tyro.conf import Positional, arg, subcommand
from tyro.extras import subcommand_cli_from_dict

from abzero.cli.words import described

BEHIND: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("train", "plan", "recipes"), ("RECIPES",)),
    "completion": ("bash", "zsh"),
    "eval": ("compare", "data", "export", "tiny"),
    "nursery": ("build",),
}
"""Words that may stand behind a command, besides files."""

WORDS = {
    "bash": """
_abzero() {
    _tyro_abzero
    [ -n "${COMPREPLY[*]}" ] || COMPREPLY=()
    [ "$COMP_CWORD" = 2 ] || return 0
    case "${COMP_WORDS[1]}" in
CASES
    esac
}
complete -o default -F _abzero abzero
""",
    "zsh": """
_abzero() {
    if (( CURRENT == 3 )); then
        case "$words[2]" in
CASES
        esac
    fi
    [[ CURRENT -gt 2 && "$words[CURRENT]" != -* ]] && _files
    _tyro_abzero "$@"
}

# A file of this name in $fpath is the function itself; source <(…) defines it.
if [ "$funcstack[1]" = _abzero ]; then
    _abzero "$@"
else
    compdef _abzero abzero
fi
""",
}
"""What tells a shell these words; the parser's own script knows flags and actions alone."""

ADD = {"bash": 'COMPREPLY+=($(compgen -W "{}" -- "${{COMP_WORDS[2]}}"))', "zsh": "compadd -- {}"}


def settings() -> Mapping[str, Callable[..., object]]:
    """What each command takes that reads its arguments itself."""
    from abzero.cli.evaluate import evaluate
    from abzero.cli.fork import Forking
    from abzero.cli.oversight import ACTIONS
    from abzero.cli.plan import Planned
    from abzero.cli.train import Resuming, Training

    action = Union[  # type: ignore[valid-type]  # noqa: UP007
        tuple(Annotated[object, subcommand(name, constructor=described(action))] for name, action in ACTIONS.items())
    ]

    def oversight(action: Annotated[action, arg(name="")]) -> None:  # type: ignore[valid-type]
        """Take one of the actions of ``abzero oversight``."""

    return {
        "train": Training,
        "resume": Resuming,
        "fork": Forking,
        "plan": Planned,
        "eval": described(evaluate),
        "oversight": oversight,
    }


def completion(shell: Positional[Literal["bash", "zsh"]]) -> int:
    """Print a script that completes commands and flags in a shell: source <(abzero completion bash)."""
    from abzero.cli.main import COMMANDS, RAW  # only now: this is one of them
    from abzero.config.recipe import in_the_box

    known = {name: described(command) for name, command in COMMANDS.items() if command not in RAW}
    written = io.StringIO()
    with contextlib.redirect_stdout(written), contextlib.suppress(SystemExit):
        subcommand_cli_from_dict({**known, **settings()}, prog="abzero", args=["--tyro-print-completion", shell])
    script, recipes = written.getvalue(), " ".join(in_the_box())
    words = {name: " ".join(given).replace("RECIPES", recipes) for name, given in BEHIND.items()}
    cases = "\n".join(f"        {name}) {ADD[shell].format(given)} ;;" for name, given in words.items())
    more = WORDS[shell].replace("CASES", cases)
    if shell == "bash":
        print(script.partition("\n# Register completion")[0] + more, end="")
    else:
        print(script.rpartition('_tyro_abzero "$@"')[0] + more.lstrip(), end="")
    return 0
