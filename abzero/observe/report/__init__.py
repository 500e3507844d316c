"""`abzero report`: a run as one self-contained HTML page; `abzero compare`: several runs side by side."""

from contextlib import closing
from pathlib import Path

from abzero.journal import Archive
from abzero.observe.report.gather import gather
from abzero.observe.report.page import run_page


def write_report(folder: Path) -> Path:
    """Write ``report.html`` into a run's folder, which may still be training. Returns its path. Raises `RunError`."""
    with closing(Archive(folder / "run.db")) as archive:
        text = run_page(gather(folder, archive), archive)
    path = folder / "report.html"
    path.write_text(text, encoding="utf-8")
    return path
