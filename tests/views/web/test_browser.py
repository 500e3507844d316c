"""The pages in a real Chromium: nothing runs that a model wrote, nothing overflows, the live page goes on by itself."""

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import closing

import pytest

from abzero.run.journal import JournalWriter
from abzero.views.web.bundle import bundle
from abzero.views.web.runs import Run
from tests.steps import history
from tests.views.web.folders import altered, run

CHROMIUM = shutil.which("chromium")
playwright = pytest.importorskip("playwright.sync_api", reason="make web-test installs playwright")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium: make web-test says how to get it"),
]
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
PAGES += ("search?q=return", "eval", "oversight", "config")


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    run(folder / "one", steps=12)
    altered(folder / "hostile", "UPDATE proposal SET mode = '<img src=x onerror=document.title=1>'")
    return folder


@pytest.fixture(scope="module")
def server(root):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "abzero", "watch", str(root), "--port", str(port), "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    for _ in range(300):
        with socket.socket() as trying:
            if trying.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield address
    process.terminate()
    process.wait()


@pytest.fixture
def page(chromium):
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    faults = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    opened.faults = faults
    yield opened
    context.close()


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


def test_the_bundle_opens_from_a_file(page, root, tmp_path):
    bundle(Run("one", root / "one"), tmp_path / "run.html", 20, {})
    page.goto((tmp_path / "run.html").as_uri())
    assert page.locator("#live").is_visible()
    page.locator("#live a.item").first.click()
    assert page.locator("section.page:visible").count() == 1
    assert page.locator("section.page:visible h1").inner_text().startswith("Proposal")
    assert page.faults == []
