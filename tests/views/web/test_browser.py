"""The pages in a real Chromium: nothing runs that a model wrote, nothing overflows, the live page goes on by itself."""

import os
from contextlib import closing
from importlib.resources import files

import pytest

from abzero.run.journal import JournalWriter
from abzero.views.run_folders import ServedRun
from abzero.views.web.bundle import bundle
from tests.steps import history
from tests.views.folders import altered, run
from tests.views.web.chromium import marks, opened, started, watching

pytestmark = marks
PAGES = (
    "live",
    "steps",
    "step/2",
    "proposal/2/0",
    "proposal/2/2",
    "attempt/2/4",
    "curriculum",
    "rejections",
    "lineage",
)
FINDING = "'propose', 0, 'thought', 3, 9, 0, 'structural', 'deception', 4, 0.5"
PAGES += ("search?q=return", "eval", "oversight", "config")


@pytest.fixture(scope="module")
def chromium():
    with started() as browser:
        yield browser


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    run(folder / "one", steps=12)
    altered(folder / "found", f"INSERT INTO finding VALUES (2, 0, {FINDING})")
    altered(folder / "hostile", "UPDATE proposal SET mode = '<img src=x onerror=document.title=1>'")
    return folder


@pytest.fixture(scope="module")
def server(root):
    with watching(root) as address:
        yield address


@pytest.fixture
def page(chromium):
    with opened(chromium) as page:
        yield page


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_and_raises_nothing(page, server, width, scheme):
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme=scheme)
    shots = os.environ.get("SCREENSHOTS")
    for name in PAGES:
        page.goto(f"{server}/r/one/{name}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        if shots:
            page.screenshot(path=f"{shots}/{name.translate({ord(c): '-' for c in '/?='})}-{width}-{scheme}.png")
    assert page.faults == []


@pytest.fixture(scope="module")
def axe():
    package = pytest.importorskip("axe_playwright_python", reason="make web-test installs axe-playwright-python")
    return (files(package) / "axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(page, server, axe, width, scheme):
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme=scheme)
    pages = [f"/r/one/{name}" for name in PAGES]
    for address in ("/", "/compare?run=one&run=found", "/r/found/oversight", "/r/one/step/99", *pages):
        page.goto(server + address)
        page.evaluate(axe)
        seen = page.evaluate("axe.run()")
        assert len(seen["passes"]) > 5
        assert [(one["id"], one["nodes"][0]["html"]) for one in seen["violations"]] == [], address


REACHABLE = """() => [...document.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")]
    .filter((one) => one.checkVisibility() && !one.disabled).length"""
FOCUSED = """() => {
    const one = document.activeElement, style = getComputedStyle(one);
    const place = [...document.querySelectorAll("*")].indexOf(one);
    return one === document.body ? null : [place, style.outlineStyle];
}"""


@pytest.mark.parametrize("name", ["/", *(f"/r/one/{name}" for name in PAGES)])
def test_tab_reaches_everything_and_shows_where_it_is(page, server, name):
    page.goto(server + name)
    wanted, seen = page.evaluate(REACHABLE), set()
    for _ in range(min(wanted, 60) + 2):
        page.keyboard.press("Tab")
        place, outline = page.evaluate(FOCUSED) or (None, "")
        assert outline != "none", place
        seen.add(place)
    assert len(seen - {None}) >= min(wanted, 60)


def test_markup_in_a_journal_is_text(page, server):
    for name in PAGES:
        page.goto(f"{server}/r/hostile/{name}")
        assert page.locator("main img").count() == 0
        assert page.title() != "1"
    assert page.faults == []


def test_a_committed_step_is_on_the_screen_without_a_reload(page, server, root):
    run(root / "growing", steps=3)
    page.goto(f"{server}/r/growing/live")
    page.evaluate("window.kept = true")
    page.wait_for_timeout(700)
    with closing(JournalWriter(root / "growing" / "run.db")) as journal:
        journal.write(history(4)[-1])
        page.locator("main .num", has_text="4·2").wait_for(timeout=10_000)
        journal.truncate(2)
        page.locator("main .num", has_text="2·2").first.wait_for(timeout=10_000)
        page.locator("main .num", has_text="4·2").wait_for(state="detached", timeout=10_000)
    assert page.evaluate("window.kept")


def test_the_keyboard_is_enough(page, server):
    page.goto(f"{server}/r/one/live")
    for key in ("j", "j", "k", "j", "Enter"):
        page.keyboard.press(key)
    page.wait_for_url("**/proposal/12/1")
    page.keyboard.press("]")
    page.wait_for_url("**/proposal/12/2")
    page.keyboard.press("?")
    assert page.locator("dialog").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.wait_for_url("**/search")
    page.keyboard.type("return")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?q=return")
    assert page.locator("mark").count() > 0


def test_a_search_goes_on_by_itself_to_the_first_step(page, root, server):
    run(root / "long", steps=150)
    page.goto(f"{server}/r/long/search?q=nowhere+at+all")
    page.get_by_text("0 found in steps 1 to 150.").wait_for()
    assert page.locator("main a.on").count() == 0
    assert page.faults == []


def test_the_bundle_opens_from_a_file(page, root, tmp_path):
    bundle(ServedRun("one", root / "one"), tmp_path / "run.html", 20, {})
    page.goto((tmp_path / "run.html").as_uri())
    assert page.locator("#live").is_visible()
    page.locator("#live a.item").first.click()
    assert page.locator("section.page:visible").count() == 1
    assert page.locator("section.page:visible h1").inner_text().startswith("Proposal")
    assert page.faults == []
