"""The first tasks: proposed by the untrained model from one identity triplet, or read from a file. All are verified."""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from abzero.algo.metrics import measure, speed
from abzero.errors import ConfigError, Halt, ModelError, RunError
from abzero.python.source import with_imports
from abzero.run.seeding_log import ProposalBatch, SeedingLog, states
from abzero.run.seeding_progress import Progress
from abzero.sandbox.base import Sandbox
from abzero.sandbox.run import Check, run_checks
from abzero.selfplay import SelfPlay
from abzero.tasks import TaskType, parsing
from abzero.tasks.validation import Truth, verified
from abzero.types import Proposal, Rejection, Step, Task

_AT_ONCE = 512


def seed_itself(
    play: SelfPlay,
    target: int,
    batches: int,
    report: Callable[[Progress], None],
    interrupted: Callable[[], str | None] = lambda: None,
    log: SeedingLog | None = None,
) -> Step | None:
    """Step 0: let the untrained model propose until each mode holds `target` tasks (section 3.3.1 of the paper).

    Modes that propose from nothing come first and share their tasks with the modes that they name; then those that need
    a reference. Ends after `batches` batches of proposals for each such stage, with what there is: at least the
    identity tasks. Goes on behind the batches in `log`, and adds each new one. Returns ``None`` once `interrupted`.
    """
    rng = random.Random(f"{play.seed}/seeding")
    kept = states(rng, log.read() if log else ())
    play.proposer.sync(play.learner)
    play.solver.sync(play.learner)
    for task_type in play.types:
        play.buffer.add(task_type.seed)
    proposals: list[Proposal] = []
    batch = 0
    for needs_reference in (False, True):
        stage = [task_type for task_type in play.types if task_type.needs_reference == needs_reference]
        for batch in range(batches if stage else 0):
            wanting = [task_type for task_type in stage if play.buffer.size(task_type.mode) < target]
            if not wanting:
                break
            report(_progress(play, proposals, batch, batches, target))
            task_type = wanting[batch % len(wanting)]
            made = next(kept, None)
            if made is None:
                if interrupted():
                    return None
                made = ProposalBatch(task_type.mode, play.propose([task_type], rng), rng.getstate())
                if log:
                    log.append(made)
            if made.mode != task_type.mode:
                raise RunError(
                    "the batches in seeding.jsonl are not this run's: remove it, and the seeding begins anew"
                )
            for proposal in made.proposals:
                proposals.append(
                    replace(proposal, new=proposal.task is not None and _share(play, task_type, proposal.task))
                )
    report(_progress(play, proposals, batch, batches, target, over=True))
    sizes = {task_type.mode: play.buffer.size(task_type.mode) for task_type in play.types}
    figures = measure(proposals, [], [], sizes, {}, play.answer)
    return Step(0, proposals, [], [], figures, speed(play.stopwatch.read(), proposals, []))


def _progress(
    play: SelfPlay, proposals: Sequence[Proposal], batch: int, batches: int, target: int, over: bool = False
) -> Progress:
    modes = [task_type.mode for task_type in play.types]
    made = Counter(proposal.mode for proposal in proposals)
    return Progress(
        batch,
        batches,
        target,
        {mode: play.buffer.size(mode) for mode in modes},
        {mode: made[mode] for mode in modes},
        Counter(proposal.rejection.reason for proposal in proposals if proposal.rejection),
        over,
    )


def check_able(step: Step) -> None:
    """Raise `Halt` after a seeding in which the model wrote not a single valid task."""
    if step.number == 0 and not any(proposal.task for proposal in step.proposals):
        raise Halt(f"the model wrote no valid task in {len(step.proposals)} proposals; a resume trains it regardless")


def _share(play: SelfPlay, task_type: TaskType, task: Task) -> bool:
    for other in task_type.shares_seeds_with:
        if other in play.types_by_mode and isinstance(play.judge(replace(task, mode=other)), Task):
            play.buffer.add(replace(task, mode=other))
    return play.buffer.add(task)


