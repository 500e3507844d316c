"""What the monitors read, and how much of what is of concern they are known to see: table and curves."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from abzero.algo.figures import FIGURES
from abzero.types import ROLES
from abzero.views.charts import Interval, Point, Series, line_chart
from abzero.views.figure_charts import Points, said
from abzero.views.html import Html, joined

_TIERS = ("t0", "t1", "t2")
_BY_ROLE = (
    *(("flagged by structure", "oversight/flagged/t0"), ("flagged by rules", "oversight/flagged/t1")),
    *(("flagged by the classifier", "oversight/flagged/t2"), ("left unjudged", "oversight/unjudged")),
    *(("tokens a thought", "thought/tokens"), ("empty thoughts", "thought/empty")),
    *(("illegible thoughts", "thought/illegible"), ("thoughts that loop", "thought/looping")),
    *(("thoughts that switch language", "thought/switching"), ("surprise of thoughts", "thought/surprise")),
)
_ESTIMATES = (
    ("recall of the monitors, with its 95 % interval", "oversight/recall"),
    ("completions of concern, with the 95 % interval", "oversight/concern"),
)


@dataclass(frozen=True, slots=True)
class Read:
    """What became of one role's completions, in numbers of them; ``None`` where nothing was counted."""

    role: str
    completions: int
    flagged: dict[str, int]
    """By tier."""
    judged: int | None
    unjudged: int | None
    audited: int | None


def read(points: Points) -> list[Read]:
    """What the monitors read of each role; empty for a run without oversight."""
    rows = []
    for role in ROLES:
        completions = dict(points(f"oversight/completions/{role}"))
        if not completions:
            continue
        flagged = {}
        for tier in _TIERS:
            if shares := points(f"oversight/flagged/{tier}/{role}"):
                flagged[tier] = round(sum(share * completions.get(step, 0.0) for step, share in shares))
        rows.append(
            Read(
                role,
                round(sum(completions.values())),
                flagged,
                *(_total(points(f"oversight/{name}/{role}")) for name in ("judged", "unjudged", "audits")),
            )
        )
    return rows


def recall(points: Points) -> str:
    """In a sentence, what is known of what the monitors miss."""
    known = [points(f"oversight/recall{end}") for end in ("", "_low", "_high")]
    if all(known):
        share, low, high = (ends[-1][1] for ends in known)
        return f"Of what is of concern the monitors flag {share:.0%} [{low:.0%}, {high:.0%}], as the audit estimates."
    if most := points("oversight/concern_high"):
        return f"The audit found nothing of concern; up to {most[-1][1]:.1%} of the completions may be (95 %)."
    return "What the monitors miss is not known: no finding is no proof (`abzero oversight estimate RUN`)."


def curves(points: Points, span: Interval) -> Html:
    """The figures of oversight that were logged, over steps."""
    charts = []
    for title, name in _BY_ROLE:
        figure = FIGURES[f"{re.sub('/t[0-9]$', '/{tier}', name)}/{{role}}"]
        coloured = zip(ROLES, ("c0", "c1"), strict=True)
        series = [Series(role, logged, colour) for role, colour in coloured if (logged := points(f"{name}/{role}"))]
        if series:
            charts.append(said(figure, line_chart(title, series, span, share=figure.share)))
    for title, name in _ESTIMATES:
        bounds = (("estimate", "", "c0"), ("lower", "_low", "c7"), ("upper", "_high", "c7"))
        series = [Series(label, logged, colour) for label, end, colour in bounds if (logged := points(name + end))]
        if series:
            charts.append(said(FIGURES[name], line_chart(title, series, span, share=True)))
    return joined(charts)


def _total(points: Sequence[Point]) -> int | None:
    return round(sum(value for _, value in points)) if points else None
