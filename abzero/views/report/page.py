"""The page: head, sections, settings. One file, no network."""

from importlib.resources import files
from pathlib import Path

from abzero.run.journal import JournalReader
from abzero.views.html import Html, html, joined
from abzero.views.report.accuracy import learned
from abzero.views.report.cards import family_section, proposals_section
from abzero.views.report.curves import health, held_out, proposing, solving
from abzero.views.report.examples import family, hardest, sample
from abzero.views.report.gather import RunSummary
from abzero.views.report.judged import answers_section
from abzero.views.report.oversight import oversight_section

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
"""The browser's own guard: even if something slipped through, nothing can be loaded or sent."""


def run_page(run: RunSummary, reader: JournalReader, record: Path) -> Html:
    """The whole report of a run; `record` is its record of oversight, if it has one."""
    colours = mode_colours(run.modes)
    chosen = hardest(run.summaries)
    sections = [
        _tiles(run),
        learned(run, colours),
        held_out(run),
        answers_section(record.parent),
        solving(run, colours),
        proposing(run, colours),
        health(run),
        oversight_section(run, reader, record),
        family_section(family(reader, chosen.task) if chosen and chosen.task else []),
    ]
    if run.steps:
        first, last = run.steps[0], run.steps[-1]
        sections.append(proposals_section("Ten proposals from the beginning", first, sample(reader, first)))
        sections.append(proposals_section("Ten proposals from the end", last, sample(reader, last)))
    sections.append(_settings(run))
    return page(f"{run.name}: self-play report", joined(sections))


def page(title: str, body: Html) -> Html:
    """A page of its own with our style and script in it."""
    folder = files("abzero.views.report")
    return html(
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        '<meta http-equiv="Content-Security-Policy" content="{policy}"><title>{title}</title>'
        "<style>{style}</style></head>"
        '<body><main><h1>{title}</h1>{body}</main><div id="tip"></div><script>{script}</script></body></html>\n',
        policy=_POLICY,
        title=title,
        style=Html(folder.joinpath("style.css").read_text(encoding="utf-8")),
        script=Html(folder.joinpath("script.js").read_text(encoding="utf-8")),
        body=body,
    )


def mode_colours(modes: list[str]) -> dict[str, str]:
    """A colour class for each mode."""
    return {mode: f"c{index % 8}" for index, mode in enumerate(modes)}


def _tiles(run: RunSummary) -> Html:
    """The run in six numbers."""
    valid = sum(summary.task is not None for summary in run.summaries)
    distinct = len({summary.task for summary in run.summaries if summary.task})
    seconds = sum(value for _, value in run.figures.get("seconds/step", ()))
    tiles = {
        "model": run.settings.get("model.name", "?"),
        "steps": f"{len(run.steps):,}",
        "proposals": f"{len(run.summaries):,}",
        "became tasks": f"{valid / len(run.summaries):.0%}" if run.summaries else "–",
        "distinct tasks": f"{distinct:,}",
        "time": f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min",
        "alarms": f"{len(run.alarms)}",
    }
    parts = [html("<div><b>{value}</b>{name}</div>", name=name, value=value) for name, value in tiles.items()]
    return html('<section class="tiles">{parts}</section>', parts=joined(parts))


def _settings(run: RunSummary) -> Html:
    rows = [html("<tr><td>{k}</td><td>{v}</td></tr>", k=k, v=v) for k, v in {**run.about, **run.settings}.items()]
    return html(
        "<section><h2>Settings</h2><details><summary>{n} settings, versions and machine</summary><table>{rows}</table>"
        "</details></section>",
        n=len(rows),
        rows=joined(rows),
    )
