"""What all pages are made of: the frame with its navigation, links, and the small signs that recur."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from abzero.algo.figure import Figure
from abzero.text.sanitize import harmless
from abzero.views.charts import Px
from abzero.views.html import Html, code, html, joined, prose
from abzero.views.journal import Journal, StoredText
from abzero.views.overview import Overview
from abzero.views.run_folders import ServedRun
from abzero.views.web.pages.status import status
from abzero.views.web.queries.step import Earned

To = Callable[..., str]
"""The address of a page: its name, what it is about, and a query."""

NAVIGATION = (
    ("live", "Live", "what is it doing now?"),
    ("steps", "Steps", "what happened in step N?"),
    ("curriculum", "Curriculum", "is it learning, is it narrowing?"),
    ("rejections", "Rejections", "why are proposals lost?"),
    ("lineage", "Lineage", "where do tasks come from?"),
    ("search", "Search", "find it again"),
    ("eval", "Evaluation", "did it get better?"),
    ("oversight", "Oversight", "what did the thoughts say?"),
    ("config", "Settings", "what was set?"),
)


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What a page is asked for."""

    run: ServedRun
    journal: Journal
    overview: Overview
    to: To
    about: tuple[str, ...] = ()
    """The rest of the address: a step's number, a task's id."""
    query: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    """Every setting's default, by dotted name."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a run: its title, its place in the navigation and what it shows."""

    title: str
    place: str
    body: Html
    live: bool = False
    """Whether a new step changes it."""
    question: str = ""
    """What it answers, where that is not what its place in the navigation does."""


def document(title: str, body: Html, head: Html, scripts: Html) -> Html:
    """A whole document."""
    return html(
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        'content="width=device-width, initial-scale=1"><title>{title}</title>{head}</head><body>{body}'
        '<div id="tip" role="presentation"></div>{scripts}</body></html>\n',
        title=title,
        head=head,
        body=body,
        scripts=scripts,
    )


def framed(ask: PageRequest, page: Page) -> Html:
    """The page inside the run's frame."""
    seen = ask.overview
    links = [
        html(
            '<a href="{to}" title="{question}"{current}>{label}</a>',
            to=ask.to(name),
            question=question,
            current=Html(' aria-current="page"') if name == page.place else "",
            label=label,
        )
        for name, label, question in NAVIGATION
    ]
    question = page.question or next((words for name, _, words in NAVIGATION if name == page.place), "")
    return html(
        '<a class="skip" href="#main">to the page</a><div class="frame"><header class="side">'
        '<a class="brand" href="{home}">abzero</a><div class="run"><b>{name}</b><p class="soft">{model}</p></div>'
        '{status}<nav aria-label="pages of this run">{links}</nav>'
        '<p class="keys soft"><kbd>/</kbd> search <kbd>j</kbd> <kbd>k</kbd> move <kbd>.</kbd> live '
        "<kbd>?</kbd> help</p></header>"
        '<main id="main" tabindex="-1"{live}><h1>{title}</h1><p class="question">{question}</p>{body}</main></div>',
        home=ask.to(),
        name=seen.name,
        model=seen.model,
        status=status(seen.state, seen.step, seen.steps, seen.now),
        links=joined(links),
        live=Html(' data-live="1"') if page.live else "",
        title=page.title,
        question=question,
        body=page.body,
    )


def dots(scores: Sequence[float | None]) -> Html:
    """Attempts as dots: full for right, hollow for wrong, crossed for malformed."""
    if not scores:
        return Html("")
    kinds = {None: "mal", 1.0: "good", 0.0: "bad"}
    parts = [html('<i class="{kind}"></i>', kind=kinds.get(score, "part")) for score in scores]
    right = sum(score or 0.0 for score in scores)
    words = f"{right:g} of {len(scores)} attempts right"
    return html('<span class="dots" role="img" aria-label="{w}" title="{w}">{p}</span>', w=words, p=joined(parts))


def spark(values: Sequence[float], words: str) -> Html:
    """A small curve of shares."""
    if len(values) < 2:
        return Html("")
    points = " ".join(
        f"{100 * i / (len(values) - 1):.1f},{22 - 20 * min(max(v, 0), 1):.1f}" for i, v in enumerate(values)
    )
    return html(
        '<svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" role="img" aria-label="{words}">'
        '<polyline class="line c0" points="{points}"/></svg>',
        words=words,
        points=points,
    )


