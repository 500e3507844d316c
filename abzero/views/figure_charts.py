"""Charts of the figures that a run logs, as the report and the viewer draw them; each says what it shows."""

from collections.abc import Callable, Mapping, Sequence

from abzero.algo.figure import Figure
from abzero.algo.figures import FIGURES
from abzero.views.charts import Interval, Point, Series, line_chart
from abzero.views.html import Html, html

Points = Callable[[str], Sequence[Point]]
"""The (step, value) of a figure, by its name; none for one that was not logged."""

_HEALTH = (
    ("entropy, nats a token", ("learner/entropy",)),
    ("sampler and learner apart, nats a token", ("learner/logprob_gap", "learner/logprob_gap_max")),
    ("gradient norm, before clipping", ("learner/grad_norm",)),
    ("cut at the token limit", ("propose/truncated", "solve/truncated")),
    ("tokens a completion", ("propose/tokens", "solve/tokens")),
    ("tokens a second", ("tokens_per_second",)),
    ("seconds a step", tuple(f"seconds/{name}" for name in ("propose", "estimate", "solve", "sandbox", "update"))),
)
_PALETTE = ("c3", "c4", "c5", "c6", "c7")


def said(figure: Figure, chart: Html) -> Html:
    """A figure's chart, with what docs/metrics.md says of it under the pointer."""
    return html('<div title="{name}: {doc}">{chart}</div>', name=figure.name, doc=figure.doc, chart=chart)


def by_mode(points: Points, colours: Mapping[str, str], figure: Figure, span: Interval) -> Html:
    """A figure that is logged for each mode, a curve for each."""
    logged = {mode: points(figure.prefix + mode) for mode in colours}
    curves = [Series(mode, logged[mode], colour) for mode, colour in colours.items() if logged[mode]]
    return said(figure, line_chart(figure.label, curves, span, share=figure.share))


def health(points: Points, span: Interval, marks: Sequence[float]) -> list[Html]:
    """How the learner fares, and where the time goes; `marks` are the steps of alarms."""
    charts = []
    for title, names in _HEALTH:
        figures = [FIGURES[name] for name in names]
        curves = [Series(one.label, points(one.name), colour) for one, colour in zip(figures, _PALETTE, strict=False)]
        share = all(one.share for one in figures)
        chart = line_chart(title, [one for one in curves if one.points], span, share=share, marks=marks)
        charts.append(said(figures[0], chart))
    return charts
