"""``abzero train`` and ``abzero resume``."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import tyro
from rich.text import Text
from tyro.conf import Positional

from abzero.cli.output import out, say
from abzero.cli.recipes import adapted, settings, suited
from abzero.config.config import Config
from abzero.config.load import checked, from_json, to_json
from abzero.config.resolve import Resolved, as_toml
from abzero.errors import BackendError, ConfigError, RunError
from abzero.run.directory import RunFolder


@dataclass(frozen=True)
class Training(Config):
    """A run to begin, or only to look at."""

    print_config: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print all settings as a recipe, each with where it comes from, and train nothing."""


def start(arguments: Sequence[str]) -> int:
    """Train by self-play: abzero train [RECIPE.toml] [--section.key value].

    The model in the box, tiny, has a recipe of its own; any other begins with the defaults, which are the paper's.
    """
    asked = settings(Training, arguments, "abzero train [RECIPE.toml]")
    found = Resolved(checked(Config, asked.config), asked.origins, asked.notes)
    if asked.config.print_config:
        out.print(Text(as_toml(suited(found)).rstrip()), soft_wrap=True)
        return 0
    if _served_another(found.config):
        return 0
    folder = RunFolder(found.config.run)
    folder.check_free()
    config = adapted(suited(found))
    folder.create(to_json(config))
    try:
        with ExitStack() as undo:
            undo.callback(folder.discard)
            return _work_on(folder, config, undo.pop_all)
    except (ConfigError, BackendError):
        folder.discard()
        raise


def resume(run: Positional[Path], steps: int | None = None) -> int:
    """Go on with a run, from its newest whole checkpoint; --steps sets a new last step."""
    from abzero.run.checkpoint import Checkpoints

    folder = RunFolder(run)
    config = from_json(folder.read_config())
    if _served_another(config):
        return 0
    if steps is not None:
        done = Checkpoints(folder.checkpoints).done
        if steps < done:
            raise ConfigError(f"--steps {steps}: run '{run}' has done {done} steps: give {done} or more")
        config = replace(config, steps=steps)
    return _work_on(folder, config)


def _served_another(config: Config) -> bool:
    """Whether this process served another one that ``torchrun`` started, to the end."""
    from abzero.config import backends

    return backends.worker_loop(config)


def _work_on(folder: RunFolder, config: Config, loaded: Callable[[], object] = lambda: None) -> int:
    """Train on; `loaded` is called once everything is there that a run needs."""
    from abzero.config import backends, build
    from abzero.observers.alarms import WINDOW, alarm_tracker
    from abzero.observers.console import display
    from abzero.oversight import duty
    from abzero.oversight.gate import EXIT, remove_note
    from abzero.run.checkpoint import Checkpoints
    from abzero.run.journal import JournalWriter
    from abzero.run.now import Now
    from abzero.run.train import restore, train

    with ExitStack() as stack:
        stack.enter_context(folder.locked())
        _check_past(folder)
        config = backends.settled(config, config.model.name)
        folder.write_config(to_json(config))
        store, on = Checkpoints(folder.checkpoints, config.checkpoint.keep), build.duty(config.oversight)
        if _waits(folder, duty.newest_step(store.newest())):
            return EXIT
        stack.enter_context(backends.worker_group(config))
        journal = stack.enter_context(closing(JournalWriter(folder.journal)))
        box = stack.enter_context(build.sandbox(config.sandbox, config.seed))
        journal.describe(build.about(to_json(config), box))
        now = stack.enter_context(closing(Now(folder.path)))
        play = build.self_play(config, box, now)
        trackers = [stack.enter_context(tracker) for tracker in build.trackers(config, folder)]
        where = f"{config.model.name} on {backends.chosen(config).where(config)}, sandbox {box.isolation}"
        say(f"{folder.path}: {where}, {config.steps} steps")
        for note in backends.notes(play.learner):
            say(note)
        loaded()
        done = restore(loop=play, journal=journal, checkpoints=store, report=say)
        now.step(0 if done is None else done + 1)
        past = journal.recent_metrics(done or 0)
        overseen = duty.begin(on, folder.path, done, past, time.perf_counter, time.time)
        remove_note(folder.path)
        screen = stack.enter_context(display(config.steps, out, done=done or 0))
        result = train(
            loop=play,
            done=done,
            seed=build.first_step(config, play, journal, folder, say),
            annotate=[alarm_tracker(past[-WINDOW:]), overseen.annotate],
            journal=journal,
            observers=[now.observe, screen, *trackers, overseen.gate],
            checkpoints=replace(store, notes=duty.checkpoint_note(overseen.chain)),
            steps=config.steps,
            every=config.checkpoint.every,
            report=say,
        )
        if result.paused:
            duty.leave(folder.path, overseen.chain, result.step)
        overseen.chain.append("closed", {"step": result.step})
    if result.paused:
        say(f"paused after step {result.step}: {result.reason}")
        return EXIT
    if result.reason:
        say(f"stopped after step {result.step} ({result.reason}); go on with: abzero resume {folder.path}")
        return 130 if result.reason == "SIGINT" else 1
    say(f"all {result.step} steps are done; look at them with: abzero show {folder.path}")
    return 0


def _check_past(folder: RunFolder) -> None:
    """Raise `RunError` if the journal has steps that no checkpoint leads up to: going on would forget them."""
    from abzero.run.journal import JournalReader

    if not folder.journal.exists() or any(folder.checkpoints.glob("step-*")):
        return
    with closing(JournalReader(folder.journal)) as reader:
        last = reader.last_step() or 0
    if last > 0:
        raise RunError(
            f"'{folder.journal}' records {last} steps, but there is no checkpoint in '{folder.checkpoints}' to go on "
            "from: put the folder back; to begin anew, train into another folder with --run"
        )


def _waits(folder: RunFolder, done: int | None) -> bool:
    """Whether findings wait for a review; says so."""
    from abzero.oversight import duty

    waiting = duty.waiting(folder.path, done)
    if waiting:
        places = ", ".join(one.place for one in waiting[:3])
        say(f"{len(waiting)} findings wait for a person ({places}): abzero oversight review {folder.path}")
    return bool(waiting)
