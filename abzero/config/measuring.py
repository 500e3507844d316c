"""Config → what measures a run on held-out problems while it trains: the section ``eval``."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from abzero.config import backends
from abzero.config.backends import local
from abzero.config.config import Config
from abzero.errors import ConfigError
from abzero.evals import data, heldout, scoring, suites
from abzero.evals.summary import Asked
from abzero.run.directory import RunFolder
from abzero.run.train import Annotator
from abzero.selfplay import SelfPlay
from abzero.tasks.prompts import Prompts


def held_out(
    config: Config, play: SelfPlay, folder: RunFolder, stack: ExitStack, report: Callable[[str], None]
) -> list[Annotator]:
    """What asks held-out problems at each ``eval.every``-th step; nothing where that is 0. Raises `ConfigError`."""
    asked = config.eval
    if not asked.every:
        return []
    found = files(config)
    if heldout.NURSERY in asked.suites and config.tasks.holdout != heldout.NURSERY:
        report(
            "eval.suites nursery: its programs may be proposed and trained on; keep them out: --tasks.holdout nursery"
        )
    chosen: list[heldout.HeldOut] = []
    judges = scoring.judges(stack)
    prompts = Prompts(config.tasks.prompts, backends.frame(config, config.model.name))
    how = _asked(config, folder)
    for name, paths in found.items():
        if name == heldout.NURSERY:
            chosen.append(heldout.nursery(play.types, config.tasks.inputs, asked.limit, play.sandbox, how))
            continue
        report(f"eval.suites {name}: testing its judge …")
        chosen.append(heldout.benchmark(data.read(suites.SUITES[name], paths), prompts, asked.limit, judges, how))
    for suite in chosen:
        if long := sum(not play.solver.fits(prompt) for prompt in suite.questions.values()):
            report(
                f"eval.suites {suite.suite}: {long} of {len(suite.questions)} problems are longer than "
                f"sampling.max-prompt-tokens {config.sampling.max_prompt_tokens}, and count as not solved"
            )
    place = folder.path / "evals"
    return [
        heldout.Measuring(
            chosen, asked.every, play.solver, play.learner, play.stopwatch, place, report, config.seed
        ).annotate
    ]


def _asked(config: Config, folder: RunFolder) -> Asked:
    """How a run is asked its problems, whichever they are."""
    here = backends.chosen(config).memory is not None
    return Asked(
        model=str(folder.path),
        weights={},  # no files hold them
        preset="trained",
        words="",
        conversation="",
        opens_think=False,
        tokens=config.sampling.max_tokens,
        stop=config.sampling.stop,
        temperature=config.sampling.temperature,
        repeats=1,
        seeds=(config.seed,),
        engine=config.model.engine,
        engine_version=local.VERSION if here else "",
        dtype=str(local.sampler_dtype(config)).removeprefix("torch.") if here else "",
    )


def files(config: Config) -> dict[str, tuple[Path, ...]]:
    """The files of each suite in ``eval.suites``; none of the nursery's. Raises `ConfigError` for a missing one."""
    if not config.eval.suites:
        raise ConfigError("eval.suites is empty: name one or more, as --eval.suites nursery, or set --eval.every 0")
    places = data.where(config.eval.data, cache=data.hub_cache())
    found: dict[str, tuple[Path, ...]] = {}
    for name in config.eval.suites:
        if name == heldout.NURSERY:
            found[name] = ()
            continue
        for suite in suites.named(name):
            if not (paths := data.find(suite, places)):
                raise ConfigError(
                    f"eval.suites {suite.name}: no {suite.expected} is there; name its folder, --eval.data DIR "
                    "(docs/evals.md says where it is published), or leave it out"
                )
            found[suite.name] = paths
    return found
