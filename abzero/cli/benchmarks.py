"""``abzero eval``: score samples or a model on benchmarks, and look at their data. No torch unless a model is asked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import tyro

from abzero.cli import ask_model, score_samples
from abzero.cli import evaluate as nursery
from abzero.cli.eval_compare import Comparing, compare
from abzero.cli.eval_data import Data, show_data
from abzero.cli.eval_export import Exporting, export
from abzero.cli.words import described
from abzero.config.named import is_reference

WORDS = ("data", "compare", "export")
"""First words that are not a model's name; a folder that is called so is ./data."""


@dataclass(frozen=True)
class _Suite:
    suite: str = "nursery"


def evaluate(arguments: Sequence[str]) -> int:
    """Measure a model or score samples: abzero eval MODEL | --samples FILE --suite S --data D | data | compare A B."""
    word = arguments[0] if arguments else ""
    flags = list(_data_flags(arguments[1:] if word in WORDS else arguments))
    if word == "data":
        return show_data(tyro.cli(Data, args=flags, prog="abzero eval data"))
    if word == "compare":
        return compare(tyro.cli(Comparing, args=flags, prog="abzero eval compare"))
    if word == "export":
        return export(tyro.cli(Exporting, args=flags, prog="abzero eval export"))
    if any(flag == "--samples" or flag.startswith("--samples=") for flag in flags):
        return score_samples.score_samples(tyro.cli(score_samples.Scoring, args=flags, prog="abzero eval --samples"))
    suite = (
        tyro.cli(_Suite, args=flags, return_unknown_args=True, prog="abzero eval")[0].suite
        if "--help" not in flags
        else "nursery"
    )
    if suite != "nursery" and not is_reference(suite):
        return ask_model.ask(tyro.cli(ask_model.Asking, args=flags, prog="abzero eval MODEL"))
    return tyro.cli(described(nursery.evaluate), args=list(arguments), prog="abzero eval")


def _data_flags(arguments: Sequence[str]) -> Iterator[str]:
    """`arguments` with repeated ``--data`` gathered into one, as the parser wants them."""
    given: list[str] = []
    rest = iter(arguments)
    for one in rest:
        if one == "--data":
            given.append(next(rest, ""))
        elif one.startswith("--data="):
            given.append(one.partition("=")[2])
        else:
            yield one
    if given:
        yield from ("--data", *given)
