"""Live and by step: what is it doing now, what happened in step N?"""

from abzero.algo.figures import FIGURES
from abzero.errors import RunError
from abzero.types import Role
from abzero.views.html import Html, html, joined
from abzero.views.journal import whole
from abzero.views.web.pages.frame import (
    Page,
    PageRequest,
    advantage,
    bars,
    dots,
    empty,
    link,
    named,
    number,
    one_line,
    section,
    table,
    total,
)
from abzero.views.web.queries import curriculum, step

_PHASES = (("propose", "c0"), ("estimate", "c5"), ("solve", "c2"), ("sandbox", "c4"), ("update", "c3"))
_BY_MODE = tuple(
    FIGURES[name]
    for name in (
        *("propose/valid/{mode}", "propose/new/{mode}", "propose/learnable/{mode}", "propose/solve_rate/{mode}"),
        *("propose/reward/{mode}", "solve/score/{mode}", "solve/reward/{mode}"),
    )
)
_TILES = (
    *(("seconds/step", ",.1f"), ("tokens_per_second", ",.0f"), ("learner/entropy", ".3f")),
    *(("learner/logprob_gap", ".4f"), ("learner/grad_norm", ".2f")),
)
_NEWEST = 40


def live(ask: PageRequest) -> Page:
    """The newest step in figures, and the proposals as they come."""
    figures = ask.overview.figures
    if ask.overview.step is None:
        return Page("Live", "live", empty("No step was committed yet: this page goes on by itself."), live=True)
    tiles: list[tuple[object, object]] = [
        (named(FIGURES[name]), format(figures[name], form)) for name, form in _TILES if name in figures
    ]
    tiles.append(("alarms", ask.overview.alarms))
    parts = [
        html(
            '<div class="tiles">{t}</div>',
            t=joined(html("<div><b>{v}</b>{k}</div>", k=k, v=v) for k, v in tiles),
        ),
        _phases(figures),
        by_mode(ask, ask.overview.step),
        _alarms(ask),
        section("Newest proposals", listed(ask, step.newest(ask.journal, _NEWEST), with_step=True)),
    ]
    return Page("Live", "live", joined(parts), live=True)


def steps(ask: PageRequest) -> Page:
    """All steps, the newest first, a hundred at a time."""
    top = natural(ask.query.get("from"), ask.overview.step or 0)
    rows = []
    query = "SELECT number FROM step WHERE number <= ? ORDER BY number DESC LIMIT 100"
    numbers = [whole(number) for (number,) in ask.journal.rows(query, top)]
    for n in numbers:
        figures = ask.journal.figures(n)
        rows.append(
            [
                link(ask.to("step", n), f"step {n}" if n else "seeds", "item"),
                *(number(_mean(figures, figure.prefix)) for figure in _BY_MODE),
                number(figures.get("seconds/step"), 1),
            ]
        )
    shown = table(("step", *map(named, _BY_MODE), "seconds"), rows, "steps", "figures")
    older = link(ask.to("steps", query={"from": numbers[-1] - 1}), "older steps") if numbers and numbers[-1] > 0 else ""
    return Page(
        "Steps", "steps", html("{shown}<p>{older}</p>", shown=shown, older=older), live=not ask.query.get("from")
    )


def one_step(ask: PageRequest) -> Page:
    """Six groups of one step: each role in each mode."""
    n = natural(ask.about[0] if ask.about else None, ask.overview.step or 0)
    before, after = step.neighbours(ask.journal, n)
    if not ask.journal.rows("SELECT 1 FROM step WHERE number = ?", n):
        raise RunError(f"this run has no step {n}: the newest is step {ask.overview.step}")
    around = [
        link(ask.to("step", before), f"← step {before}", "prev") if before is not None else "",
        link(ask.to("step", after), f"step {after} →", "next") if after is not None else "",
    ]
    modes = sorted({str(mode) for (mode,) in ask.journal.rows("SELECT DISTINCT mode FROM proposal WHERE step = ?", n)})
    solved = ask.journal.rows("SELECT DISTINCT t.mode FROM attempt a JOIN task t ON t.id = a.task WHERE a.step = ?", n)
    modes = sorted({*modes, *(str(mode) for (mode,) in solved)})
    groups = [_group(ask, n, role, mode) for mode in modes for role in _ROLES]
    head = html('<p class="around">{a}</p>', a=joined(Html(one) for one in around))
    return Page(f"Step {n}", "steps", joined([head, _phases(ask.journal.figures(n)), by_mode(ask, n), *groups]))


_ROLES: tuple[Role, Role] = ("propose", "solve")


def _group(ask: PageRequest, n: int, role: Role, mode: str) -> Html:
    start = natural(ask.query.get(f"{role}-{mode}"), 0)
    there = step.count(ask.journal, n, role, mode)
    if not there:
        return Html("")
    if role == "propose":
        body = listed(ask, step.proposals(ask.journal, n, mode, start))
    else:
        body = attempts(ask, step.attempts(ask.journal, n, mode, start))
    end = start + step.PORTION
    on = link(ask.to("step", n, query={f"{role}-{mode}": end}), f"the next of {there}") if end < there else ""
    word = "proposals" if role == "propose" else "attempts"
    return section(f"{mode}: {there} {word}", html("{b}<p>{on}</p>", b=body, on=on))


