"""Training in a process of its own while a page is open: steps appear, a kill shows, and a resumed run goes on."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from tests.views.web.chromium import marks, opened, started, watching

pytestmark = marks
RECIPE = Path(__file__).parents[3] / "recipes" / "tiny-cpu.toml"
REACHED = "(number) => Number(document.getElementById('step')?.dataset.step ?? -1) >= number"


@contextmanager
def training(*arguments):
    process = subprocess.Popen([sys.executable, "-m", "abzero", *map(str, arguments)], stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_the_page_follows_a_run_through_a_kill_and_a_resume(tmp_path):
    root, folder, shots = tmp_path / "runs", tmp_path / "runs" / "demo", os.environ.get("SCREENSHOTS")
    root.mkdir()
    with watching(root) as server, started() as browser, opened(browser) as page:
        page.set_default_timeout(120_000)
        with training("train", RECIPE, "--run", folder, "--steps", 14, "--checkpoint.every", 2) as process:
            while not (folder / "run.db").exists() or page.goto(f"{server}/r/demo/live").status != 200:
                page.wait_for_timeout(200)
                assert process.poll() is None
            page.evaluate("window.kept = true")
            page.wait_for_function(REACHED, arg=1)
            page.locator("main .num", has_text="1·").first.wait_for()
            assert page.locator("ol.phases li.on").count() == 1
            page.wait_for_function(REACHED, arg=3)
            process.send_signal(signal.SIGKILL)
            page.locator("#status .killed").wait_for()
            assert page.locator("ol.phases").count() == 0
        with training("resume", folder) as process:
            page.locator("#status .running").wait_for()
            page.wait_for_function(REACHED, arg=9)
            page.locator("main .num", has_text="9·").first.wait_for()
            if shots:
                page.locator("ol.phases li.on").wait_for()
                page.screenshot(path=f"{shots}/viewer-live.png")
            page.locator("#status .finished").wait_for()
            page.locator("main .num", has_text="14·").first.wait_for()
        assert page.evaluate("window.kept")
        assert page.faults == []
        if shots:
            picture(page, server, shots)


def picture(page, server, shots):
    """The proposal that leads the README: one that was solved sometimes."""
    page.goto(f"{server}/r/demo/search?verdict=valid&least=0.3&most=0.7")
    page.locator("main a.item").first.click()
    page.wait_for_url("**/proposal/**")
    page.screenshot(path=f"{shots}/viewer.png")
