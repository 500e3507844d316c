"""Two or more runs side by side: did one get better than the other?"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from abzero.algo.figures import FIGURES
from abzero.views.charts import Series, line_chart
from abzero.views.figure_charts import said
from abzero.views.html import Html, html, joined
from abzero.views.overview import overview
from abzero.views.report.compare import INTERVALS, figures
from abzero.views.report.experiments import arms, metrics
from abzero.views.run_folders import ServedRun
from abzero.views.web.open_journals import OpenJournal
from abzero.views.web.pages.frame import PageRequest, empty, link, section, table
from abzero.views.web.pages.others import gathered

_CURVES = tuple(
    FIGURES[name]
    for name in (
        *("solve/score/{mode}", "propose/solve_rate/{mode}", "propose/learnable/{mode}", "propose/valid/{mode}"),
        "propose/new/{mode}",
    )
)


def comparison(runs: Sequence[ServedRun], to: Callable[..., str], opened: OpenJournal) -> Html:
    """Held-out accuracy by arm, the settings that differ, and the curves of every run."""
    with ExitStack() as stack:
        journals = [stack.enter_context(opened(run.journal)) for run in runs]
        asked = [PageRequest(run, j, overview(run, j), to) for run, j in zip(runs, journals, strict=True)]
        body = joined([_legend(asked), _accuracy(asked), _settings(asked), _curves(asked)])
    return html(
        '<div class="frame alone"><main id="main"><p class="brand"><a href="/">abzero</a></p><h1>Comparison</h1>{body}'
        "</main></div>",
        body=body,
    )


def _legend(asked: Sequence[PageRequest]) -> Html:
    items = [
        html('<li><i class="key c{c}"></i>{l}</li>', c=index % 8, l=link(ask.to(ask.run, "live"), ask.run.name))
        for index, ask in enumerate(asked)
    ]
    return html('<ul class="arms">{items}</ul>', items=joined(items))


def _accuracy(asked: Sequence[PageRequest]) -> Html:
    runs = [gathered(ask) for ask in asked]
    if not any(run.after for run in runs):
        return section("Held-out accuracy", empty("None of these runs was evaluated: see `abzero eval`."))
    found = arms(runs)
    tables = []
    for metric in metrics(found):
        head, rows = figures(found, metric)
        tables.append(html("<h3>{m}</h3>{t}", m=metric, t=table(head, rows, metric, "figures")))
    names = joined(html("<li>{n}: {l}</li>", n=number, l=arm.label) for number, arm in enumerate(found, 1))
    return section("Held-out accuracy", html("<ol>{n}</ol>{t}", n=names, t=joined(tables)), INTERVALS)


def _settings(asked: Sequence[PageRequest]) -> Html:
    chosen = [gathered(ask).settings for ask in asked]
    keys = sorted({key for one in chosen for key in one if any(other.get(key) != one[key] for other in chosen)})
    rows = [[key, *(one.get(key, "–") for one in chosen)] for key in keys]
    return section(
        "Settings that differ", table(("setting", *(ask.run.name for ask in asked)), rows, "settings", "settings")
    )


def _curves(asked: Sequence[PageRequest]) -> Html:
    charts = []
    span = (1.0, float(max([ask.overview.step or 1 for ask in asked])))
    modes = sorted({mode for ask in asked for mode in ask.journal.modes()})
    for one in _CURVES:
        for mode in modes:
            series = [
                Series(ask.run.name, ask.journal.series(one.prefix + mode), f"c{index % 8}")
                for index, ask in enumerate(asked)
            ]
            charts.append(said(one, line_chart(f"{one.label}: {mode}", series, span, share=one.share)))
    return section("Curves", html('<div class="grid3">{c}</div>', c=joined(charts)))
