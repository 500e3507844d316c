"""``abzero train`` and ``abzero resume``."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import tyro
from rich.text import Text

from abzero.cli import trust
from abzero.cli.output import out, say
from abzero.cli.plan import check_memory
from abzero.cli.recipes import HELP, adapted, beside, settings, suited
from abzero.config import named
from abzero.config.config import Config
from abzero.config.load import checked, draft, to_json
from abzero.config.resolve import Resolved, as_toml
from abzero.errors import BackendError, ConfigError, RunError, UsageError
from abzero.policy.models.naming import check_named
from abzero.run.directory import RunFolder
from abzero.text.terminal import counted

NO_CODE = trust.Code()


@dataclass(frozen=True)
class Training(Config):
    """Train by self-play: begin a run, or only print its settings."""

    print_config: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print all settings as a recipe, each with where it comes from, and train nothing."""
    force: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Begin even where abzero plan finds too little memory."""


@dataclass(frozen=True)
class Resuming(Config):
    """Go on with a run, from its newest whole checkpoint; settings that may change can be given."""

    source: Annotated[tyro.conf.Positional[Path | None], tyro.conf.arg(metavar="RUN")] = None
    """Folder of the run."""
    trust_code: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Run the code that the run's settings name, though another user began it, or in another folder."""


def start(arguments: Sequence[str]) -> int:
    """Begin a run, or print its settings."""

    def begin(model: str, run: Path) -> None:
        if not {"--print-config", *HELP} & set(arguments):
            check_named(model)
            if os.environ.get("RANK", "0") == "0":  # of the processes that torchrun starts, the first makes the folder
                RunFolder(run).check_free()
            say("loading torch …")

    asked = settings(Training, arguments, "abzero train [RECIPE.toml]", begin)
    found = Resolved(checked(Config, asked.config), asked.origins, asked.notes)
    if asked.config.print_config:
        out.print(Text(as_toml(suited(found)).rstrip()), soft_wrap=True)
        return 0
    if served_another(found.config):
        return 0
    from abzero.config import build

    folder = RunFolder(found.config.run)
    folder.check_free()
    build.check_at_hand(found.config)
    code = trust.named_now(named.references(found.config), beside(arguments))
    build.task_types(found.config.tasks, own=code.own)  # what does not go together is told before a model is loaded
    say(f"{folder.path}: loading {found.config.model.name} …")
    config = adapted(suited(found))
    if not asked.config.force:
        check_memory(config)
    with terminated_as_interrupted():
        folder.create(to_json(config))
        try:
            with ExitStack() as undo, folder.locked():
                undo.callback(folder.discard)
                return work_on(folder, config, undo.pop_all, code=code)
        except (ConfigError, BackendError):
            folder.discard()
            raise


def resume(arguments: Sequence[str]) -> int:
    """Go on with a run."""
    from abzero.config.amend import resumed

    prog = "abzero resume"
    folder = RunFolder(named_run(Resuming, arguments, prog))
    recorded = resumed(Resuming, folder.read_config(), arguments, prog)
    say(f"{folder.path}: loading torch …")
    if served_another(recorded.config):
        return 0
    with folder.locked():
        found = resumed(Resuming, folder.read_config(), arguments, prog)
        code = trust.recorded(folder, found.config, found.origins, found.config.trust_code)
        return work_on(folder, checked(Config, adapted(found)), code=code)


def named_run(kind: type[Resuming], arguments: Sequence[str], prog: str) -> Path:
    """The run that a command is given. Raises `ConfigError` if it is none; prints the usage where that is asked for."""
    asked = [flag for flag in arguments if flag not in HELP]
    run = draft(kind, asked, prog).source
    if run is None:
        draft(kind, arguments, prog)
        raise UsageError(f"name the run's folder: {prog} runs/NAME")
    return run


def served_another(config: Config) -> bool:
    """Whether this process served another one that ``torchrun`` started, to the end."""
    from abzero.config import backends

    return backends.worker_loop(config)


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Take SIGTERM for Ctrl-C: what is loading then leaves no folder. Training itself ends after its step on either."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def naming(folder: RunFolder) -> Iterator[None]:
    """Name the run in the commands that an error of its backend gives as remedies."""
    try:
        yield
    except BackendError as error:
        raise BackendError(str(error).replace(" RUN ", f" {folder.path} ")) from error


