"""The pages by the name that addresses use, and how one of them is made."""

from collections.abc import Callable, Mapping

from abzero.errors import RunError
from abzero.views.journal import Journal
from abzero.views.overview import Overview, overview, unreadable
from abzero.views.run_folders import ServedRun
from abzero.views.web.open_journals import OpenJournal
from abzero.views.web.pages import curves, descent, others, oversight, steps, tasks
from abzero.views.web.pages.frame import Page, PageRequest, To

PAGES: Mapping[str, Callable[[PageRequest], Page]] = {
    "live": steps.live,
    "steps": steps.steps,
    "step": steps.one_step,
    "task": tasks.one_task,
    "proposal": tasks.one_proposal,
    "attempt": tasks.one_attempt,
    "text": tasks.text,
    "curriculum": curves.curriculum_page,
    "rejections": curves.rejections_page,
    "lineage": descent.page,
    "search": others.search_page,
    "eval": others.eval_page,
    "oversight": oversight.page,
    "config": others.config_page,
}


def ask(
    run: ServedRun,
    journal: Journal,
    to: To,
    about: tuple[str, ...] = (),
    query: Mapping[str, str] | None = None,
    defaults: Mapping[str, str] | None = None,
) -> PageRequest:
    """A question to one run. Raises `RunError`."""
    return PageRequest(run, journal, overview(run, journal), to, about, query or {}, defaults or {})


def look(run: ServedRun, opened: OpenJournal) -> Overview:
    """A run at one look, even if its journal cannot be read."""
    try:
        with opened(run.journal) as journal:
            return overview(run, journal)
    except RunError as error:
        return unreadable(run, error)
