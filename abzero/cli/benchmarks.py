"""``abzero eval``: score samples or a model on benchmarks, and look at their data. No torch unless a model is asked."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from abzero.cli import ask_model, score_samples
from abzero.cli import evaluate as nursery
from abzero.cli.eval_compare import Comparing, compare
from abzero.cli.eval_data import Data, show_data
from abzero.cli.eval_export import Exporting, export
from abzero.cli.output import out, usage
from abzero.cli.words import described
from abzero.config.flags import given, parsed
from abzero.config.named import is_reference

WORDS = ("data", "compare", "export")
"""First words that are not a model's name; a folder that is called so is ./data."""

FORMS: Mapping[str, Callable[..., int]] = {
    "MODEL": nursery.evaluate,
    "MODEL --suite paper --data DIR": ask_model.ask,
    "--samples FILE --suite mbpp+": score_samples.score_samples,
    "data --data DIR": show_data,
    "compare A B": compare,
    "export OUT --to inspect": export,
}


def evaluate(arguments: Sequence[str]) -> int:
    """Take one of the forms, or list them."""
    if list(arguments) in (["--help"], ["-h"]):
        out.print(usage("abzero eval", "MODEL or WORD", FORMS, "abzero eval MODEL --suite paper --help"))
        return 0
    word = arguments[0] if arguments else ""
    flags = list(_data_flags(arguments[1:] if word in WORDS else arguments))
    if word == "data":
        return show_data(parsed(Data, flags, "abzero eval data"))
    if word == "compare":
        return compare(parsed(Comparing, flags, "abzero eval compare"))
    if word == "export":
        return export(parsed(Exporting, flags, "abzero eval export"))
    if given(["--samples"], flags) is not None:
        return score_samples.score_samples(parsed(score_samples.Scoring, flags, "abzero eval --samples FILE"))
    suite = given(["--suite"], flags) or "nursery"
    if suite != "nursery" and not is_reference(suite):
        return ask_model.ask(parsed(ask_model.Asking, flags, "abzero eval MODEL --suite NAME"))
    return parsed(described(nursery.evaluate), arguments, "abzero eval")


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
