"""Curriculum and rejections: is it learning, is it narrowing, why are proposals lost?"""

from collections.abc import Mapping, Sequence

from abzero.algo.figures import FIGURES
from abzero.views import figure_charts
from abzero.views.charts import Interval, Px, Series, figure, label, line_chart
from abzero.views.html import Html, html, joined
from abzero.views.report.curves import held_out_charts
from abzero.views.report.page import mode_colours
from abzero.views.web.pages.frame import Page, PageRequest, empty, link, one_line, section, spark
from abzero.views.web.queries import curriculum, growth, step

_BY_MODE = tuple(
    FIGURES[f"{name}/{{mode}}"]
    for name in (
        *("solve/score", "solve/reward", "solve/malformed", "solve/has_cot", "propose/reward", "propose/solve_rate"),
        *("propose/valid", "propose/learnable", "propose/new", "propose/unique", "buffer/size"),
    )
)
_GROWTH_STEPS, _PROGRAMS = 16, 4


def curriculum_page(ask: PageRequest) -> Page:
    """Difficulty, validity and novelty over steps, and the learner's health."""
    last = ask.overview.step or 0
    if last < 1:
        return Page("Curriculum", "curriculum", empty("No self-play step was committed yet."), live=True)
    span: Interval = (1.0, float(last))
    modes = ask.journal.modes()
    colours = mode_colours(modes)
    sampled, every = curriculum.sampled(ask.journal)
    solved = curriculum.heat(ask.journal, sampled)
    heats = [_heat(mode, solved.get(mode, [])) for mode in modes]
    note = (
        "Each column is a step"
        + (f", every {every}th" if every > 1 else "")
        + ("; the stronger the colour, the more of its tasks. Only what is solved sometimes can teach anything.")
    )
    charts = [figure_charts.by_mode(ask.journal.series, colours, one, span) for one in _BY_MODE]
    marks = sorted({float(number) for number, _, _ in curriculum.alarms(ask.journal)})
    health = figure_charts.health(ask.journal.series, span, marks)
    held = {name: ask.journal.series(name) for name in ask.journal.held_out()}
    kept = html('<div class="grid3">{c}</div>', c=joined(held_out_charts(held, span[1])))
    parts = [
        section("How often its tasks are solved", html('<div class="grid3">{h}</div>', h=joined(heats)), note),
        section("Proposing and solving", html('<div class="grid3">{c}</div>', c=joined(charts)), "Bold: rolling mean."),
        *([section("Held-out problems", kept, f"{FIGURES['eval/{suite}'].doc}.")] if held else []),
        _growth(ask, span, modes, colours),
        section("Health", html('<div class="grid3">{c}</div>', c=joined(health)), "Vertical lines mark alarms."),
    ]
    return Page("Curriculum", "curriculum", joined(parts), live=True)


def _growth(ask: PageRequest, span: Interval, modes: Sequence[str], colours: Mapping[str, str]) -> Html:
    """Whether programs grow, and from how far back tasks are drawn."""
    steps, _ = curriculum.sampled(ask.journal, _GROWTH_STEPS)
    grown, old = growth.programs(ask.journal, steps, _PROGRAMS), growth.ages(ask.journal, steps)
    lines = [Series(mode, [(one.step, one.lines) for one in grown.get(mode, [])], colours[mode]) for mode in modes]
    depth = [Series(mode, [(one.step, one.complexity) for one in grown.get(mode, [])], colours[mode]) for mode in modes]
    shown = [(float(one.step), one.shown) for one in old if one.shown is not None]
    solved = [(float(one.step), one.solved) for one in old if one.solved is not None]
    drawn = [Series("shown to the proposer", shown, "c0"), Series("given to the solver", solved, "c2")]
    charts = [
        line_chart("lines of a new program", [one for one in lines if one.points], span),
        line_chart("cyclomatic complexity of a new program", [one for one in depth if one.points], span),
        line_chart("age of the tasks drawn from the buffer, steps", [one for one in drawn if one.points], span),
    ]
    note = f"Of up to {_PROGRAMS} programs of each mode, and every fifth draw, in each of {len(steps)} steps."
    return section("Growth and age", html('<div class="grid3">{c}</div>', c=joined(charts)), note)


