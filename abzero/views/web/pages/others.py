"""Search, evaluation, settings."""

import json

from abzero.errors import RunError
from abzero.views.html import Html, html, joined
from abzero.views.report import results
from abzero.views.report.accuracy import learned
from abzero.views.report.gather import RunSummary as Gathered
from abzero.views.report.gather import settings
from abzero.views.report.judged import answers_section
from abzero.views.report.page import mode_colours
from abzero.views.web.pages.frame import Page, PageRequest, link, number, section, table
from abzero.views.web.pages.steps import natural as whole
from abzero.views.web.queries import search

_LARGEST_FILE = 32 << 20


def search_page(ask: PageRequest) -> Page:
    """A form, and the newest proposals or attempts that match."""
    query = ask.query
    wanted = search.SearchQuery(
        query.get("q", "")[:200],
        query.get("mode", ""),
        query.get("verdict", ""),
        search.number(query.get("least", ""), "least"),
        search.number(query.get("most", ""), "most"),
        query.get("with", ""),
    )
    form = _form(ask, wanted)
    if not any(query.get(name) for name in ("q", "mode", "verdict", "least", "most", "with")):
        return Page("Search", "search", form)
    last = ask.overview.step or 0
    found = search.search(ask.journal, wanted, min(whole(query.get("from"), last), last))
    rows = [
        html(
            '<li class="row {v}"><a class="item" href="{to}"><span class="meta"><span class="num">{s}·{p}</span>'
            '<span class="mode">{m}</span></span><span class="body"><code class="line">{b}<mark>{f}</mark>{a}'
            "</code></span>"
            '<span class="rate"><small class="soft">{place}</small></span><span class="num">{rate}</span></a></li>',
            v="valid" if hit.good else "rejected",
            to=ask.to("attempt" if hit.role == "solve" else "proposal", hit.step, hit.position),
            s=hit.step,
            p=hit.position,
            m=hit.mode,
            b=hit.before,
            f=hit.found,
            a=hit.after,
            place=hit.place,
            rate=number(hit.rate) if hit.rate is not None else "",
        )
        for hit in found.hits
    ]
    reached = (found.next or 0) + 1
    on = ""
    if found.next:
        on = link(ask.to("search", query={**query, "from": found.next}), f"go on from step {found.next}", "more on")
    note = html(
        '<p class="note" role="status" data-reached="{a}" data-first="{b}">{n} found in steps {a} to {b}.</p>',
        n=len(rows),
        a=reached,
        b=found.first,
    )
    body = html('{form}{note}<ol class="list">{rows}</ol><p>{on}</p>', form=form, note=note, rows=joined(rows), on=on)
    return Page("Search", "search", body)


def _form(ask: PageRequest, wanted: search.SearchQuery) -> Html:
    modes = joined(_option(mode, wanted.mode) for mode in ["", *ask.journal.modes()])
    others = joined(_option(one, wanted.verdict) for one in (*search.PROPOSALS[1:], *search.ATTEMPTS))
    verdicts = joined([_option("", wanted.verdict, search.PROPOSALS[0]), others])
    marks = joined(_option(mark, wanted.mark) for mark in ("", *search.MARKS))
    return html(
        '<form id="search" role="search">'
        '<label>text <input name="q" type="search" value="{q}" autocomplete="off"></label>'
        '<label>mode <select name="mode">{modes}</select></label>'
        '<label>among <select name="verdict">{verdicts}</select></label>'
        '<label>with <select name="with">{marks}</select>'
        '</label><label>rate or score from <input name="least" inputmode="decimal" size="4" value="{least}"></label>'
        '<label>to <input name="most" inputmode="decimal" size="4" value="{most}"></label>'
        "<button>search</button></form>"
        '<p class="note">In programs, messages, reasons of rejection and completions of proposals, or in completions '
        "of attempts; backwards from the newest step.</p>",
        q=wanted.text,
        modes=modes,
        verdicts=verdicts,
        marks=marks,
        least="" if wanted.least is None else f"{wanted.least:g}",
        most="" if wanted.most is None else f"{wanted.most:g}",
    )


def _option(value: str, chosen: str, label: str = "any") -> Html:
    selected = Html(" selected") if value == chosen else ""
    return html('<option value="{v}"{s}>{w}</option>', v=value, s=selected, w=value or label)


def eval_page(ask: PageRequest) -> Page:
    """Held-out accuracy before and after, and answers to held-out problems: the report's own sections."""
    run = gathered(ask)
    parts = [learned(run, mode_colours(run.modes)), answers_section(ask.run.path)]
    return Page("Evaluation", "eval", joined(parts), live=True)


def gathered(ask: PageRequest) -> Gathered:
    """What the report's sections ask for, without the proposals."""
    about = ask.journal.about()
    return Gathered(
        name=ask.run.name,
        about={key: value for key, value in about.items() if key != "config"},
        settings=_settings(about),
        steps=[1, ask.overview.step or 1],
        figures={},
        alarms=[],
        summaries=[],
        before=_evaluation(ask, "eval-before.json"),
        after=_evaluation(ask, "eval-after.json"),
    )


def _evaluation(ask: PageRequest, name: str) -> results.Evaluation | None:
    path = ask.run.path / name
    if path.is_symlink() or (path.exists() and (not path.is_file() or path.stat().st_size > _LARGEST_FILE)):
        raise RunError(f"{path} is not a file of `abzero eval --json`")
    return results.read(path)


def config_page(ask: PageRequest) -> Page:
    """Every setting; those that are not the default's are marked."""
    about = ask.journal.about()
    chosen = _settings(about)
    changed = {key: value for key, value in chosen.items() if ask.defaults.get(key) != value}
    rows = [(key, value, ask.defaults.get(key, "–")) for key, value in sorted(changed.items())]
    machine = sorted((key, value) for key, value in about.items() if key != "config")
    parts = [
        section(
            "Differs from the defaults", table(("setting", "here", "default"), rows, "changed settings", "settings")
        ),
        section("Machine and versions", table(("what", "here"), machine, "machine and versions", "settings")),
        section("All settings", table(("setting", "value"), sorted(chosen.items()), "all settings", "settings")),
    ]
    return Page("Settings", "config", joined(parts))


def _settings(about: dict[str, str]) -> dict[str, str]:
    try:
        tree = json.loads(about.get("config", "{}"))
        return settings(tree) if isinstance(tree, dict) else {}
    except (ValueError, RecursionError) as error:
        raise RunError("the settings that this journal holds cannot be read") from error
