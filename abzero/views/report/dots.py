"""The chart of shares with intervals: one row a cell, one dot for each that is compared."""

from collections.abc import Sequence
from dataclasses import dataclass

from abzero.views.charts import LEFT, WIDTH, Frame, Px, figure, label
from abzero.views.html import Html, html, joined
from abzero.views.report.results import MeanScore

_PITCH = 11
"""Vertical distance of the dots of one row."""


@dataclass(frozen=True, slots=True)
class Dot:
    """A share, and the classes that draw it: ``before`` (hollow) or ``after`` (filled), and a colour."""

    share: MeanScore
    classes: str


@dataclass(frozen=True, slots=True)
class DotRow:
    """A cell; a tick marks its baseline."""

    label: str
    dots: Sequence[Dot]
    baseline: float | None


def dot_chart(title: str, rows: Sequence[DotRow]) -> Html:
    """Shares from 0 to 100 % with whiskers for their intervals, row by row."""
    pitch = _PITCH * max((len(row.dots) for row in rows), default=1) + 9
    height = pitch * len(rows) + 30
    frame = Frame(0.0, 1.0, 0.0, 1.0)
    parts = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = Px(frame.x(tick))
        parts.append(html('<line class="grid" x1="{x}" x2="{x}" y1="2" y2="{y}"/>', x=x, y=height - 24))
        parts.append(label(x, height - 8, f"{tick:.0%}", "middle"))
    for index, row in enumerate(rows):
        parts += _row(frame, row, 4 + pitch * index, pitch)
    drawing = html(
        '<svg viewBox="0 0 {w} {h}" role="img" aria-label="{title}">{parts}</svg>',
        w=WIDTH,
        h=height,
        title=title,
        parts=joined(parts),
    )
    return figure(title, drawing, [])


def _row(frame: Frame, row: DotRow, top: float, pitch: float) -> list[Html]:
    middle = top + pitch / 2
    parts = [label(LEFT - 8, middle + 4, row.label, "end")]
    if row.baseline is not None:
        ends = {"x": Px(frame.x(row.baseline)), "a": Px(top + 2), "b": Px(top + pitch - 2)}
        parts.append(html('<line class="tick" x1="{x}" x2="{x}" y1="{a}" y2="{b}"/>', **ends))
    begin = middle - _PITCH * (len(row.dots) - 1) / 2
    return parts + [_dot(frame, dot, begin + _PITCH * index) for index, dot in enumerate(row.dots)]


def _dot(frame: Frame, dot: Dot, y: float) -> Html:
    share = dot.share
    words = f"{share.value:.1%} of {share.n}, 95 % interval {share.low:.1%} to {share.high:.1%}"
    return html(
        '<g class="{classes}"><title>{words}</title><line x1="{low}" x2="{high}" y1="{y}" y2="{y}"/>'
        '<circle cx="{x}" cy="{y}" r="4.2"/></g>',
        classes=dot.classes,
        words=words,
        low=Px(frame.x(share.low)),
        high=Px(frame.x(share.high)),
        x=Px(frame.x(share.value)),
        y=Px(y),
    )
