"""The list of runs: what is there?"""

from collections.abc import Sequence
from urllib.parse import quote

from abzero.views.html import Html, html, joined
from abzero.views.overview import Overview
from abzero.views.web.pages.frame import number, spark
from abzero.views.web.pages.status import badge


def index(found: Sequence[Overview], folder: str) -> Html:
    """All runs of a folder, as rows that lead to their pages."""
    rows = joined(_row(one) for one in found)
    nothing = html('<p class="none">There is no run in {folder} yet. `abzero train` makes one.</p>', folder=folder)
    return html(
        '<div class="frame alone"><main id="main" data-live="1"><p class="brand">abzero</p><h1>Runs</h1>'
        '<p class="question">{n} in <code>{folder}</code>. Tick two or more to compare them.</p>{body}</main></div>',
        n=len(found),
        folder=folder,
        body=html(
            '<div id="runs">{rows}<p><button id="compare" type="button" disabled>compare</button></p></div>', rows=rows
        )
        if found
        else nothing,
    )


def _row(one: Overview) -> Html:
    """A run in one row."""
    if one.problem:
        return html(
            '<article class="card runrow"><div><b>{n}</b>{s}</div><p class="bad">{p}</p></article>',
            n=one.name,
            s=badge(one.state),
            p=one.problem,
        )
    valid = [value for name, value in one.figures.items() if name.startswith("propose/valid/")]
    figures = {
        "step": f"{one.step}" + (f" of {one.steps}" if one.steps else ""),
        "solver's score": number(one.score[-1] if one.score else None),
        "valid": number(sum(valid) / len(valid) if valid else None),
        "entropy": number(one.figures.get("learner/entropy")),
        "alarms": f"{one.alarms}",
    }
    cells = [html("<span><small>{k}</small>{v}</span>", k=k, v=v) for k, v in figures.items()]
    return html(
        '<article class="card runrow"><label><input type="checkbox" name="run" value="{name}">'
        '<span class="hidden">compare {name}</span></label>'
        '<div class="who"><a class="item" href="/r/{address}/live"><b>{name}</b></a>{state}'
        '<p class="soft">{model}</p></div>'
        '{spark}<div class="cells">{cells}</div></article>',
        name=one.name,
        address=quote(one.name, safe=""),
        state=badge(one.state),
        model=one.model,
        spark=spark(one.score, f"solver's score over the run, now {number(one.score[-1] if one.score else None)}"),
        cells=joined(cells),
    )