def listed(ask: PageRequest, rows: list[step.ProposalRow], with_step: bool = False) -> Html:
    """Proposals as a list: verdict, solve rate as dots, reward, advantage."""
    if not rows:
        return empty("none")
    return html('<ol class="list">{rows}</ol>', rows=joined(_proposal(ask, row, with_step) for row in rows))


def _proposal(ask: PageRequest, row: step.ProposalRow, with_step: bool) -> Html:
    verdict = "valid" if row.task else "ours" if row.ours else "rejected"
    return html(
        '<li class="row {verdict}"><a class="item" href="{to}"><span class="meta">{where}'
        '<span class="mode">{mode}</span>'
        '</span><span class="body">{body}</span><span class="rate">{dots}</span>'
        '<span class="earned"><small>r</small>{r}<small>A</small>{a}</span></a></li>',
        verdict=verdict,
        to=ask.to("proposal", row.step, row.position),
        where=html('<span class="num">{s}·{p}</span>', s=row.step, p=row.position)
        if with_step
        else html('<span class="num">{p}</span>', p=row.position),
        mode=row.mode,
        body=one_line(row.program) if row.task else html('<span class="bad">✕</span> {e}', e=one_line(row.error)),
        dots=html(
            "{d}{cut}",
            d=dots(row.scores),
            cut=html('<small class="soft">cut</small>') if row.finish == "length" else "",
        ),
        r=total(row.earned),
        a=advantage(row.earned),
    )


def attempts(ask: PageRequest, rows: list[step.AttemptRow]) -> Html:
    """Attempts as a list: score, answer, reward, advantage."""
    if not rows:
        return empty("none")
    parts = [
        html(
            '<li class="row"><a class="item" href="{to}"><span class="meta"><span class="num">{s}·{p}'
            "</span>{dot}</span>"
            '<span class="body">{answer}</span><span class="rate"><small class="soft">{words}</small></span>'
            '<span class="earned"><small>r</small>{r}<small>A</small>{a}</span></a></li>',
            to=ask.to("attempt", row.step, row.position),
            s=row.step,
            p=row.position,
            dot=dots((row.score,)),
            answer=one_line(row.answer),
            words=f"not graded: {row.fault}"
            if row.fault
            else f"estimate {row.proposal}"
            if row.proposal is not None
            else "",
            r=total(row.earned),
            a=advantage(row.earned),
        )
        for row in rows
    ]
    return html('<ol class="list">{rows}</ol>', rows=joined(parts))


def by_mode(ask: PageRequest, n: int) -> Html:
    """The step's figures by mode, beside the means of the ten steps before it."""
    now = ask.journal.figures(n)
    past = [figures for m in range(max(n - 10, 1), n) if (figures := ask.journal.figures(m))]
    modes = sorted({name.rpartition("/")[2] for name in now if name.startswith(("propose/valid/", "solve/score/"))})
    rows = []
    for mode in modes:
        cells: list[object] = [html('<b class="mode">{m}</b>', m=mode)]
        for figure in _BY_MODE:
            known = [figures[figure.prefix + mode] for figures in past if figure.prefix + mode in figures]
            mean = sum(known) / len(known) if known else None
            cells.append(_against(now.get(figure.prefix + mode), mean))
        rows.append(cells)
    if not rows:
        return Html("")
    words = "Of this step; small: the mean of the ten steps before it."
    return section("Figures", table(("mode", *map(named, _BY_MODE)), rows, "figures by mode", "figures"), words)


def _against(value: float | None, mean: float | None) -> Html:
    return html('{v}<small class="soft"> {m}</small>', v=number(value), m=number(mean) if mean is not None else "")


def _phases(figures: dict[str, float]) -> Html:
    parts = [(name, figures.get(f"seconds/{name}", 0.0), colour) for name, colour in _PHASES]
    return bars(parts, "s")


def _alarms(ask: PageRequest) -> Html:
    found = curriculum.alarms(ask.journal, 4)
    if not found:
        return Html("")
    items = [
        html("<li>{to} <b>{name}</b> {words}</li>", to=link(ask.to("step", n), f"step {n}"), name=name, words=words)
        for n, name, words in found
    ]
    return html('<section class="alarms" aria-label="alarms"><ul>{items}</ul></section>', items=joined(items))


def _mean(figures: dict[str, float], prefix: str) -> float | None:
    values = [value for name, value in figures.items() if name.startswith(prefix)]
    return sum(values) / len(values) if values else None


def natural(text: str | None, otherwise: int) -> int:
    """A number in an address."""
    if text is None or text == "":
        return otherwise
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise RunError(f"{text[:40]!r} in the address is no number of a step")
    return int(text)
