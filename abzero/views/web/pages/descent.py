"""Lineage: where do tasks come from?"""

from collections import defaultdict
from collections.abc import Callable

from abzero.views.charts import Px, Series, label, line_chart
from abzero.views.html import Html, html, joined
from abzero.views.report.gather import band
from abzero.views.report.page import mode_colours
from abzero.views.web.pages.frame import Page, PageRequest, empty, link, one_line, section, table
from abzero.views.web.pages.steps import natural as whole
from abzero.views.web.queries import curriculum, lineage

_STEPS = 8
_FERTILE_STEPS = 12
_DESCENT_STEPS, _TASKS = 8, 12
_WIDTH, _HEIGHT = 1000, 520


def page(ask: PageRequest) -> Page:
    """The tasks of a few steps with what they were shown, and the most fertile ancestors."""
    end = min(whole(ask.query.get("to"), ask.overview.step or 0), ask.overview.step or 0)
    first = max(end - _STEPS + 1, 0)
    found = lineage.graph(ask.journal, first, end)
    if not found.nodes:
        return Page("Lineage", "lineage", empty("No proposal became a task in these steps yet."), live=True)
    by_rate = ask.query.get("colour") == "rate"
    other = link(
        ask.to("lineage", query={"colour": "mode" if by_rate else "rate", "to": end}),
        "by mode" if by_rate else "by solve rate",
    )
    earlier = link(ask.to("lineage", query={"to": first - 1}), f"← before step {first}", "prev") if first > 1 else ""
    later = (
        link(ask.to("lineage", query={"to": end + _STEPS}), "later →", "next") if end < (ask.overview.step or 0) else ""
    )
    left_out = f" {found.left_out} tasks are left out." if found.left_out else ""
    note = (
        f"{len(found.nodes)} tasks, {len(found.edges)} edges: from each task to those whose proposal was shown it. "
        "Steps go to the right; the leftmost column holds ancestors from before. A ring: nothing descends from it in "
        f"these steps.{left_out}"
    )
    body = html('<p class="around">{e}{o}{l}</p>{g}', e=earlier, o=other, l=later, g=_graph(ask, found, by_rate))
    parts = [section(f"Steps {first} to {end}", body, note), _descent(ask), _fertile(ask)]
    return Page("Lineage", "lineage", joined(parts), live="to" not in ask.query)


def _graph(ask: PageRequest, found: lineage.Graph, by_rate: bool) -> Html:
    columns: dict[int, list[lineage.Node]] = defaultdict(list)
    for node in found.nodes:
        columns[node.step if node.step >= found.first else -1].append(node)
    steps = sorted(columns)
    places: dict[str, tuple[float, float]] = {}
    parents: dict[str, list[str]] = defaultdict(list)
    for reference, child in found.edges:
        parents[child].append(reference)
    for index, n in enumerate(steps):
        x = 40 + index * (_WIDTH - 80) / max(len(steps) - 1, 1)
        above = {node.id: [places[p][1] for p in parents[node.id] if p in places] for node in columns[n]}
        column = sorted(columns[n], key=lambda one: (one.mode, sum(above[one.id]) / max(len(above[one.id]), 1), one.id))
        for row, node in enumerate(column):
            places[node.id] = (x, 14 + (row + 0.5) * (_HEIGHT - 50) / len(column))
    colours = mode_colours(sorted({node.mode for node in found.nodes}))
    numbers = {node.id: number for number, node in enumerate(found.nodes)}
    drawn = [_edge(places[a], places[b], numbers[a], numbers[b]) for a, b in found.edges if places[a][0] < places[b][0]]
    parents_of = {reference for reference, _ in found.edges}
    for node in found.nodes:
        x, y = places[node.id]
        rate = "" if node.solve_rate is None else f", solve rate {node.solve_rate:.2f}"
        colour = colours[node.mode] if not by_rate else "c7" if node.solve_rate is None else f"b{band(node.solve_rate)}"
        drawn.append(
            html(
                '<a href="{to}" data-node="{n}"><circle class="dot {c}{end}" cx="{x}" cy="{y}" r="{r}">'
                "<title>{t}</title></circle></a>",
                to=ask.to("task", node.id),
                n=numbers[node.id],
                c=colour,
                end="" if node.id in parents_of else " end",
                r=4 if len(columns[node.step if node.step >= found.first else -1]) < 90 else 2,
                x=Px(x),
                y=Px(y),
                t=f"{node.mode}, step {node.step}{rate}: {node.program}",
            )
        )
    for index, n in enumerate(steps):
        x = 40 + index * (_WIDTH - 80) / max(len(steps) - 1, 1)
        drawn.append(label(x, _HEIGHT - 8, "before" if n < 0 else "seeds" if n == 0 else f"{n}", "middle"))
    keys = [html('<span><i class="{c}"></i>{m}</span>', c=c, m=m) for m, c in colours.items()]
    if by_rate:
        names = ("never", "≤ ¼", "≤ ½", "≤ ¾", "< 1", "always")
        keys = [html('<span><i class="b{k}"></i>{m}</span>', k=k, m=m) for k, m in enumerate(names)]
    return html(
        '<figure class="graph"><figcaption><small>{keys}</small></figcaption>'
        '<div class="wide" role="region" tabindex="0" '
        'aria-label="graph of descent"><svg viewBox="0 0 {w} {h}" role="group" aria-label="tasks by step">{d}'
        "</svg></div></figure>",
        keys=joined(keys),
        w=_WIDTH,
        h=_HEIGHT,
        d=joined(drawn),
    )