def rejections_page(ask: PageRequest) -> Page:
    """Reasons, counted over time, with their newest examples."""
    sampled, every = curriculum.sampled(ask.journal, 40)
    found = curriculum.rejections(ask.journal, sampled)
    if not found:
        return Page("Rejections", "rejections", empty("No proposal was rejected yet."), live=True)
    all_of = sum(reason.total for reason in found)
    cards = [_reason(ask, reason, all_of, sampled) for reason in found[:30]]
    looked = f"{all_of:,} rejections in {len(sampled)} steps" + (f", every {every}th" if every > 1 else "")
    rest = f" {len(found) - 30} rarer reasons are left out." if len(found) > 30 else ""
    body = html('<p class="note">{looked}.{rest}</p>{cards}', looked=looked, rest=rest, cards=joined(cards))
    return Page("Rejections", "rejections", body, live=True)


def _reason(ask: PageRequest, reason: curriculum.Reason, all_of: int, sampled: Sequence[int]) -> Html:
    counts = dict(reason.by_step)
    most = max(counts.values())
    curve = spark([counts.get(n, 0) / most for n in sampled], f"at most {most} in a step")
    rows = []
    for n, position in reason.examples:
        row = step.proposal(ask.journal, n, position)
        if row:
            to = link(ask.to("proposal", n, position), f"{n}·{position}", "item num")
            rows.append(
                html('<li>{to} <span class="mode">{m}</span> {e}</li>', to=to, m=row.mode, e=one_line(row.error))
            )
    return html(
        '<details class="card reason"><summary><b>{kind}</b><span class="num">{n}</span>'
        '<span class="soft">{share}</span>'
        '{curve}</summary><ul class="plain">{rows}</ul></details>',
        kind=reason.kind,
        n=reason.total,
        share=f"{reason.total / all_of:.0%}",
        curve=curve,
        rows=joined(rows),
    )


def _heat(mode: str, columns: Sequence[curriculum.SolveRateColumn]) -> Html:
    """A heat map: steps to the right, solve rates upwards."""
    if not any(sum(column.counts) for column in columns):
        return figure(mode, empty("no task yet"), [])
    rows, left, top, width, height = curriculum.BINS + 2, 46, 6, 326.0, 160.0
    cells = []
    for x, column in enumerate(columns):
        total = sum(column.counts) or 1
        for row, amount in enumerate(column.counts):
            if amount:
                cells.append(
                    html(
                        '<rect class="heat k{k}" x="{x}" y="{y}" width="{w}" height="{h}"><title>{t}</title></rect>',
                        k=min(1 + int(6 * amount / total), 6),
                        x=Px(left + width * x / len(columns)),
                        y=Px(top + height * (rows - 1 - row) / rows),
                        w=Px(max(width / len(columns) - 0.6, 0.8)),
                        h=Px(height / rows - 0.8),
                        t=f"step {column.step}: {amount} of {total} tasks solved {_band(row)}",
                    )
                )
    marks = [(rows - 0.5, "always"), (rows / 2, "half"), (0.5, "never")]
    cells += [label(left - 6, top + height * (rows - at) / rows + 4, word, "end") for at, word in marks]
    cells.append(label(left, 184, f"{columns[0].step}", "start"))
    cells.append(label(left + width, 184, f"{columns[-1].step}", "end"))
    newest = columns[-1].counts
    words = f"{mode}, newest step: {newest[0]} tasks never solved, {newest[-1]} always, {sum(newest[1:-1])} sometimes"
    drawing = html('<svg viewBox="0 0 380 190" role="img" aria-label="{w}">{c}</svg>', w=words, c=joined(cells))
    return figure(mode, drawing, [])


def _band(row: int) -> str:
    if row in (0, curriculum.BINS + 1):
        return "never" if row == 0 else "always"
    return f"{row} of {curriculum.BINS + 1} times, or about as often"
