"""``abzero plan``: what a recipe needs, before anything is loaded."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from json import dumps

from abzero.cli.arguments import Switch
from abzero.cli.output import out, say
from abzero.cli.recipes import adapted, settings, suited
from abzero.config.config import Config
from abzero.errors import ConfigError

HEAP = (
    "up to as much again, freed and kept by the C library; MALLOC_MMAP_THRESHOLD_=262144 gives it back, and is slower"
)
"""Of a run on a CPU: 1.2 to 1.9 times the peak was held (docs/real-model.md, docs/reproduce.md)."""


@dataclass(frozen=True)
class Planned(Config):
    """Say what a recipe needs, before anything is loaded; exit status 1 where it is too much."""

    processes: int = 1
    """Processes that share the model, each on a card of its own."""
    gib: float = 0.0
    """Memory of each card, in GiB; 0 is what this machine has."""
    json: Switch = False
    """Print it for programs: numbers, bytes, whether it fits, and what would."""


def needs(arguments: Sequence[str]) -> int:
    """Print what a recipe needs; exit status 1 where it is too much."""
    from abzero.cli.machine import Diagnosis, memory_bytes, size, table
    from abzero.config import backends
    from abzero.config.backends import local
    from abzero.policy.local import plan

    config = adapted(suited(settings(Planned, arguments, "abzero plan [RECIPE.toml]")))
    if config.processes < 1 or config.gib < 0:
        raise ConfigError("plan: set --processes to 1 or more, and --gib to 0 or more")
    backend = backends.chosen(config)
    shape = plan.shape(local.model_name(config.model.name))
    rollouts = config.batch_size * len(config.tasks.modes) * (2 + config.propose.samples)
    facts: dict[str, object] = {
        "engine": config.model.engine,
        "processes": config.processes,
        "parameters": shape.parameters,
        "rollouts": rollouts,
    }
    rows = [
        ("engine", config.model.engine + (f", {config.processes} processes" if config.processes > 1 else "")),
        ("parameters", f"{shape.parameters:,}"),
        ("rollouts a step, at most", f"{rollouts:,}"),
    ]
    if backend.memory is None:
        if config.json:
            print(dumps(facts, indent=1))
            return 0
        out.print(table([Diagnosis(what, found) for what, found in rows]))
        say(f"{backend.where(config)} holds the model: its memory and disk are planned there")
        return 0
    setup = replace(backend.memory(config), processes=config.processes)
    if config.gib:
        setup = replace(setup, on_cpu=False)
    needed = plan.memory(shape, setup)
    available = int(config.gib * plan.GIB) or memory_bytes(local.device(config))
    short = needed["peak"] > available
    rows += [(f"memory: {part}", size(count)) for part, count in needed.items() if count]
    rows += [
        *([("memory: not counted", HEAP)] if setup.on_cpu else []),
        ("memory of each card" if config.gib else "memory of this device", size(available)),
        ("disk: a checkpoint", size(plan.disk(shape, setup))),
        ("disk: checkpoints, at most", size(plan.disk(shape, setup) * (config.checkpoint.keep + 1))),
        ("hours", "not known before a step was taken: --steps 2 measures one here"),
    ]
    ways = []
    if short and (nearest := plan.nearest(shape, setup, available)):
        ways.append(f"with {' '.join(nearest[1])}")
    if short and backend.worker_group and (count := plan.processes(shape, setup, available)):
        ways.append(
            f"shared by {count} processes, each on such a card (torchrun --nproc-per-node {count} -m -- abzero …)"
        )
    if config.json:
        disk = plan.disk(shape, setup)
        facts |= {"memory": needed, "available": available, "checkpoint": disk, "fits": not short, "would_fit": ways}
        print(dumps(facts, indent=1))
        return 1 if short else 0
    findings = [Diagnosis(what, found, not (short and what == "memory: peak"), "TOO MUCH") for what, found in rows]
    out.print(table(findings))
    if not short:
        return 0
    say("it does not fit; it would " + ", or ".join(ways) if ways else "it does not fit, and no settings make it fit")
    return 1


def check_memory(config: Config) -> None:
    """Raise `ConfigError` if a run needs more memory than there is, before anything is loaded."""
    from abzero.cli.machine import memory_bytes, size
    from abzero.config import backends
    from abzero.config.backends import local
    from abzero.policy.local import plan, sharding

    backend = backends.chosen(config)
    if backend.memory is None:
        return
    setup = replace(backend.memory(config), processes=sharding.world().size)
    needed = plan.memory(plan.shape(local.model_name(config.model.name)), setup)["peak"]
    available = memory_bytes(local.device(config))
    if needed > available:
        raise ConfigError(
            f"model.name '{config.model.name}' needs {size(needed)} with these settings, and there are "
            f"{size(available)}: abzero plan says what would fit; --force begins anyway"
        )
