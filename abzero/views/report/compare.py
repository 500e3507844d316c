"""`abzero compare`: the arms of an experiment in one table and one page of curves."""

from collections.abc import Callable, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from abzero.algo.figures import FIGURES
from abzero.text.sanitize import harmless
from abzero.text.terminal import Column, RankedTable, counted
from abzero.views.charts import Interval, Point, Series, line_chart
from abzero.views.html import Html, html, joined
from abzero.views.report.dots import Dot, DotRow, dot_chart
from abzero.views.report.experiments import Arm, base, cells, metrics
from abzero.views.report.gather import RunSummary, means, statements
from abzero.views.report.page import page
from abzero.views.report.results import BASELINE, CHARTED, Change, MeanScore, points

INTERVALS = (
    "Shares in percent; gains and leads in points, with 95 % intervals that cover both Student's over seeds and "
    "that over problems. Gains are over the untouched base, leads over the first arm, paired by seed and problem."
)
_CURVES = tuple(
    FIGURES[name]
    for name in (
        *("solve/score/{mode}", "solve/has_cot/{mode}", "propose/solve_rate/{mode}", "propose/learnable/{mode}"),
        *("propose/valid/{mode}", "propose/new/{mode}", "propose/unique/{mode}"),
    )
)
"""The figures that have a chart for each mode."""


def tables(found: Sequence[Arm]) -> RenderableType:
    """For the terminal: which runs make which arm, then a table for each metric."""
    legend = RankedTable([Column("arm"), Column("settings"), Column("seeds", 2), Column("runs", 1), Column("steps", 3)])
    for number, arm in enumerate(found, 1):
        runs = list(arm.runs.values())
        names, steps = [run.name for run in runs], sorted({len(run.steps) for run in runs})
        cells_of = (f"{number}", arm.label, ", ".join(arm.runs), " ".join(names), ", ".join(map(str, steps)))
        legend.add_row(*map(_text, cells_of))
    parts: list[RenderableType] = [legend]
    for metric in metrics(found):
        head, rows = figures(found, metric)
        ranks = {"problems": 5, "baseline": 4, "base": 3, "gain": 1}
        columns = [Column(name, ranks.get(name, 0), "left" if name == "mode" else "right") for name in head]
        table = RankedTable(columns, harmless(metric))
        for row in rows:
            table.add_row(*map(_text, row))
        parts.append(table)
    nothing = Text("No run was evaluated; what compares them is made with: abzero eval RUN --json RUN/eval-after.json")
    forks = [Text(words)] if (words := _forks(found)) else []
    return Group(*parts, Text(INTERVALS) if len(parts) > 1 else nothing, *forks)


def figures(found: Sequence[Arm], metric: str) -> tuple[list[str], list[list[str]]]:
    """The table of `metric`: its head, and a row for each cell."""
    head = ["mode", "k", "problems", "baseline", "base"]
    for number in range(1, len(found) + 1):
        head += [f"{number}", "gain", *(["lead"] if number > 1 else [])]
    rows = []
    for cell in cells(found, metric):
        start = base(found, cell)
        first = found[0].after(cell) or start
        row = [cell[0], f"{cell[1]}", f"{first.n}" if first else "", _share(base(found, (*cell[:2], BASELINE)))]
        row.append(_share(start))
        for number, arm in enumerate(found):
            row += [_share(arm.after(cell)), _points(arm.gain(cell))]
            row += [_points(arm.lead(found[0], cell))] if number else []
        rows.append(row)
    return head, rows


def compared(found: Sequence[Arm]) -> dict[str, object]:
    """The arms, and every cell's figures, as plain data."""
    described = [
        {"label": arm.label, "runs": [run.name for run in arm.runs.values()], "seeds": list(arm.runs)} for arm in found
    ]
    rows = [
        {
            "metric": metric,
            "mode": cell[0],
            "k": cell[1],
            "base": _plain(base(found, cell)),
            "baseline": _plain(base(found, (*cell[:2], BASELINE))),
            "arms": [
                {"after": _plain(arm.after(cell)), "gain": _plain(arm.gain(cell)), "lead": _plain(lead)}
                for arm, lead in zip(found, [None, *(arm.lead(found[0], cell) for arm in found[1:])], strict=True)
            ],
        }
        for metric in metrics(found)
        for cell in cells(found, metric)
    ]
    return {"arms": described, "cells": rows}


def _plain(figure: MeanScore | Change | None) -> dict[str, float] | None:
    return {"value": figure.value, "low": figure.low, "high": figure.high} if figure else None


