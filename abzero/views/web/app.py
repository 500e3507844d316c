"""The routes. Starlette is imported here and uvicorn in `serve`, and nowhere else."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote, urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from abzero.errors import RunError
from abzero.views.html import Html, html
from abzero.views.run_folders import ServedRun, runs
from abzero.views.web import events, site
from abzero.views.web.guard import App, Guard, Token
from abzero.views.web.open_journals import OpenJournals
from abzero.views.web.pages.compare import comparison
from abzero.views.web.pages.frame import document, framed
from abzero.views.web.pages.index import index

_WEB, _REPORT = files("abzero.views.web") / "static", files("abzero.views.report")
STYLE = "\n".join(part.read_text(encoding="utf-8") for part in (_REPORT / "style.css", _WEB / "viewer.css"))
"""The report's style and ours after it: charts and code look alike in both."""
CHARTS = (_REPORT / "script.js").read_text(encoding="utf-8")
_FILES = {
    "viewer.css": ("text/css", STYLE),
    "charts.js": ("text/javascript", CHARTS),
    **{
        name: ("text/javascript", (_WEB / name).read_text(encoding="utf-8"))
        for name in ("viewer.js", "live.js", "keys.js", "forms.js", "graph.js")
    },
}
_HEAD = html('<link rel="stylesheet" href="/static/viewer.css"><link rel="icon" href="data:,">')
_SCRIPTS = html('<script src="/static/charts.js"></script><script type="module" src="/static/viewer.js"></script>')


@dataclass(frozen=True, slots=True)
class Viewer:
    """Answers for the runs of one folder; `defaults` are those of all settings, by dotted name."""

    root: Path
    defaults: Mapping[str, str]
    journals: OpenJournals
    ends: events.ServerEnds

    def index(self, _: Request) -> Response:
        found = [site.look(run, self.journals.open) for run in runs(self.root).values()]
        return _page("abzero: runs", index(found, str(self.root)))

    def compare(self, request: Request) -> Response:
        there = runs(self.root)
        names = request.query_params.getlist("run")
        unknown = [name for name in names if name not in there]
        if unknown or len(names) < 2:
            raise RunError(f"there is no run {unknown[0][:80]!r} here" if unknown else "tick two runs or more")
        return _page("abzero: comparison", comparison([there[name] for name in names[:8]], address, self.journals.open))

    def run(self, request: Request) -> Response:
        return RedirectResponse(address(self._run(request), "live"), 307)

    def page(self, request: Request) -> Response:
        run = self._run(request)
        name, *about = request.path_params["rest"].split("/")
        if name not in site.PAGES:
            raise RunError(f"there is no page {name[:40]!r}")

        def to(place: str | None = None, *rest: object, query: Mapping[str, object] | None = None) -> str:
            return address(run, place, *rest, query=query)

        with self.journals.open(run.journal) as journal:
            asked = site.ask(run, journal, to, tuple(filter(None, about)), dict(request.query_params), self.defaults)
            page = site.PAGES[name](asked)
            return _page(f"{page.title} · {run.name}", framed(asked, page))

    def events(self, request: Request) -> Response:
        seen = request.headers.get("last-event-id") or request.query_params.get("seen", "")
        known = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 16 else None
        stream = events.events(self._run(request), known, self.journals.open, self.ends)
        return StreamingResponse(stream, media_type="text/event-stream")

    def newest(self, request: Request) -> Response:
        return JSONResponse({"step": events.newest(self._run(request), self.journals.open)})

    def _run(self, request: Request) -> ServedRun:
        name = request.path_params["run"]
        found = runs(self.root).get(name)
        if found is None:
            raise RunError(f"there is no run {name[:80]!r} here")
        return found


def address(run: ServedRun, place: str | None = None, *rest: object, query: Mapping[str, object] | None = None) -> str:
    """The address of a page of a run; of the list of runs, if no page is named."""
    if place is None:
        return "/"
    path = "/".join(quote(str(part), safe="") for part in (run.name, place, *rest))
    return f"/r/{path}" + (f"?{urlencode(query, errors='replace')}" if query else "")


def create(
    root: Path,
    defaults: Mapping[str, str],
    host: str = "127.0.0.1",
    token: Token | None = None,
    ends: events.ServerEnds = lambda: False,
) -> App:
    """The viewer as an ASGI application, behind its guard."""
    viewer = Viewer(root, defaults, OpenJournals(), ends)
    application = Starlette(
        routes=[
            Route("/", viewer.index),
            Route("/compare", viewer.compare),
            Route("/static/{name}", _static),
            Route("/r/{run}", viewer.run),
            Route("/r/{run}/events", viewer.events),
            Route("/r/{run}/newest", viewer.newest),
            Route("/r/{run}/{rest:path}", viewer.page),
        ],
        exception_handlers={RunError: _refused},
    )
    return Guard(application, host, token)


def _static(request: Request) -> Response:
    kind, text = _FILES.get(request.path_params["name"], ("", ""))
    return Response(text, media_type=kind) if kind else Response(status_code=404)


def _page(title: str, body: Html, status: int = 200) -> Response:
    return HTMLResponse(document(title, body, _HEAD, _SCRIPTS), status)


def _refused(_: Request, error: Exception) -> Response:
    """A page that says what is wrong with a journal or an address."""
    words = html(
        '<div class="frame alone"><main id="main"><p class="brand"><a href="/">abzero</a></p>'
        "<h1>This cannot be shown</h1>"
        "<p>{words}</p></main></div>",
        words=str(error),
    )
    return _page("abzero", words, 404)
