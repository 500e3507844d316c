"""A run's pages as one file that needs no server, sampled to a size."""

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

from abzero.run.files import replace_text
from abzero.views.html import Html, html, joined
from abzero.views.journal import Journal, whole
from abzero.views.run_folders import ServedRun
from abzero.views.web import site
from abzero.views.web.app import CHARTS, STYLE
from abzero.views.web.pages.frame import NAVIGATION, PageRequest, document
from abzero.views.web.pages.status import status

_SECONDS = 3_600.0
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
_OVERALL = ("live", "steps", "curriculum", "rejections", "lineage", "eval", "oversight", "config")
_LINK = re.compile(r'href="#([^"]*)"')


def bundle(run: ServedRun, path: Path, megabytes: float, defaults: Mapping[str, str]) -> str:
    """Write the pages of `run` to `path`; returns in words what was left out. Raises `RunError`."""
    with closing(Journal(run.journal, _SECONDS)) as journal:
        first = site.ask(run, journal, _to, defaults=defaults)
        room = int(megabytes * 1e6) - len(STYLE) - len(CHARTS) - 10_000
        pages: dict[str, Html] = {}
        left_out = 0
        for name, about in _addresses(journal):
            page = _page(first, name, about)
            room -= len(page.encode())
            if room < 0:
                left_out += 1
                room += len(page.encode())
                if left_out > 20:
                    break
                continue
            pages[_key(name, *about)] = page
        total = len(_OVERALL) + _count(journal, "*", "step") + _count(journal, "*", "proposal")
        total += _count(journal, "DISTINCT task", "proposal")
    words = f"all {total} pages" if len(pages) == total else f"{len(pages)} of {total} pages"
    words += "; single attempts, and search, need `abzero watch`"
    replace_text(path, _document(first, pages, words))
    return words


def _addresses(journal: Journal) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The pages in the order in which they are worth their room: the run's own, then steps, first the most apart."""
    for name in _OVERALL:
        yield name, ()
    numbers = [whole(number) for (number,) in journal.rows("SELECT number FROM step ORDER BY number")]
    for number in _apart(numbers)[:1_000]:
        yield "step", (f"{number}",)
    for number in _apart([number for number in numbers if number]):
        for place, task in journal.rows("SELECT position, task FROM proposal WHERE step = ? ORDER BY 1", number):
            yield "proposal", (f"{number}", f"{whole(place)}")
            if isinstance(task, str):
                yield "task", (task,)


def _apart(numbers: list[int]) -> list[int]:
    """All of them: the last, the first, then always the middle of what is between."""
    order, gaps = numbers[-1:] + numbers[:1], [numbers[1:-1]]
    while gaps:
        gap = gaps.pop(0)
        if gap:
            middle = len(gap) // 2
            order.append(gap[middle])
            gaps += [gap[:middle], gap[middle + 1 :]]
    return list(dict.fromkeys(order))


def _page(first: PageRequest, name: str, about: tuple[str, ...]) -> Html:
    asked = PageRequest(first.run, first.journal, first.overview, _to, about, {}, first.defaults)
    page = site.PAGES[name](asked)
    return html(
        '<section class="page" id="{id}"><h1>{title}</h1>{body}</section>',
        id=_key(name, *about),
        title=page.title,
        body=page.body,
    )


def _document(first: PageRequest, pages: Mapping[str, Html], words: str) -> Html:
    seen = first.overview
    links = [html('<a href="{t}">{l}</a>', t=_to(name), l=label) for name, label, _ in NAVIGATION if name in pages]
    body = html(
        '<div class="frame bundle"><header class="side"><p class="brand">abzero</p><div class="run"><b>{n}</b>'
        '<p class="soft">{m}</p></div>'
        '{s}<nav aria-label="pages">{l}</nav><p class="soft">{w}</p></header>'
        '<main id="main">{pages}'
        '<section class="page" id="left-out"><h1>Left out</h1>'
        "<p>This page is not in this file, which holds {w}.</p></section>"
        "</main></div>",
        n=seen.name,
        m=seen.model,
        s=status(seen.state, seen.step, seen.steps),
        l=joined(links),
        w=words,
        pages=joined(pages.values()),
    )
    known = Html(_LINK.sub(lambda link: link[0] if link[1] in pages else 'href="#left-out"', body))
    head = html('<meta http-equiv="Content-Security-Policy" content="{p}"><style>{s}</style>', p=_POLICY, s=Html(STYLE))
    return document(f"{seen.name}: self-play", known, head, html("<script>{s}</script>", s=Html(CHARTS)))


def _to(place: str | None = None, *about: object, query: Mapping[str, object] | None = None) -> str:
    """The fragment that names a page in the file; one with a query is never in it."""
    return "#" + (_key(place or "live", *about) if not query else "left-out")


def _key(place: str, *about: object) -> str:
    return "/".join(re.sub(r"[^\w.-]", "_", str(part)) for part in (place, *about))


def _count(journal: Journal, what: str, table: str) -> int:
    return whole(journal.rows(f"SELECT count({what}) FROM {table}")[0][0])