def bars(parts: Sequence[tuple[str, float, str]], unit: str) -> Html:
    """Named amounts as one bar; each has a colour class."""
    total = sum(amount for _, amount, _ in parts)
    if not total > 0:
        return Html("")
    drawn, x = [], 0.0
    for name, amount, colour in parts:
        width = 100 * amount / total
        drawn.append(
            html(
                '<rect class="bar {c}" x="{x}" width="{w}" height="10"><title>{name}: {a}</title></rect>',
                c=colour,
                x=Px(x),
                w=Px(width),
                name=name,
                a=f"{amount:.3g} {unit}",
            )
        )
        x += width
    keys = [html('<span><i class="{c}"></i>{n} {a}</span>', c=c, n=n, a=f"{a:.3g} {unit}") for n, a, c in parts]
    words = ", ".join(f"{name} {amount:.3g} {unit}" for name, amount, _ in parts)
    return html(
        '<div class="bars">'
        '<svg viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label="{words}">{d}</svg>'
        "<small>{keys}</small></div>",
        words=words,
        d=joined(drawn),
        keys=joined(keys),
    )


def table(head: Sequence[object], rows: Sequence[Sequence[object]], name: str, classes: str = "") -> Html:
    """A table that scrolls by itself where it is wider than the screen."""
    heads = joined(html('<th scope="col">{h}</th>', h=h) for h in head)
    body = joined(html("<tr>{c}</tr>", c=joined(html("<td>{v}</td>", v=v) for v in row)) for row in rows)
    return html(
        '<div class="wide" role="region" tabindex="0" aria-label="{name}"><table class="{classes}"><thead>'
        "<tr>{heads}</tr>"
        "</thead><tbody>{body}</tbody></table></div>",
        name=name,
        classes=classes,
        heads=heads,
        body=body,
    )


def named(figure: Figure) -> Html:
    """What a figure is called; what it is, under the pointer."""
    return html('<abbr title="{doc}">{label}</abbr>', doc=figure.doc, label=figure.label)


def section(title: str, body: Html, note: str = "") -> Html:
    return html(
        "<section><h2>{title}</h2>{note}{body}</section>",
        title=title,
        note=html('<p class="note">{note}</p>', note=note) if note else "",
        body=body,
    )


def empty(words: str) -> Html:
    return html('<p class="none">{words}</p>', words=words)


def more(ask: PageRequest, text: StoredText) -> Html:
    """The way to what was left out of a text."""
    if text.whole:
        return Html("")
    return html('<p><a class="more" href="{to}">the whole text</a></p>', to=ask.to("text", text.id))


def block(ask: PageRequest, text: StoredText, python: bool = False) -> Html:
    """A text in full, as far as it was fetched."""
    shown = code(text.text, len(text.text)) if python else prose(text.text, len(text.text))
    return html("{shown}{more}", shown=shown, more=more(ask, text))


def one_line(text: StoredText | None, limit: int = 110) -> Html:
    """The first words of a program or a message that tell it from others."""
    lines = [line.strip() for line in (text.text if text else "").split("\n") if line.strip()]
    kept = [line for line in lines if not line.startswith(("def f(", "import ", "from "))] or lines
    words = harmless(" ; ".join(kept[:3]))
    return html('<code class="line">{w}</code>', w=words[:limit] + ("…" if len(words) > limit else ""))


def link(to: str, words: object, classes: str = "") -> Html:
    return html('<a class="{classes}" href="{to}">{words}</a>', classes=classes, to=to, words=words)


def number(value: float | None, digits: int = 2) -> str:
    """A figure for a table; a dash where there is none."""
    return "–" if value is None or value != value else f"{value:.{digits}f}"


def total(earned: Earned | None) -> Html:
    """A reward and its advantage in a list."""
    if earned is None:
        return html('<span class="soft">not learned from</span>')
    return html('<span class="num">{r}</span>', r=f"{earned.total:+.2f}")


def advantage(earned: Earned | None) -> Html:
    if earned is None:
        return html('<span class="soft">–</span>')
    sign = "up" if earned.advantage > 0 else "down" if earned.advantage < 0 else ""
    return html('<span class="num {s}">{a}</span>', s=sign, a=f"{earned.advantage:+.2f}")
