"""Experiment trackers, each behind an extra of its own: contexts that yield an observer."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from abzero.errors import ConfigError
from abzero.types import Step

_NAMES = {"tensorboard": "TensorBoard", "wandb": "Weights & Biases"}


def check_installed(package: str) -> None:
    """Raise `ConfigError` if a tracker's package is missing, before anything is loaded for its run."""
    if sys.modules.get(package) is None and find_spec(package) is None:
        raise ConfigError(_missing(package))


def _missing(package: str) -> str:
    return f"observe.{package} needs {_NAMES[package]}: pip install 'abzero[{package}]'"


@contextmanager
def tensorboard(folder: Path) -> Iterator[Callable[[Step], None]]:
    """Write every step's figures and alarms as TensorBoard events into `folder`.

    A resumed run's first step makes TensorBoard forget what an earlier process wrote from that step on.
    """
    try:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ImportError as error:
        raise ConfigError(_missing("tensorboard")) from error
    writer = EventFileWriter(str(folder))
    begun = False

    def observe(step: Step) -> None:
        nonlocal begun
        if not begun:
            writer.add_event(Event(step=step.number, session_log=SessionLog(status=SessionLog.START)))
            begun = True
        values = [Summary.Value(tag=name, simple_value=value) for name, value in _figures(step).items()]
        writer.add_event(Event(step=step.number, summary=Summary(value=values)))
        writer.flush()

    try:
        yield observe
    finally:
        writer.close()


@contextmanager
def wandb(project: str, run: Path, settings: Mapping[str, object]) -> Iterator[Callable[[Step], None]]:
    """Send every step's figures and alarms to `project`. A resumed run is a run of its own in the group of `run`."""
    try:
        import wandb as client
    except ImportError as error:
        raise ConfigError(_missing("wandb")) from error
    session = client.init(project=project, group=run.name, dir=str(run), config=dict(settings))

    def observe(step: Step) -> None:
        session.log(_figures(step), step=step.number)
        for alarm in step.alarms:
            session.alert(title=alarm.name, text=f"step {alarm.step}: {alarm.message}")

    try:
        yield observe
    finally:
        session.finish()


def _figures(step: Step) -> dict[str, float]:
    return {**step.metrics, **step.clock, "alarms": float(len(step.alarms))}