def _edge(a: tuple[float, float], b: tuple[float, float], start: int, end: int) -> Html:
    middle = (a[0] + b[0]) / 2
    path = f"M{a[0]:.1f} {a[1]:.1f}C{middle:.1f} {a[1]:.1f} {middle:.1f} {b[1]:.1f} {b[0]:.1f} {b[1]:.1f}"
    return html('<path class="edge" d="{p}" data-edge="{a} {b}"/>', p=path, a=start, b=end)


def _descent(ask: PageRequest) -> Html:
    """How old the lines are, how many there are, and how many go on."""
    steps, _ = curriculum.sampled(ask.journal, _DESCENT_STEPS)
    found = lineage.descent(ask.journal, steps, _TASKS)
    if not found:
        return Html("")
    span = (1.0, float(ask.overview.step or 1))

    def series(name: str, colour: str, value: Callable[[lineage.Descent], float | None]) -> Series:
        points = [(float(one.step), y) for one in found if (y := value(one)) is not None]
        return Series(name, points, colour)

    mean = series("mean", "c0", lambda one: sum(one.depths) / len(one.depths))
    deepest = series("deepest", "c5", lambda one: float(max(one.depths)))
    founders = series("founders", "c3", lambda one: one.founders / len(one.depths))
    fertile = series("go on", "c2", lambda one: one.fertile)
    charts = [
        line_chart("generations back to a founder", [mean, deepest], span),
        line_chart("different founders, a task", [founders], span, share=True),
        line_chart("tasks that a later task descends from", [fertile] if fertile.points else [], span, share=True),
    ]
    note = (
        f"Of up to {_TASKS} tasks in each of {len(found)} steps, going back from each to the first task that its "
        "prompt showed. Few founders: the curriculum is one family. A line of which nothing descends is extinct; the "
        "newest have had little time."
    )
    return section("Depth and founders", html('<div class="grid3">{c}</div>', c=joined(charts)), note)


def _fertile(ask: PageRequest) -> Html:
    since = max((ask.overview.step or 0) - _FERTILE_STEPS, 0)
    found = lineage.fertile(ask.journal, since)
    rows = [
        [
            link(ask.to("task", one.id), one.id[:8], "item"),
            html('<span class="mode">{m}</span>', m=one.mode),
            "seed" if one.step == 0 else f"step {one.step}",
            one.shown,
            one.children,
            one_line(one.program),
        ]
        for one in found
    ]
    head = ("task", "mode", "from", "shown", "became tasks", "program")
    note = "Over the whole run." if not since else f"Of the proposals since step {since}."
    return section("Most fertile ancestors", table(head, rows, "most fertile ancestors"), note)
