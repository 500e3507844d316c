"""Oversight: what did the thoughts say, and what did people and judges make of it?"""

from collections.abc import Sequence
from datetime import UTC, datetime

from abzero.views.html import Html, html, joined
from abzero.views.report import monitors
from abzero.views.report.oversight import Event, lanes
from abzero.views.web.pages.frame import Page, PageRequest, empty, link, number, section, table
from abzero.views.web.queries import oversight

_MARKS, _SHOWN = 1_000, 200
_DECIDED = ("paused", "reviewed", "verdict")


def page(ask: PageRequest) -> Page:
    """Findings, pauses and reviews on one time line; what was decided; the newest findings."""
    found = oversight.findings(ask.journal, _MARKS)
    events = oversight.record(ask.run)
    read = monitors.read(lambda name: oversight.points(ask.journal, name))
    if not (read or found or any(event.kind in _DECIDED for event in events)):
        words = "No monitor watched this run: see `oversight` among the settings."
        return Page("Oversight", "oversight", empty(words), live=True)
    counted = oversight.by_category(ask.journal)
    kinds = ("findings", "pauses", "reviews", "verdicts")
    counts = [sum(count for _, _, count in counted)]
    counts += [sum(event.kind == kind for event in events) for kind in ("paused", "reviewed", "verdict")]
    tiles = joined(html("<div><b>{n}</b>{k}</div>", n=f"{n:,}", k=kind) for n, kind in zip(counts, kinds, strict=True))
    bars = [(event.step, event.kind) for event in events if event.kind in ("paused", "reviewed")]
    line = lanes(max(float(ask.overview.step or 1), 1.0), [(one.step, one) for one in found], bars)
    note = "A dot is a finding, the larger the graver; full: by structure or a judge. Lines are pauses and reviews."
    many = f" Of the newest {_MARKS:,}." if len(found) == _MARKS else ""
    graph = html('<div class="wide lanes" role="region" tabindex="0" aria-label="time line">{l}</div>', l=line)
    parts = [
        html('<div class="tiles">{t}</div>', t=tiles),
        section("What was read", _read(read), monitors.recall(ask.journal.series)) if read else Html(""),
        section("Time line", graph, note + many) if found else Html(""),
        _decided(ask, events),
    ]
    if found:
        head = ("category", "gravest, 0 to 4", "findings")
        parts.append(section("By category", table(head, counted, "findings by category")))
        parts.append(section("Newest findings", _findings(ask, found[:_SHOWN])))
    if read:
        drawn = monitors.curves(ask.journal.series, (1.0, float(ask.overview.step or 1)))
        parts.append(section("Over steps", html('<div class="grid3">{c}</div>', c=drawn)))
    return Page("Oversight", "oversight", joined(parts), live=True)


def _read(read: Sequence[monitors.Read]) -> Html:
    """Of each role, how many completions which monitor saw and flagged; what nobody judged is never called clean."""
    tiers = {"t0": "flagged by structure", "t1": "by rules", "t2": "by the classifier"}
    used = {tier: words for tier, words in tiers.items() if any(tier in one.flagged for one in read)}
    rows = [
        [one.role, f"{one.completions:,}", *(f"{one.flagged.get(tier, 0):,}" for tier in used)]
        + ["–" if count is None else f"{count:,}" for count in (one.judged, one.unjudged, one.audited)]
        for one in read
    ]
    return table(("role", "read", *used.values(), "judged", "left unjudged", "audited"), rows, "what was read")


def _decided(ask: PageRequest, events: Sequence[Event]) -> Html:
    """Pauses, reviews and verdicts, the newest first."""
    rows = []
    for event in [event for event in events if event.kind in _DECIDED][::-1][:_SHOWN]:
        when = datetime.fromtimestamp(event.at, UTC) if 0 <= event.at < 1 << 33 else None
        rows.append([when.strftime("%Y-%m-%d %H:%M") if when else "–", _where(ask, event), *_words(event)])
    head = ("when, UTC", "where", "what", "who", "why")
    note = "As the run's record has them: `abzero oversight verify` says whether it is whole."
    return section("Pauses, reviews, verdicts", table(head, rows, "decisions", "decisions"), note) if rows else Html("")


def _where(ask: PageRequest, event: Event) -> Html:
    role, position = event.body.get("role"), event.body.get("position")
    step = int(event.step)
    if role in ("propose", "solve") and isinstance(position, int):
        return link(
            ask.to("proposal" if role == "propose" else "attempt", step, position), f"{step}·{position}", "item"
        )
    return link(ask.to("step", step), f"step {step}", "item")


def _words(event: Event) -> tuple[str, str, str]:
    """What was decided, by whom, and why."""

    def said(name: str) -> str:
        return str(event.body.get(name, ""))[:600]

    numbers = event.body.get("findings")
    about = f" {len(numbers)} findings" if isinstance(numbers, list) else ""
    match event.kind:
        case "paused":
            return f"paused: {about.strip() or 'findings'} wait for a review", "", ""
        case "reviewed":
            return f"review of{about}: {said('decision')}", said("who"), said("reason")
        case _:
            flagged = "" if event.body.get("flagged") else ", drawn by the audit"
            return f"verdict: {said('state')}{flagged}", said("by"), said("why")


def _findings(ask: PageRequest, found: Sequence[oversight.Seen]) -> Html:
    rows = [
        [
            link(
                ask.to("proposal" if one.role == "propose" else "attempt", one.step, one.position),
                f"{one.step}·{one.position}",
                "item",
            ),
            one.role,
            one.category,
            one.severity,
            f"{one.part}, {one.begin}–{one.end}",
            number(one.score),
            one.source,
        ]
        for one in found
    ]
    return table(("where", "role", "category", "severity", "part", "score", "monitor"), rows, "newest findings")
