"""The section that matters: held-out accuracy before and after."""

from collections.abc import Sequence
from shlex import quote

from abzero.views.html import Html, html, joined
from abzero.views.report.dots import Dot, DotRow, dot_chart
from abzero.views.report.gather import RunSummary
from abzero.views.report.results import (
    BASELINE,
    CHARTED,
    JUDGED,
    SAMPLED,
    Cell,
    Change,
    Evaluation,
    MeanScore,
    difference,
    points,
)


def learned(run: RunSummary, colours: dict[str, str]) -> Html:
    """Before and after with intervals, what changed beyond chance, and the table of all cells."""
    if run.before is None and run.after is None:
        return html(
            "<section><h2>What it learned</h2><p>This run was not evaluated. Measure the untouched base and the run on "
            "held-out problems, into the run's folder, and write the report again:</p>"
            "<pre>abzero eval {model} --json {before}\nabzero eval {run} --json {after}</pre>"
            "</section>",
            model=quote(run.settings.get("model.name", "MODEL")),
            run=quote(run.folder or run.name),
            before=quote(f"{run.folder or run.name}/eval-before.json"),
            after=quote(f"{run.folder or run.name}/eval-after.json"),
        )
    before, after = run.before or {}, run.after or {}
    charts = [
        dot_chart(f"{mode}, {metric}", _rows(before, after, mode, metric, colours[mode]))
        for metric in CHARTED
        for mode in run.modes
        if any(cell[0] == mode and cell[2] == metric for cell in {**before, **after})
    ]
    return html(
        '<section><h2>What it learned</h2>{conclusion}<p class="note">Held-out problems that were never trained on, by '
        "number of statements k. Hollow: before. Filled: after. Whiskers: 95 % Wilson intervals over problems. Tick: "
        'the baseline that echoes the question.</p><div class="grid3">{charts}</div>'
        "<details><summary>All cells</summary>{table}</details></section>",
        conclusion=_conclusion(changes(before, after)),
        charts=joined(charts),
        table=_table(before, after),
    )


def changes(before: Evaluation, after: Evaluation) -> dict[Cell, Change]:
    """after - before in every cell that both have, the baseline left out."""
    return {cell: difference(before[cell], after[cell]) for cell in before if cell in after and cell[2] != BASELINE}


def conclusion(found: dict[Cell, Change]) -> tuple[str, str]:
    """In words: what rose most, how many cells rose or fell beyond their interval, and what chance does.

    The headline is of sampled accuracy where there is any: greedy decoding turns a change of habit into one of skill.
    """
    judged = {cell: change for cell, change in found.items() if cell[2] in JUDGED}
    if not judged:
        return "", "There is no cell that was measured both before and after."
    best = max([cell for cell in judged if cell[2] == SAMPLED] or judged, key=lambda cell: judged[cell].value)
    fell = [f"{_name(cell)} {points(change)}" for cell, change in judged.items() if change.high < 0]
    rose = sum(change.low > 0 for change in judged.values())
    return f"{_name(best)}: {points(judged[best])} points.", (
        f"This is the largest rise of {best[2]}. Of {len(judged)} cells of {' and '.join(JUDGED)}, {rose} rose and "
        f"{len(fell)} fell beyond their 95 % interval{': ' + '; '.join(fell) if fell else ''}; chance alone moves "
        f"about {len(judged) * 0.05:.0f} of them."
    )


def _conclusion(found: dict[Cell, Change]) -> Html:
    headline, rest = conclusion(found)
    return html("<p><strong>{headline}</strong> {rest}</p>", headline=headline, rest=rest)


def _rows(before: Evaluation, after: Evaluation, mode: str, metric: str, colour: str) -> list[DotRow]:
    lengths = sorted({cell[1] for cell in {**before, **after} if cell[0] == mode and cell[2] == metric})
    rows = []
    for k in lengths:
        ends = ((before.get((mode, k, metric)), f"before {colour}"), (after.get((mode, k, metric)), f"after {colour}"))
        baseline = before.get((mode, k, BASELINE)) or after.get((mode, k, BASELINE))
        dots = [Dot(share, classes) for share, classes in ends if share]
        rows.append(DotRow(f"k = {k}", dots, baseline.value if baseline else None))
    return rows


def _table(before: Evaluation, after: Evaluation) -> Html:
    found = changes(before, after)
    rows = []
    for cell in sorted({**before, **after}, key=lambda cell: (cell[2], cell[0], cell[1])):
        change = found.get(cell)
        sign = ("up" if change.low > 0 else "down" if change.high < 0 else "") if change else ""
        rows.append(
            html(
                "<tr><td>{mode}</td><td>{k}</td><td>{metric}</td><td>{n}</td><td>{a}</td><td>{b}</td>"
                '<td class="{sign}">{d}</td></tr>',
                mode=cell[0],
                k=cell[1],
                metric=cell[2],
                n=(after.get(cell) or before[cell]).n,
                a=_share(before.get(cell)),
                b=_share(after.get(cell)),
                d=points(change) if change else "",
                sign=sign,
            )
        )
    head = _head(("mode", "k", "metric", "problems", "before", "after", "change, points"))
    return html("<table>{head}{rows}</table>", head=head, rows=joined(rows))


def _head(names: Sequence[str]) -> Html:
    return html("<tr>{cells}</tr>", cells=joined(html("<th>{name}</th>", name=name) for name in names))


def _share(share: MeanScore | None) -> str:
    return f"{share.value:.1%} [{share.low:.1%}, {share.high:.1%}]" if share else ""


def _name(cell: Cell) -> str:
    mode, k, metric = cell
    return f"{mode}, k = {k}, {metric}"
