"""Replay: run recorded tasks again in the sandbox, score recorded answers again, and say what differs."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from abzero.errors import ModelError, RunError, Unsteady
from abzero.python.entry import entry_of
from abzero.run.journal import Attempted, JournalReader
from abzero.sandbox.base import Call, Outcome, Sandbox
from abzero.sandbox.run import Check, run_checks
from abzero.tasks import TaskType
from abzero.tasks.validation import Truth, describe, returned
from abzero.text.terminal import counted
from abzero.types import Task

_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that did not come out again as the journal has it."""

    task: str
    what: str
    """``case 3``, or ``answer 17 of step 12``: the attempt's position in its step."""
    recorded: str
    now: str


@dataclass(frozen=True, slots=True)
class Replay:
    """What was done again, and what came out otherwise; identical if nothing did."""

    tasks: int
    answers: int
    differences: tuple[Difference, ...]
    left_out: tuple[str, ...] = ()
    """Modes whose type was not at hand: neither their tasks nor their answers were looked at."""


def replay_task(
    reader: JournalReader, prefix: str, types: Sequence[TaskType], sandbox: Sandbox, leave_out: bool = False
) -> Replay:
    """Replay the one task whose id begins with `prefix`, and every answer to it. Raises `RunError`.

    With `leave_out`, what is of no mode of `types` is left out; without, it is an error.
    """
    task = reader.task(prefix)
    return _replay([task], reader.attempts_at(task.id), {task.id: task}, types, sandbox, leave_out)


def replay_run(
    reader: JournalReader,
    types: Sequence[TaskType],
    sandbox: Sandbox,
    report: Callable[[str], None],
    leave_out: bool = False,
) -> Iterator[Replay]:
    """Replay all that a run recorded: its tasks in portions, then the answers of each step. Raises `RunError`.

    With `leave_out`, what is of no mode of `types` is left out; without, it is an error.
    """
    ids = [task for task, _ in reader.tasks()]
    for portion in _portions(ids):
        yield _replay([reader.task(task) for task in portion], [], {}, types, sandbox, leave_out)
        report(f"{counted(len(portion), 'task')} run again")
    for step in reader.steps():
        attempts = [attempt for attempt in reader.attempts(step) if not attempt.fault]
        tasks = {task: reader.task(task) for task in {attempt.task for attempt in attempts}}
        yield _replay([], attempts, tasks, types, sandbox, leave_out)
        report(f"step {step}: {counted(len(attempts), 'answer')} scored again")


def together(replays: Iterable[Replay]) -> Replay:
    """Several replays as one."""
    done = list(replays)
    differences = tuple(difference for one in done for difference in one.differences)
    left_out = tuple(sorted({mode for one in done for mode in one.left_out}))
    return Replay(sum(one.tasks for one in done), sum(one.answers for one in done), differences, left_out)


def _replay(
    tasks: Sequence[Task],
    attempts: Sequence[Attempted],
    asked: dict[str, Task],
    types: Sequence[TaskType],
    sandbox: Sandbox,
    leave_out: bool,
) -> Replay:
    by_mode = {task_type.mode: task_type for task_type in types}
    unknown = sorted({task.mode for task in asked.values()} - by_mode.keys())
    if leave_out:
        unknown = sorted({task.mode for task in (*tasks, *asked.values())} - by_mode.keys())
        tasks = [task for task in tasks if task.mode in by_mode]
        attempts = [attempt for attempt in attempts if asked[attempt.task].mode in by_mode]
    elif unknown:
        raise RunError(
            f"tasks of mode {unknown[0]!r} cannot be scored again: the run's settings know {sorted(by_mode)}"
        )
    ran = run_checks([_rerun(task, _truth(by_mode, task.mode)) for task in tasks], sandbox)
    scored = run_checks([by_mode[a.mode].grade(asked[a.task], a.answer) for a in attempts], sandbox)
    found = [
        Difference(task.id, f"case {number}", case.output, now)
        for task, outputs in zip(tasks, ran, strict=True)
        for number, (case, now) in enumerate(zip(task.cases, _unfailing(outputs), strict=True), 1)
        if now != case.output
    ]
    for attempt, score in zip(attempts, scored, strict=True):
        now = 0.0 if isinstance(score, Unsteady) else None if isinstance(score, ModelError) else score
        if now != attempt.score:
            what = f"answer {attempt.position} of step {attempt.step}"
            found.append(Difference(attempt.task, what, _score(attempt.score), _score(now)))
    return Replay(len(tasks), len(attempts), tuple(found), tuple(unknown))


def _truth(by_mode: Mapping[str, TaskType], mode: str) -> Truth:
    return by_mode[mode].truth if mode in by_mode else returned


def _rerun(task: Task, truth: Truth) -> Check[list[str]]:
    """The truth of every case of `task`, or what came instead, in words."""
    outcomes = yield [Call(task.program, case.input, verify=True, entry=entry_of(task.program)) for case in task.cases]
    return [_told(outcome, truth) for outcome in outcomes]


def _told(outcome: Outcome, truth: Truth) -> str:
    try:
        return truth(outcome)
    except ModelError:
        return describe(outcome)


def _unfailing(outputs: list[str] | ModelError) -> list[str]:
    if isinstance(outputs, ModelError):
        raise outputs
    return outputs


def _score(score: float | None) -> str:
    return "malformed" if score is None else f"score {score:g}"


def _portions(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]
