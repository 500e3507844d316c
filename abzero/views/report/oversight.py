"""The time line of oversight: a lane for each category, a mark for each finding, pauses and reviews as bars."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from abzero.run.journal import JournalReader
from abzero.types import Finding
from abzero.views.html import Html, html, joined, prose
from abzero.views.report import monitors
from abzero.views.report.gather import RunSummary

_WIDTH, _LANE, _LEFT = 960, 22, 120
_SHOWN = 60
"""Findings whose text the page holds, the gravest first."""


def oversight_section(run: RunSummary, reader: JournalReader, record: Path) -> Html:
    """What monitors found, when, and what people decided; empty for a run without oversight."""
    if not any(name.startswith("oversight/") for name in run.figures):
        return Html("")
    found = [(step, finding) for step in (0, *run.steps) for finding in reader.findings(step)]
    text = record.read_text(encoding="utf-8", errors="replace") if record.exists() else ""
    bars = [(event.step, event.kind) for event in events(text) if event.kind in ("paused", "reviewed")]
    flagged = {(step, one.role, one.position) for step, one in found}
    return html(
        '<section><h2>Oversight</h2><p class="note">{count} findings in {flagged} completions, {pauses} pauses, '
        "{reviews} reviews. No finding changed a reward. {recall}</p>{lanes}"
        '<div class="grid3">{charts}</div>{texts}</section>',
        count=len(found),
        flagged=len(flagged),
        pauses=sum(kind == "paused" for _, kind in bars),
        reviews=sum(kind == "reviewed" for _, kind in bars),
        lanes=lanes(max(run.span[1], 1.0), found, bars) if found else Html(""),
        charts=monitors.curves(run.points, run.span),
        recall=monitors.recall(run.points),
        texts=joined(_texts(reader, found)),
    )


@dataclass(frozen=True, slots=True)
class Event:
    """An entry of a run's record as it stands there; whether it is whole, `abzero oversight verify` says."""

    kind: str
    at: float
    """Seconds since 1970."""
    step: float
    """The step that it is about, or after which it stands."""
    body: Mapping[str, object]


def events(text: str) -> Iterator[Event]:
    """The entries of a record that can be read, in order."""
    step = 0.0
    for line in text.splitlines():
        try:
            row: Mapping[str, object] = json.loads(line)
            kind, body, at = str(row["kind"]), row["body"], float(str(row.get("at", 0.0)))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
        if isinstance(body, dict):
            own = body.get("step")
            step = float(own) if isinstance(own, int) and abs(own) < 1 << 53 else step
            yield Event(kind, at if math.isfinite(at) else 0.0, step, body)


class Marked(Protocol):
    """What the time line asks of a finding."""

    @property
    def role(self) -> str: ...
    @property
    def position(self) -> int: ...
    @property
    def category(self) -> str: ...
    @property
    def severity(self) -> int: ...
    @property
    def source(self) -> str: ...
    @property
    def tier(self) -> int: ...


def lanes(last: float, found: Sequence[tuple[int, Marked]], bars: Sequence[tuple[float, str]]) -> Html:
    """A lane for each category, a mark for each finding up to step `last`, pauses and reviews as bars."""
    names = sorted({one.category for _, one in found})
    first, height = 0.0, _LANE * len(names) + 24

    def x(step: float) -> str:
        return f"{_LEFT + (_WIDTH - _LEFT - 10) * (step - first) / (last - first):.1f}"

    parts = [
        html('<text x="4" y="{y}">{name}</text>', y=_LANE * place + 16, name=name) for place, name in enumerate(names)
    ]
    marks = ((first, "start"), ((first + last) / 2, "middle"), (last, "end"))
    labels = '<text x="{x}" y="{y}" text-anchor="{a}">{n}</text>'
    parts += [html(labels, x=x(step), y=height - 4, a=anchor, n=f"{step:.0f}") for step, anchor in marks]
    line = '<line x1="{x}" x2="{x}" y1="0" y2="{h}" class="{kind}" stroke="currentColor"/>'
    parts += [html(line, x=x(step), h=height, kind=kind) for step, kind in bars]
    for step, one in found:
        parts.append(
            html(
                '<circle cx="{x}" cy="{y}" r="{r}" fill="{fill}" stroke="currentColor"><title>{words}</title></circle>',
                x=x(step),
                y=_LANE * names.index(one.category) + 12,
                r=2 + 1.5 * one.severity,
                fill="currentColor" if one.tier in (0, 3) else "none",
                words=f"step {step}, {one.role} {one.position}: severity {one.severity}, {one.source}",
            )
        )
    words = f"findings by category: {len(found)} in {len(names)} categories, {len(bars)} pauses and reviews"
    drawing = {"w": _WIDTH, "h": height, "words": words, "parts": joined(parts)}
    return html('<svg viewBox="0 0 {w} {h}" role="img" aria-label="{words}">{parts}</svg>', **drawing)


def _texts(reader: JournalReader, found: Sequence[tuple[int, Finding]]) -> Iterator[Html]:
    """The gravest findings with their completions, closed until they are asked for."""
    for step, one in sorted(found, key=lambda pair: (-pair[1].severity, pair[0]))[:_SHOWN]:
        rows = reader.proposals(step) if one.role == "propose" else reader.attempts(step)
        text = next((row.completion for row in rows if row.position == one.position), "")
        yield html(
            "<details><summary>step {step}, {role} {position}: {category}, severity {severity}, in the {part} "
            "({source})</summary>{text}</details>",
            step=step,
            role=one.role,
            position=one.position,
            category=one.category,
            severity=one.severity,
            part=one.part,
            source=one.source,
            text=prose(text, 20_000),
        )
