"""The sections of curves: how solving went, what was proposed, and whether the run stayed healthy."""

from collections.abc import Mapping, Sequence

from abzero.algo.figures import FIGURES
from abzero.run.journal import ProposalSummary
from abzero.views import figure_charts
from abzero.views.charts import Point, Series, area_chart, line_chart
from abzero.views.html import Html, html, joined
from abzero.views.report.gather import BANDS, LONGEST, RunSummary, band, commonest_operation, counts, means, statements

_BAND_COLOURS = ("b0", "b1", "b2", "b3", "b4", "b5")
_LENGTH_COLOURS = ("k1", "k2", "k3", "k4", "k5", "k6")
_LENGTHS = (*(f"{k}" for k in range(1, LONGEST)), f"{LONGEST}+")


def held_out(run: RunSummary) -> Html:
    """The curves of held-out problems that were asked while it trained; nothing where `eval.every` was 0."""
    measured = {name: points for name, points in run.figures.items() if name.startswith("eval/")}
    if not measured:
        return Html("")
    return html(
        '<section><h2>Held-out problems</h2><p class="note">{doc}. They are never trained on where the run keeps them '
        'out.</p><div class="grid3">{charts}</div></section>',
        doc=FIGURES["eval/{suite}"].doc,
        charts=joined(held_out_charts(measured, run.span[1])),
    )


def held_out_charts(measured: Mapping[str, Sequence[Point]], last: float) -> list[Html]:
    """A chart for each suite, with the curves of its modes where it has them, from the seeding (step 0) on."""
    charts = []
    for suite in sorted({name.split("/")[1] for name in measured}):
        curves = [
            Series(name.removeprefix(f"eval/{suite}/") if name.count("/") > 1 else "all", points, colour)
            for (name, points), colour in zip(
                sorted((name, points) for name, points in measured.items() if name.split("/")[1] == suite),
                ("c0", "c1", "c2", "c3", "c4", "c5"),
                strict=False,
            )
        ]
        charts.append(line_chart(f"{suite}: solved", curves, (0.0, last), share=True))
    return charts


def solving(run: RunSummary, colours: dict[str, str]) -> Html:
    """Scores, rewards, and solve rates by mode and by length of the program."""
    charts = [
        _by_mode(run, colours, "solve/score"),
        _by_mode(run, colours, "solve/reward"),
        _by_mode(run, colours, "solve/malformed"),
        _by_mode(run, colours, "solve/has_cot"),
    ]
    for mode in run.modes:
        rows = [summary for summary in run.summaries if summary.mode == mode]
        curves = [
            Series(name, means([one for one in rows if _length(one) == k], lambda one: one.solve_rate), colour)
            for k, (name, colour) in enumerate(zip(_LENGTHS, _LENGTH_COLOURS, strict=True))
        ]
        charts.append(line_chart(f"{mode}: solve rate by statements", curves, run.span, share=True))
    return html(
        '<section><h2>How solving went</h2><p class="note">On tasks that the model itself proposed: they change as the '
        "proposer learns, so a flat curve may hide progress. Bold: rolling mean.</p>"
        '<div class="grid3">{charts}</div></section>',
        charts=joined(charts),
    )


def proposing(run: RunSummary, colours: dict[str, str]) -> Html:
    """Difficulty over time, and what the proposals are made of."""
    charts = []
    for mode in run.modes:
        rows = [summary for summary in run.summaries if summary.mode == mode]
        bands = counts(rows, len(BANDS), lambda one: None if one.solve_rate is None else band(one.solve_rate))
        charts.append(area_chart(f"{mode}: how often solved", BANDS, _BAND_COLOURS, bands, run.span))
    for mode in run.modes:
        rows = [summary for summary in run.summaries if summary.mode == mode]
        lengths = counts(rows, LONGEST, _length)
        charts.append(area_chart(f"{mode}: statements", _LENGTHS, _LENGTH_COLOURS, lengths, run.span))
    charts += [
        _by_mode(run, colours, "propose/reward"),
        _by_mode(run, colours, "propose/solve_rate"),
        _by_mode(run, colours, "propose/valid"),
        _by_mode(run, colours, "propose/learnable"),
        _by_mode(run, colours, "propose/new"),
        _by_mode(run, colours, "propose/unique"),
        line_chart(
            "statements with the commonest operation",
            [_commonest(run, mode, colours[mode]) for mode in run.modes],
            run.span,
            share=True,
        ),
    ]
    return html(
        '<section><h2>What it proposed</h2><p class="note">Only tasks that are solved sometimes can teach '
        "anything; the proposer is paid for them.</p>"
        '<div class="grid3">{charts}</div></section>',
        charts=joined(charts),
    )


def health(run: RunSummary) -> Html:
    """Entropy, the gap between sampler and learner, lengths, alarms, and where the time went."""
    charts = figure_charts.health(run.points, run.span, sorted({float(alarm.step) for alarm in run.alarms}))
    items = [html("<li><b>step {n}</b> {words}</li>", n=alarm.step, words=alarm.message) for alarm in run.alarms]
    alarms = html("<ul>{items}</ul>", items=joined(items)) if items else html("<p>No alarm was raised.</p>")
    return html(
        '<section><h2>Whether it stayed healthy</h2>{alarms}<p class="note">Vertical lines mark alarms.</p>'
        '<div class="grid3">{charts}</div></section>',
        alarms=alarms,
        charts=joined(charts),
    )


def _by_mode(run: RunSummary, colours: dict[str, str], name: str) -> Html:
    return figure_charts.by_mode(run.points, colours, FIGURES[f"{name}/{{mode}}"], run.span)


def _commonest(run: RunSummary, mode: str, colour: str) -> Series:
    return Series(mode, commonest_operation(summary for summary in run.summaries if summary.mode == mode), colour)


def _length(summary: ProposalSummary) -> int | None:
    """The place of its program's length among `_LENGTHS`."""
    return None if summary.program is None else min(max(statements(summary.program), 1), LONGEST) - 1
