"""Commands that read their arguments themselves: a recipe, and any setting. What they need is imported when called."""

from collections.abc import Sequence


def train(arguments: Sequence[str]) -> int:
    """Train by self-play: abzero train [RECIPE.toml] [--section.key value].

    The model in the box, tiny, has a recipe of its own; any other begins with the defaults, which are the paper's.
    """
    from abzero.cli import train as command

    return command.start(arguments)


def resume(arguments: Sequence[str]) -> int:
    """Go on with a run, from its newest whole checkpoint: abzero resume RUN [--section.key value].

    What is changed is recorded, with the step from which on; what may not change is refused by name.
    """
    from abzero.cli import train as command

    return command.resume(arguments)


def fork(arguments: Sequence[str]) -> int:
    """Begin a new run from a checkpoint of another: abzero fork RUN --run NEW [--step N] [--section.key value].

    It has the other run's past up to there, and may change whatever the checkpoint itself does not depend on.
    """
    from abzero.cli import fork as command

    return command.fork(arguments)


def plan(arguments: Sequence[str]) -> int:
    """Say what a recipe needs, before anything is loaded: abzero plan [RECIPE.toml] [--gib CARD] [--processes N].

    Memory by what holds it, disk, rollouts; exit status 1 where it is too much, with the nearest settings that fit.
    """
    from abzero.cli import plan as command

    return command.needs(arguments)


def evaluate(arguments: Sequence[str]) -> int:
    """Measure a model or score samples: abzero eval MODEL | --samples FILE --suite S --data D | data | compare A B."""
    from abzero.cli import benchmarks as command

    return command.evaluate(arguments)


def oversight(arguments: Sequence[str]) -> int:
    """Oversight: check PACK, measure FILE, scan RUN, review RUN, estimate RUN, verify RUN, fit FILE."""
    from abzero.cli import oversight as command

    return command.oversight(arguments)