@dataclass(frozen=True, slots=True)
class RefusedSeed:
    """A row of a seed file that is no seed, and why."""

    line: int
    reason: str


def seeds_from_file(
    path: Path,
    types: Sequence[TaskType],
    max_output: int,
    sandbox: Sandbox,
    judge: Callable[[Task], Task | Rejection],
) -> tuple[list[Task], list[RefusedSeed]]:
    """The tasks of `types` in a JSONL file, each verified again now, and the rows refused.

    A row has ``program`` or ``snippet``, ``input`` or ``inputs``, optionally ``imports`` (statements) and ``message``.
    With a message, all its inputs make one task for the types that need a reference (induction); without one, each
    input makes a task for each of the others (deduction and abduction).
    """
    tasks: list[Task] = []
    refused: list[RefusedSeed] = []
    rows: list[tuple[int, Check[list[Task]]]] = []
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
            for number, line in enumerate(file, 1):
                try:
                    if line.strip():
                        rows += [(number, check) for check in _checks(line, types, max_output)]
                except (ModelError, ValueError, TypeError, KeyError, RecursionError) as error:
                    refused.append(RefusedSeed(number, f"not a row of a seed file: {_reason(error)}"))
    except OSError as error:
        raise ConfigError(f"seeds {str(path)!r} cannot be read ({error.strerror}): give a JSONL file") from error
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        for (number, _), result in zip(some, run_checks([check for _, check in some], sandbox), strict=True):
            if isinstance(result, ModelError):
                refused.append(RefusedSeed(number, f"it makes no task: {result}"))
                continue
            judged = [judge(task) for task in result]
            if rejections := [one for one in judged if isinstance(one, Rejection)]:
                refused.append(RefusedSeed(number, f"it makes no task: {rejections[0].reason}"))
            else:
                tasks += result
    if not tasks:
        first = f"; line {refused[0].line}: {refused[0].reason}" if refused else ""
        raise ConfigError(f"seeds {str(path)!r} hold no valid task{first}")
    return tasks, sorted(refused, key=lambda refusal: refusal.line)


def _reason(error: Exception) -> str:
    """What is wrong with a row, as a sentence."""
    match error:
        case KeyError():
            return "it has neither 'input' nor 'inputs'"
        case RecursionError():
            return "its brackets are nested too deep"
        case json.JSONDecodeError():
            return f"it is no JSON: {error}"
        case _:
            return str(error)


def _checks(line: str, types: Sequence[TaskType], max_output: int) -> Iterator[Check[list[Task]]]:
    row = json.loads(line)
    if not isinstance(row, dict):
        raise TypeError("not an object")
    program = row.get("program", row.get("snippet"))
    inputs = row["inputs"] if "inputs" in row else [row["input"]]
    imports, message = row.get("imports") or [], row.get("message")
    if not isinstance(program, str) or not isinstance(message, str | None):
        raise TypeError("program and message must be text")
    for texts in (inputs, imports):
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise TypeError("inputs and imports must be lists of text")
    message = message or None
    if len(inputs) < (1 if message is None else 2):
        raise ValueError("too few inputs: one or more, and with a message two or more, some to show and some to hide")
    program = with_imports(parsing.program(program), imports)
    by_truth: dict[Truth, list[str]] = {}
    for task_type in types:
        if task_type.needs_reference == (message is not None):
            by_truth.setdefault(task_type.truth, []).append(task_type.mode)
    for group in [inputs] if message is not None else [[text] for text in inputs]:
        for truth, modes in by_truth.items():
            yield _rebuilt(program, group, modes, message or "", max_output, truth)


def _rebuilt(
    program: str, inputs: Sequence[str], modes: Sequence[str], message: str, max_output: int, truth: Truth
) -> Check[list[Task]]:
    cases = yield from verified(program, inputs, max_output, truth)
    return [Task(mode, program, cases, message) for mode in modes]
