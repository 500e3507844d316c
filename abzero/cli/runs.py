"""Commands that look at a run, finished or not: show, replay, report, compare."""

from contextlib import closing
from pathlib import Path

from tyro.conf import Positional

from abzero.cli.output import out, say
from abzero.config.load import from_json
from abzero.errors import ConfigError
from abzero.run.directory import RunFolder
from abzero.run.files import check_output


def show(run: Positional[Path], step: int | None = None, task: str | None = None) -> int:
    """Show a run, one of its steps, or one task: references, outcome, attempts, and each reward as a derivation."""
    from abzero.run.journal import JournalReader
    from abzero.views.show import overview, step_view, task_view

    folder = RunFolder(run)
    folder.read_config()
    with closing(JournalReader(folder.journal)) as reader:
        if task is not None:
            out.print(task_view(reader, task))
        elif step is not None:
            out.print(step_view(reader, step))
        else:
            out.print(overview(reader))
    return 0


def replay(run: Positional[Path], task: Positional[str | None] = None) -> int:
    """Run the recorded tasks again and score the recorded answers again; exit status 1 if anything differs."""
    from abzero.config import build
    from abzero.run.journal import JournalReader
    from abzero.views.replay import replay_run, replay_task, together

    folder = RunFolder(run)
    config = from_json(folder.read_config())
    types = build.task_types(config.tasks)
    with closing(JournalReader(folder.journal)) as reader, build.sandbox(config.sandbox, config.seed) as box:
        if task is not None:
            done = replay_task(reader, task, types, box)
        else:
            done = together(replay_run(reader, types, box, say))
    for difference in done.differences:
        say(f"{difference.task}, {difference.what}: recorded {difference.recorded}, now {difference.now}")
    found = f"{len(done.differences)} differ" if done.differences else "identical"
    say(f"{done.tasks} tasks run again, {done.answers} answers scored again: {found}")
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


def compare(runs: Positional[tuple[Path, ...]], page: Path = Path("comparison.html")) -> int:
    """Compare runs: tables with intervals here, the curves in a page."""
    from abzero.views.report import write_comparison

    if len(runs) < 1:
        raise ConfigError("there is nothing to compare: name two runs or more: abzero compare RUN RUN")
    for run in runs:
        RunFolder(run).read_config()
    check_output(page, "--page")
    out.print(write_comparison(runs, page))
    say(f"the curves are in {page}")
    return 0
