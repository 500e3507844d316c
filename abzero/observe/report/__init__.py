"""`abzero report`: a run as one self-contained HTML page; `abzero compare`: several runs side by side."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from rich.console import RenderableType

from abzero.errors import RunError
from abzero.journal import Archive
from abzero.observe.report.arms import arms
from abzero.observe.report.compare import comparison_page, tables
from abzero.observe.report.gather import Run, gather
from abzero.observe.report.html import Html
from abzero.observe.report.learned import changes, verdict
from abzero.observe.report.page import run_page


def write_report(folder: Path) -> tuple[Path, str]:
    """Write ``report.html`` into a run's folder, which may still be training. Raises `RunError`.

    Returns its path, and what the run learned in words, which are empty where it was not evaluated before and after.
    """
    with closing(Archive(folder / "run.db")) as archive:
        run = gather(folder, archive)
        text = run_page(run, archive, folder / "oversight.jsonl")
    learned = " ".join(verdict(changes(run.before, run.after))) if run.before and run.after else ""
    return _write(folder / "report.html", text), learned


def compare(folders: Sequence[Path], page: Path) -> RenderableType:
    """The tables that compare runs, for the terminal; the curves go into `page`. Raises `RunError`."""
    found = arms([_gathered(folder) for folder in folders])
    _write(page, comparison_page(found))
    return tables(found)


def _gathered(folder: Path) -> Run:
    with closing(Archive(folder / "run.db")) as archive:
        return gather(folder, archive)


def _write(path: Path, text: Html) -> Path:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RunError(f"{path} cannot be written ({error.strerror})") from error
    return path