def comparison_page(found: Sequence[Arm]) -> Html:
    """The same as a page, with the dots of every cell and the curves of every run."""
    runs = [run for arm in found for run in arm.runs.values()]
    modes = sorted({mode for run in runs for mode in run.modes})
    keys = [
        html('<li><i class="key c{c}"></i>{label}: {runs}</li>', c=index % 8, label=arm.label, runs=_members(arm))
        for index, arm in enumerate(found)
    ]
    dots = [_dots(found, mode, metric) for metric in CHARTED for mode in modes if cells(found, metric)]
    curves = [_curves(found, f"{mode}: {one.label}", one.prefix + mode) for mode in modes for one in _CURVES]
    lengths = [_lengths(found, mode) for mode in modes]
    entropy = _curves(found, "entropy, nats a token", "learner/entropy", share=False)
    body = html(
        '<section><ul class="arms">{keys}</ul></section>'
        '<section><h2>What they learned</h2><p class="note">Hollow: the untouched base. Tick: the baseline that echoes '
        'the question. {intervals}</p><div class="grid3">{dots}</div>{tables}</section>'
        '<section><h2>How they went</h2><p class="note">One curve a run, one colour an arm.</p>'
        '<div class="grid3">{curves}</div></section>',
        keys=joined(keys),
        intervals=f"{INTERVALS} {_forks(found)}".rstrip(),
        dots=joined(dots),
        tables=joined(_table(found, metric) for metric in metrics(found)),
        curves=joined([*lengths, *curves, entropy]),
    )
    return page("Runs compared", body)


def _dots(found: Sequence[Arm], mode: str, metric: str) -> Html:
    rows = []
    for cell in cells(found, metric):
        if cell[0] == mode:
            start, echo = base(found, cell), base(found, (*cell[:2], BASELINE))
            reached = [(arm.after(cell), f"after c{index % 8}") for index, arm in enumerate(found)]
            dots = [Dot(share, classes) for share, classes in [(start, "before c7"), *reached] if share]
            rows.append(DotRow(f"k = {cell[1]}", dots, echo.value if echo else None))
    return dot_chart(f"{mode}, {metric}", rows)


def _curves(found: Sequence[Arm], title: str, name: str, share: bool = True) -> Html:
    return line_chart(title, _series(found, lambda run: run.figures.get(name, ())), _span(found), share=share)


def _lengths(found: Sequence[Arm], mode: str) -> Html:
    return line_chart(f"{mode}: mean statements", _series(found, lambda run: _mean_statements(run, mode)), _span(found))


def _series(found: Sequence[Arm], points_of: Callable[[RunSummary], Sequence[Point]]) -> list[Series]:
    """A curve for every run, in the colour of its arm."""
    return [
        Series(arm.label, points_of(run), f"c{index % 8}", run.name)
        for index, arm in enumerate(found)
        for run in arm.runs.values()
    ]


def _span(found: Sequence[Arm]) -> Interval:
    spans = [run.span for arm in found for run in arm.runs.values()]
    return min(first for first, _ in spans), max(last for _, last in spans)


def _members(arm: Arm) -> str:
    return ", ".join(
        f"{run.name} (seed {seed}, {counted(len(run.steps), 'step')}"
        f"{f', forked from {harmless(run.forked_from)}' if run.forked_from else ''})"
        for seed, run in arm.runs.items()
    )


def _forks(found: Sequence[Arm]) -> str:
    """Which runs do not count as a seed of their own: they share a past with another."""
    runs = [run for arm in found if len(arm.runs) > 1 for run in arm.runs.values() if run.forked_from]
    told = ", ".join(f"{run.name} (from {harmless(run.forked_from)})" for run in runs)
    return f"Forked, so no independent seed, and intervals are too narrow: {told}." if runs else ""


def _mean_statements(run: RunSummary, mode: str) -> list[Point]:
    rows = [summary for summary in run.summaries if summary.mode == mode and summary.program is not None]
    return means(rows, lambda one: float(statements(one.program or "")))


def _table(found: Sequence[Arm], metric: str) -> Html:
    head, rows = figures(found, metric)
    cells_of = [joined(html("<td>{text}</td>", text=text) for text in row) for row in rows]
    return html(
        "<details><summary>{metric}, all cells</summary><table><tr>{head}</tr>{rows}</table></details>",
        metric=metric,
        head=joined(html("<th>{text}</th>", text=text) for text in head),
        rows=joined(html("<tr>{cells}</tr>", cells=row) for row in cells_of),
    )


def _share(share: MeanScore | None) -> str:
    return f"{100 * share.value:.1f}" if share else ""


def _points(change: Change | None) -> str:
    return points(change) if change else ""


def _text(words: str) -> Text:
    return Text(harmless(words))
