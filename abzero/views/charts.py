"""Charts as inline SVG. Colours are classes, so that the page's style sheet decides them, by day and by night."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from abzero.views.html import Html, html, joined

Point = tuple[float, float]

Interval = tuple[float, float]
"""The first and the last step of the x axis, so that charts of one run can be compared."""

WIDTH, _HEIGHT = 380, 190
LEFT, RIGHT, _TOP, _BOTTOM = 42, 18, 8, 24
_MOST_POINTS = 400
_SMOOTH_FROM = 40
"""Points from which on a rolling mean is drawn over the faint raw curve."""


@dataclass(frozen=True, slots=True)
class Series:
    """A curve: its name in the legend, its points by ascending x, and the class that colours it (``c0`` … ``c7``)."""

    label: str
    points: Sequence[Point]
    colour: str
    name: str = ""
    """What it is called under the pointer, where that is not `label`."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the data lie on the canvas."""

    x0: float
    x1: float
    y0: float
    y1: float

    def x(self, value: float) -> float:
        return LEFT + (value - self.x0) / (self.x1 - self.x0) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - (value - self.y0) / (self.y1 - self.y0) * (_HEIGHT - _TOP - _BOTTOM)


def line_chart(
    title: str, series: Sequence[Series], span: Interval, *, share: bool = False, marks: Sequence[float] = ()
) -> Html:
    """Curves over steps. `share` fixes the y axis to 0 … 100 %; `marks` are steps to be marked by a vertical line."""
    drawn = [replace(one, points=thinned(one.points)) for one in series if _finite(one.points)]
    if not drawn:
        return figure(title, html('<p class="none">nothing was logged</p>'), [])
    values = [y for one in drawn for _, y in one.points]
    low, high = (0.0, 1.0) if share else _padded(min(values), max(values))
    frame = Frame(span[0], max(span[1], span[0] + 1), low, high)
    parts = [_axes(frame, share)]
    parts += [
        html(
            '<line class="mark" x1="{x}" x2="{x}" y1="{top}" y2="{end}"/>',
            x=Px(x),
            top=_TOP,
            end=_HEIGHT - _BOTTOM,
        )
        for x in map(frame.x, marks)
    ]
    for one in drawn:
        smooth = rolling_mean(one.points)
        raw = "raw" if smooth is not one.points else ""
        parts.append(_path(frame, one.points, f"line {one.colour} {raw}"))
        parts += [_path(frame, smooth, f"line {one.colour}")] if raw else []
        parts += [_dot(frame, one)] if len(one.points) == 1 else []
    return figure(
        title, _svg(parts, frame, drawn, share), list(dict.fromkeys((one.label, one.colour) for one in drawn))
    )


def area_chart(
    title: str,
    labels: Sequence[str],
    colours: Sequence[str],
    rows: Sequence[tuple[float, Sequence[float]]],
    span: Interval,
) -> Html:
    """Shares over steps, the first label at the bottom. A row is (step, amounts); empty ones do not count."""
    binned = _binned([(x, amounts) for x, amounts in rows if sum(amounts)])
    if not binned:
        return figure(title, html('<p class="none">nothing was logged</p>'), [])
    shares = [(x, [amount / sum(amounts) for amount in amounts]) for x, amounts in binned]
    if len(shares) == 1:
        shares.append((shares[0][0] + 1, shares[0][1]))
    frame = Frame(span[0], max(span[1], shares[-1][0]), 0.0, 1.0)
    parts = [_axes(frame, share=True)]
    for index, colour in enumerate(colours):
        below = [(x, sum(row[:index])) for x, row in shares]
        above = [(x, sum(row[: index + 1])) for x, row in shares]
        outline = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in [*below, *reversed(above)])
        parts.append(html('<polygon class="area {colour}" points="{outline}"/>', colour=colour, outline=outline))
    series = [Series(name, [(x, row[i]) for x, row in shares], colours[i]) for i, name in enumerate(labels)]
    legend = list(zip(labels, colours, strict=True))
    return figure(title, _svg(parts, frame, series, share=True), legend)


class Px(float):
    """A coordinate: prints with one decimal."""

    def __str__(self) -> str:
        return f"{float(self):.1f}"


def thinned(points: Sequence[Point]) -> list[Point]:
    """The finite ones of `points`, or means of neighbours where there are more than a chart can show."""
    finite = _finite(points)
    size = math.ceil(len(finite) / _MOST_POINTS) or 1
    groups = [finite[start : start + size] for start in range(0, len(finite), size)]
    return [(sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group)) for group in groups]