def work_on(
    folder: RunFolder,
    config: Config,
    loaded: Callable[[], object] = lambda: None,
    lineage: Mapping[str, str] | None = None,
    code: trust.Code = NO_CODE,
) -> int:
    """Train on, under the run's lock; `loaded` is called once everything is there that a run needs.

    Only then are the settings written into the folder, and what changed in them into the journal.
    """
    from abzero.config import backends, build, measuring
    from abzero.oversight import duty
    from abzero.oversight.gate import EXIT, remove_note
    from abzero.policy.local.threads import Crowding
    from abzero.run.checkpoint import Checkpoints
    from abzero.run.journal import JournalWriter
    from abzero.run.now import Now
    from abzero.run.observers.alarms import WINDOW, alarm_tracker
    from abzero.run.observers.console import display, recalled
    from abzero.run.train import restore, train

    with ExitStack() as stack:
        stack.enter_context(naming(folder))
        _check_past(folder)
        store, on = Checkpoints(folder.checkpoints, config.checkpoint.keep), build.duty(config)
        if config.steps < store.done:
            raise ConfigError(
                f"steps {config.steps}: {store.done} are done; set --steps {store.done} or more, or go on from an "
                f"earlier checkpoint in a new run: abzero fork {folder.path} --step N --run NEW"
            )
        build.check_at_hand(replace(config, seeds=None))
        if config.eval.every:
            measuring.files(config)
        config = backends.settled(config, config.model.name, say)
        if _waits(folder, duty.newest_step(store.newest())):
            return EXIT
        stack.enter_context(backends.worker_group(config))
        journal = stack.enter_context(closing(JournalWriter(folder.journal)))
        say("starting the sandbox, then the model …")
        box = stack.enter_context(build.sandbox(config.sandbox, config.seed))
        now = stack.enter_context(closing(Now(folder.path)))
        play = build.self_play(config, box, now, code.own)
        trackers = [stack.enter_context(tracker) for tracker in build.trackers(config, folder, code.own)]
        asked = "asked in its chat template" if config.model.chat == "template" else "asked in plain text"
        where = f"{config.model.name} on {backends.chosen(config).where(config)}, {asked}, sandbox {box.isolation}"
        say(f"{folder.path}: {where}, {counted(config.steps, 'step')}")
        for note in [*backends.notes(play.learner), *build.unarmed(config.oversight)]:
            say(note)
        crowding = Crowding(config.model.threads, folder.path, say)
        held_out = measuring.held_out(config, play, folder, stack, say)
        done = restore(loop=play, journal=journal, checkpoints=store, report=say)
        loaded()
        folder.write_config(to_json(config))
        code.record(folder)
        about = {**build.about(to_json(config), box), **(lineage or {}), **code.about()}
        for change in journal.describe(about, 0 if done is None else done + 1):
            say(change)
        now.step(0 if done is None else done + 1)
        past = journal.recent_metrics(done or 0)
        overseen = duty.begin(on, folder.path, done, past, time.perf_counter, time.time)
        stack.callback(overseen.close)
        remove_note(folder.path)
        memory = recalled(past, *journal.past(), last=done or 0)
        screen = stack.enter_context(display(config.steps, out, memory=memory, moment=now.moment))
        result = train(
            loop=play,
            done=done,
            seed=build.first_step(config, play, journal, folder, say, screen.seeding),
            annotate=[alarm_tracker(past[-WINDOW:]), overseen.annotate, *held_out],
            journal=journal,
            observers=[
                now.observe,
                screen,
                *trackers,
                crowding.observe,
                overseen.gate,
                *build.after_seeding(config, folder),
            ],
            checkpoints=replace(store, notes=duty.checkpoint_note(overseen.chain)),
            steps=config.steps,
            every=config.checkpoint.every,
            report=say,
        )
        if result.reason is None and result.step is not None and (late := overseen.finish(result.step)):
            result = replace(result, reason=late, paused=True)
        if result.paused and result.step is not None:
            duty.leave(folder.path, overseen.chain, result.step)
        overseen.chain.append("closed", {"step": result.step})
    if result.paused:
        say(f"paused after step {result.step}: {result.reason}")
        return EXIT
    if result.reason:
        when = "in the seeding" if result.step is None else f"after step {result.step}"
        say(f"stopped {when} ({result.reason}); go on with: abzero resume {folder.path}")
        return 130 if result.reason == "SIGINT" else 1
    say(f"done: {counted(result.step or 0, 'step')}; look at them with: abzero show {folder.path}")
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
            f"'{folder.journal}' records {counted(last, 'step')}, but there is no checkpoint in '{folder.checkpoints}' "
            "to go on from: put the folder back; to begin anew, train into another folder with --run"
        )


def _waits(folder: RunFolder, done: int | None) -> bool:
    """Whether findings wait for a review; says so."""
    from abzero.oversight import duty

    waiting = duty.waiting(folder.path, done)
    if waiting:
        places = ", ".join(one.place for one in waiting[:3])
        say(f"{counted(len(waiting), 'finding')} to review ({places}): abzero oversight review {folder.path}")
    return bool(waiting)
