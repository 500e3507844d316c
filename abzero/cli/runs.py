"""Commands that look at runs, finished or not: runs, show, replay, report, compare."""

from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from rich.console import Group, RenderableType
from tyro.conf import Positional

from abzero.cli.arguments import Switch
from abzero.cli.output import out, say
from abzero.errors import ConfigError, UsageError
from abzero.run.directory import RunFolder
from abzero.run.files import check_output
from abzero.text.terminal import counted


def runs(path: Positional[Path] = Path("runs"), json: Switch = False) -> int:
    """List the runs in a folder, the newest first: state, steps, last figures: abzero runs [FOLDER]."""
    from abzero.views.rows import to_json
    from abzero.views.runs import list_runs, table

    if not path.is_dir():
        raise ConfigError(f"'{path}' is no folder: name one that holds runs, such as abzero runs runs")
    found = list_runs(path)
    if json:
        print(to_json([asdict(one) for one in found], indent=1))
    elif found:
        out.print(table(found))
    else:
        say(f"there is no run in '{path}': make one with abzero train")
    return 0


def show(
    run: Positional[Path],
    step: int | None = None,
    task: str | None = None,
    proposal: str | None = None,
    attempt: str | None = None,
    suite: str | None = None,
    problem: str | None = None,
    json: Switch = False,
) -> int:
    """Show a run, one of its steps, a task, or one rollout in full: abzero show RUN --attempt 12/3.

    References, outcome, attempts, and each reward as a derivation. A proposal and an attempt are named STEP/POSITION; a
    task by the first digits of its id. Of held-out problems, a run's or those of a folder of abzero eval: --suite
    lists answers that are not right, with why; --problem shows one in full. --json prints the same for programs.
    """
    from abzero.run.journal import JournalReader
    from abzero.views import answers, described, judged, rollout
    from abzero.views import show as views
    from abzero.views.rows import to_json

    evaluations = judged.judgements(run)
    if suite is not None or problem is not None or (evaluations and not (run / "config.json").exists()):
        return _show_answers(run, suite, problem, step, json)
    given = {"step": step, "task": task, "proposal": proposal, "attempt": attempt}
    chosen = [name for name, value in given.items() if value is not None]
    if len(chosen) > 1:
        raise ConfigError(f"--{' and --'.join(chosen)} are different things to show: give one of them")
    place = (
        rollout.address(proposal or attempt or "", f"--{chosen[0]}") if {*chosen} & {"proposal", "attempt"} else (0, 0)
    )
    folder = RunFolder(run)
    folder.read_config()
    with closing(JournalReader(folder.journal)) as reader:
        found: RenderableType
        match chosen:
            case ["proposal"]:
                found = (
                    to_json(described.proposal_json(reader, *place)) if json else rollout.proposal_view(reader, *place)
                )
            case ["attempt"]:
                found = (
                    to_json(described.attempt_json(reader, *place)) if json else rollout.attempt_view(reader, *place)
                )
            case ["task"]:
                found = to_json(described.task_json(reader, str(task))) if json else views.task_view(reader, str(task))
            case ["step"]:
                number = step or 0
                found = to_json(described.step_json(reader, number)) if json else views.step_view(reader, number)
            case _:
                found = to_json(described.run_json(reader)) if json else views.overview(reader)
                if evaluations and not isinstance(found, str):
                    found = Group(found, answers.overview(evaluations))
        if isinstance(found, str):
            print(found)
        else:
            out.print(found)
    return 0


def _show_answers(run: Path, suite: str | None, problem: str | None, step: int | None, json: bool) -> int:
    """Answers to held-out problems: of all suites in figures, of one that are not right, of one problem in full."""
    from abzero.views import answers
    from abzero.views.judged import judgements
    from abzero.views.rows import to_json

    if suite is None and problem is not None:
        raise ConfigError(f"--problem {problem}: say of which suite, as --suite humaneval+ --problem {problem}")
    found = judgements(run)
    if suite is not None:
        found = answers.chosen(found, suite, step)
    if json:
        print(to_json(answers.as_data(found, suite, problem), indent=1))
    elif suite is None:
        out.print(answers.overview(found))
    else:
        for one in found:
            out.print(answers.mistakes(one) if problem is None else answers.in_full(one, problem))
    return 0


def replay(run: Positional[Path], task: Positional[str | None] = None) -> int:
    """Run the recorded tasks again and score the recorded answers again; exit status 1 if anything differs."""
    from abzero.config import build
    from abzero.config.load import from_json
    from abzero.run.journal import JournalReader
    from abzero.views.replay import replay_run, replay_task, together

    folder = RunFolder(run)
    config = from_json(folder.read_config())
    types = build.task_types(build.boxed(config.tasks))
    own = len(types) < len(config.tasks.modes)
    with closing(JournalReader(folder.journal)) as reader, build.sandbox(config.sandbox, config.seed) as box:
        if task is not None:
            done = replay_task(reader, task, types, box, leave_out=own)
        else:
            done = together(replay_run(reader, types, box, say, leave_out=own))
    for difference in done.differences:
        say(f"{difference.task}, {difference.what}: recorded {difference.recorded}, now {difference.now}")
    if done.left_out:
        say(
            f"left out: {', '.join(done.left_out)}: their type is code that the run names, and replay runs no such code"
        )
    found = f"{len(done.differences)} differ" if done.differences else "identical"
    say(f"{counted(done.tasks, 'task')} run again, {counted(done.answers, 'answer')} scored again: {found}")
    return 1 if done.differences else 0


def report(run: Positional[Path]) -> int:
    """Write RUN/report.html: the whole run as one self-contained page."""
    from abzero.views.report import write_report

    RunFolder(run).read_config()
    check_output(run / "report.html", "the report")
    path, learned = write_report(run)
    if learned:
        say(f"held-out accuracy: {learned}")
    say(f"the report is in {path}")
    return 0


def compare(runs: Positional[tuple[Path, ...]], page: Path = Path("comparison.html"), json: Switch = False) -> int:
    """Compare runs: tables with intervals here, the curves in a page; with --json the figures alone, and no page."""
    from abzero.views.report import compared, write_comparison
    from abzero.views.rows import to_json

    if len(runs) < 1:
        raise UsageError("there is nothing to compare: name two runs or more: abzero compare RUN RUN")
    for run in runs:
        RunFolder(run).read_config()
    if json:
        print(to_json(compared(runs), indent=1))
        return 0
    check_output(page, "--page")
    out.print(write_comparison(runs, page))
    say(f"the curves are in {page}")
    return 0
