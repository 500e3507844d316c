"""``abzero eval compare``: two folders of results, problem by problem."""

from dataclasses import asdict, dataclass
from json import dumps
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from abzero.cli.arguments import Switch
from abzero.cli.eval_table import aligned
from abzero.cli.output import say
from abzero.evals import comparing


@dataclass(frozen=True)
class Comparing:
    """Compare two folders of results, problem by problem: abzero eval compare A B."""

    left: Annotated[Positional[Path], arg(metavar="LEFT")]
    """Folder of results of the first model."""
    right: Annotated[Positional[Path], arg(metavar="RIGHT")]
    """Folder of results of the second."""
    json: Switch = False
    """Print the figures as JSON."""


def compare(asked: Comparing) -> int:
    """Compare two folders of results, problem by problem: both scores, the difference, its interval and p."""
    found = comparing.differences(asked.left, asked.right)
    notes = comparing.notes(asked.left, asked.right)
    if asked.json:
        suites = [asdict(one) for one in found]
        body = {"left": str(asked.left), "right": str(asked.right), "suites": suites, "notes": notes}
        print(dumps(body, indent=1))
        return 0
    say(f"left {asked.left}\nright {asked.right}")
    say(aligned(comparing.table("left", "right", found)))
    for note in notes:
        say(f"BEWARE {note}")
    return 0