def rolling_mean(points: Sequence[Point]) -> Sequence[Point]:
    """The centred mean over a twentieth of the points; `points` itself where they are few."""
    if len(points) < _SMOOTH_FROM:
        return points
    half = len(points) // 40
    sums = [0.0, *accumulate(y for _, y in points)]
    windows = [(max(0, index - half), min(index + half + 1, len(points))) for index in range(len(points))]
    return [
        (x, (sums[end] - sums[start]) / (end - start)) for (x, _), (start, end) in zip(points, windows, strict=True)
    ]


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round numbers from `low` to `high`, about as many as `wanted`."""
    size = 10 ** math.floor(math.log10((high - low) / wanted))
    size *= min((factor for factor in (1, 2, 5, 10)), key=lambda factor: abs((high - low) / (size * factor) - wanted))
    first = math.ceil(low / size - 1e-9)
    return [round(index * size, 10) for index in range(first, math.floor(high / size + 1e-9) + 1)]


def _axes(frame: Frame, share: bool) -> Html:
    parts = []
    for value in ticks(frame.y0, frame.y1, 4):
        y = Px(frame.y(value))
        parts.append(html('<line class="grid" x1="{a}" x2="{b}" y1="{y}" y2="{y}"/>', a=LEFT, b=WIDTH - RIGHT, y=y))
        parts.append(label(LEFT - 6, y + 4, f"{value:.0%}" if share else f"{value:g}", "end"))
    for value in ticks(frame.x0, frame.x1, 4):
        if value == int(value):
            parts.append(label(frame.x(value), _HEIGHT - 6, f"{value:g}", "middle"))
    return joined(parts)


def label(x: float, y: float, text: str, anchor: str) -> Html:
    return html(
        '<text x="{x}" y="{y}" text-anchor="{anchor}">{text}</text>', x=Px(x), y=Px(y), anchor=anchor, text=text
    )


def _path(frame: Frame, points: Sequence[Point], classes: str) -> Html:
    path = " ".join(f"{frame.x(x):.1f},{frame.y(min(max(y, frame.y0), frame.y1)):.1f}" for x, y in points)
    return html('<polyline class="{classes}" points="{path}"/>', classes=classes, path=path)


def _dot(frame: Frame, one: Series) -> Html:
    [(x, y)] = one.points
    return html('<circle class="dot {c}" cx="{x}" cy="{y}" r="3"/>', c=one.colour, x=Px(frame.x(x)), y=Px(frame.y(y)))


def _svg(parts: Sequence[Html], frame: Frame, series: Sequence[Series], share: bool) -> Html:
    """The drawing, with its numbers beside it for the page's script, which shows them under the pointer."""
    numbers = {
        "frame": [LEFT, WIDTH - RIGHT, frame.x0, frame.x1],
        "share": share,
        "series": [
            [one.name or one.label, [[round(x, 2), float(f"{y:.4g}")] for x, y in one.points]] for one in series
        ],
    }
    return html(
        '<svg viewBox="0 0 {w} {h}" role="img" aria-label="{words}" data-numbers="{numbers}">{parts}'
        '<line class="cursor" y1="{top}" y2="{end}"/></svg>',
        w=WIDTH,
        h=_HEIGHT,
        words="; ".join(_in_words(one, share) for one in series),
        numbers=json.dumps(numbers),
        parts=joined(parts),
        top=_TOP,
        end=_HEIGHT - _BOTTOM,
    )


def _in_words(one: Series, share: bool) -> str:
    """What a curve shows, for who cannot see it."""
    (x0, y0), (x1, y1) = one.points[0], one.points[-1]
    begin, end = (f"{y0:.0%}", f"{y1:.0%}") if share else (f"{y0:.4g}", f"{y1:.4g}")
    return f"{one.name or one.label}: {begin} at step {x0:.0f}, {end} at step {x1:.0f}"


def figure(title: str, body: Html, legend: Sequence[tuple[str, str]]) -> Html:
    keys = [
        html('<span><i class="{colour}"></i>{label}</span>', colour=colour, label=label) for label, colour in legend
    ]
    return html(
        "<figure><figcaption>{title}{keys}</figcaption>{body}</figure>",
        title=title,
        keys=html("<small>{keys}</small>", keys=joined(keys)) if keys else "",
        body=body,
    )


def _finite(points: Sequence[Point]) -> list[Point]:
    return [(x, y) for x, y in points if math.isfinite(y)]


def _padded(low: float, high: float) -> tuple[float, float]:
    """A range with some air; from 0 where the values come near it."""
    if low >= 0 and low < high / 2:
        low = 0.0
    air = (high - low or abs(high) or 1.0) * 0.08
    return (low - air if low else 0.0), high + air


def _binned(rows: Sequence[tuple[float, Sequence[float]]]) -> list[tuple[float, list[float]]]:
    size = math.ceil(len(rows) / 60) or 1
    groups = [rows[start : start + size] for start in range(0, len(rows), size)]
    return [
        (
            sum(x for x, _ in group) / len(group),
            [sum(column) for column in zip(*(row for _, row in group), strict=True)],
        )
        for group in groups
    ]
