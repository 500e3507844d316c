"""`abzero report`: a run as one self-contained HTML page; `abzero compare`: several runs side by side."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from rich.console import RenderableType

from abzero.run.files import replace_text
from abzero.run.journal import JournalReader
from abzero.views.html import Html
from abzero.views.report.accuracy import changes, conclusion
from abzero.views.report.compare import compared as as_data
from abzero.views.report.compare import comparison_page, tables
from abzero.views.report.experiments import arms
from abzero.views.report.gather import RunSummary, gather
from abzero.views.report.page import run_page


def write_report(folder: Path) -> tuple[Path, str]:
    """Write ``report.html`` into a run's folder, which may still be training. Raises `RunError`.

    Returns its path, and what the run learned in words, which are empty where it was not evaluated before and after.
    """
    with closing(JournalReader(folder / "run.db")) as reader:
        run = gather(folder, reader)
        text = run_page(run, reader, folder / "oversight.jsonl")
    learned = " ".join(conclusion(changes(run.before, run.after))) if run.before and run.after else ""
    return _write(folder / "report.html", text), learned


def write_comparison(folders: Sequence[Path], page: Path) -> RenderableType:
    """The tables that compare runs, for the terminal; the curves go into `page`. Raises `RunError`."""
    found = arms([_gathered(folder) for folder in folders])
    _write(page, comparison_page(found))
    return tables(found)


def compared(folders: Sequence[Path]) -> dict[str, object]:
    """The figures that compare runs, as plain data. Raises `RunError`."""
    return as_data(arms([_gathered(folder) for folder in folders]))


def _gathered(folder: Path) -> RunSummary:
    with closing(JournalReader(folder / "run.db")) as reader:
        return gather(folder, reader)


def _write(path: Path, text: Html) -> Path:
    replace_text(path, text)
    return path
