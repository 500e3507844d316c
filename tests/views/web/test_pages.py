"""The pages over HTTP: of a run, of a hostile one, of what is no run."""

import re
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from starlette.testclient import TestClient

from abzero.run.journal import JournalWriter
from abzero.run.journal.schema import pack
from abzero.views.web.app import create
from abzero.views.web.site import PAGES
from tests.steps import HOSTILE, with_faults
from tests.views.folders import altered, run


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    run(folder / "one")
    run(folder / "two", steps=3)
    return folder


@pytest.fixture(scope="module")
def browser(root):
    return TestClient(create(root, {"steps": "5"}), base_url="http://127.0.0.1")


ABOUT = {"step": "/2", "proposal": "/2/0", "attempt": "/2/0", "text": "/1", "search": "?q=return"}


def addresses(browser):
    task = re.search(r"/r/one/task/(\w{16})", browser.get("/r/one/proposal/2/0").text)[1]
    return [f"/r/one/{name}" + ABOUT.get(name, f"/{task}" if name == "task" else "") for name in PAGES]


def test_every_page_is_there_and_every_link_leads_to_one(browser):
    seen, coming = set(), [*addresses(browser), "/", "/compare?run=one&run=two"]
    while coming:
        address = coming.pop()
        if address in seen or len(seen) > 300:
            continue
        seen.add(address)
        answer = browser.get(address)
        assert answer.status_code == 200, address
        coming += [one.replace("&amp;", "&") for one in re.findall(r'href="(/r/one/[^"]*)"', answer.text)]
    assert len(seen) > 40


def test_a_fault_of_ours_is_no_malformed_answer(tmp_path):
    one, _ = with_faults()
    (tmp_path / "one").mkdir()
    with closing(JournalWriter(tmp_path / "one" / "run.db")) as journal:
        journal.write(one)
    page = TestClient(create(tmp_path, {}), base_url="http://127.0.0.1").get("/r/one/attempt/1/0").text
    assert "not graded: RecursionError" in page


def test_what_a_model_wrote_is_text(browser):
    """Markup is escaped, controls and bidi are shown by their names, on every page that shows a completion."""
    for address in ["/r/one/step/2", "/r/one/proposal/2/2", "/r/one/attempt/2/4", "/r/one/rejections", "/r/one/live"]:
        text = browser.get(address).text
        assert "<b>&" not in text
        assert not set("\x00\x1b\x07\r\u202e") & set(text)
        text.encode()
    assert "\\x1b" in browser.get("/r/one/proposal/2/2").text


def stored(folder, text, where="id = (SELECT completion FROM proposal WHERE step = 2 AND position = 0)"):
    """The run with `text` in the place of a stored one."""
    with closing(sqlite3.connect(folder / "run.db")) as connection:
        connection.execute(f"UPDATE text SET body = ? WHERE {where}", (pack(text),))
        connection.commit()


def test_bidi_controls_nul_and_surrogates_are_shown_by_name(tmp_path):
    folder = run(tmp_path / "one")
    stored(folder, "\u202eevil\u2066 \0 \ud800 <img src=x onerror=alert(1)>")
    text = TestClient(create(tmp_path, {}), base_url="http://127.0.0.1").get("/r/one/proposal/2/0").text
    assert "\\u202eevil\\u2066 \\x00 \\ud800 &lt;img src=x onerror=alert(1)&gt;" in text


def test_a_line_of_five_megabytes_is_cut_with_a_way_to_more(tmp_path):
    folder = run(tmp_path / "one")
    stored(folder, "x" * 5_000_000 + "END")
    browser = TestClient(create(tmp_path, {}), base_url="http://127.0.0.1")
    text = browser.get("/r/one/proposal/2/0").text
    assert len(text) < 100_000
    more = re.search(r'class="more" href="([^"]+)"', text)[1]
    assert len(browser.get(more).text) < 100_000
    assert "xEND" in browser.get(f"{more}?from=4980000").text


def test_a_hundred_thousand_attempts_on_one_task_come_in_portions(tmp_path):
    folder = run(tmp_path / "one")
    with closing(sqlite3.connect(folder / "run.db")) as connection:
        task = connection.execute("SELECT task FROM attempt WHERE step = 2 LIMIT 1").fetchone()[0]
        connection.execute(
            """
WITH RECURSIVE n (i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 100999)
INSERT INTO attempt SELECT step, n.i, task, prompt, completion, tokens, finish, version, answer, score, well_formed,
    proposal FROM n, (SELECT * FROM attempt WHERE step = 2 LIMIT 1)"""
        )
        connection.commit()
    browser = TestClient(create(tmp_path, {}), base_url="http://127.0.0.1")
    first = browser.get(f"/r/one/task/{task}").text
    assert len(first) < 200_000
    assert "more attempts" in first
    assert "more attempts" in browser.get(f"/r/one/task/{task}?from=99000").text
    assert len(browser.get("/r/one/proposal/2/0").text) < 1_000_000


def test_the_reward_is_derived_with_its_numbers(browser):
    text = browser.get("/r/one/proposal/2/2").text
    assert re.search(r"-1\.5.*reward r.*-1.*invalid.*-0\.5.*format", text, re.DOTALL)


def test_the_reason_of_a_rejection_and_the_replay_line_are_shown(browser, root):
    assert "rejected" in browser.get("/r/one/proposal/2/2").text
    assert f"abzero replay {root / 'one'}" in browser.get("/r/one/proposal/2/0").text


def test_search_finds_text_mode_verdict_and_rate(browser):
    assert "<mark>return</mark>" in browser.get("/r/one/search?q=RETURN").text
    assert ">0 found in" in browser.get("/r/one/search?q=nowhere+at+all").text
    rejected = browser.get("/r/one/search?verdict=rejected").text
    assert 'class="row rejected"' in rejected
    assert 'class="row valid"' not in rejected
    assert browser.get("/r/one/search?least=x").status_code == 404


def test_search_finds_attempts_by_their_score(browser):
    right = browser.get("/r/one/search?verdict=right").text
    assert 'href="/r/one/attempt/' in right
    assert 'class="row rejected"' not in right
    assert 'href="/r/one/proposal/' not in right
    assert 'class="row valid"' not in browser.get("/r/one/search?verdict=wrong").text


def test_search_finds_what_has_a_finding_and_steps_with_an_alarm(tmp_path):
    finding = "INSERT INTO finding VALUES (2, 0, '{}', 1, 'thought', 3, 9, 0, 'rule 7', 'deception', 4, 0.5)"
    altered(tmp_path / "one", finding.format("propose"))
    altered(tmp_path / "two", finding.format("solve"))
    altered(tmp_path / "three", "INSERT INTO alarm VALUES (1, 0, 'entropy gone', 'look')")
    browser = TestClient(create(tmp_path, {}), base_url="http://127.0.0.1")

    def hits(address):
        return re.findall(r'class="item" href="/r/[a-z]+/([^"]*)"', browser.get(address).text)

    assert hits("/r/one/search?with=finding") == ["proposal/2/1"]
    assert hits("/r/one/search?with=finding&verdict=attempts") == []
    assert hits("/r/two/search?with=finding&verdict=attempts") == ["attempt/2/1"]
    assert hits("/r/two/search?with=alarm") == []
    assert {address.split("/")[1] for address in hits("/r/three/search?with=alarm")} == {"1"}


@pytest.mark.parametrize(
    "address",
    [
        *("/r/none/live", "/r/one/nothing", "/r/one/step/99", "/r/one/step/x", "/r/one/step/-1", "/r/one/proposal/2"),
        *("/r/one/task/zz", "/r/one/task/", "/r/one/text/999999", "/r/one/text/9999999999999999", "/r/..%2fone/live"),
        *("/r/one/proposal/999999999999999/1", "/r/one/attempt/2/9999", "/compare?run=one", "/compare?run=one&run=x"),
    ],
)
def test_an_address_that_leads_nowhere_says_so(browser, address):
    answer = browser.get(address)
    assert answer.status_code == 404
    assert "cannot be shown" in answer.text


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    run(tmp_path / "outside" / "secret")
    inside = tmp_path / "inside"
    (inside / "copy").mkdir(parents=True)
    (inside / "linked").symlink_to(tmp_path / "outside" / "secret")
    (inside / "copy" / "run.db").symlink_to(tmp_path / "outside" / "secret" / "run.db")
    browser = TestClient(create(inside, {}), base_url="http://127.0.0.1")
    assert "no run in" in browser.get("/").text
    assert browser.get("/r/linked/live").status_code == browser.get("/r/copy/live").status_code == 404


HOSTILE_SQL = {
    "a view in a table's place": "ALTER TABLE step RENAME TO x; CREATE VIEW step AS SELECT 1 AS number",
    "a trigger": "CREATE TRIGGER t AFTER INSERT ON step BEGIN DELETE FROM step; END",
    "a virtual table": "CREATE VIRTUAL TABLE v USING fts5(a)",
    "words for numbers": "UPDATE metric SET value = 'x'; UPDATE proposal SET solve_rate = 'high', tokens = 'many'",
    "numbers for words": "UPDATE proposal SET finish = x'00', mode = x'ff'",
    "a missing table": "DROP TABLE metric",
    "texts that are none": "UPDATE text SET body = 'plain'",
    "texts that are damaged": "UPDATE text SET body = x'789c00'",
    "a version to come": "PRAGMA user_version = 99",
    "another program's file": "PRAGMA application_id = 7",
    "settings that are none": "UPDATE about SET value = '[[[' WHERE key = 'config'",
    "cases that are none": "UPDATE task SET cases = program",
    "infinite figures": "UPDATE metric SET value = 9e999; UPDATE reward SET advantage = 9e999; "
    "UPDATE term SET value = -9e999",
    "names with markup": "UPDATE alarm SET name = '<b>'; "
    "UPDATE proposal SET mode = '</script><img src=x onerror=alert(1)>'",
}


@pytest.mark.parametrize("script", HOSTILE_SQL.values(), ids=HOSTILE_SQL)
def test_a_journal_that_somebody_worked_on_is_shown_or_refused(tmp_path, script):
    altered(tmp_path / "one", script)
    browser = TestClient(create(tmp_path, {}), base_url="http://127.0.0.1", raise_server_exceptions=True)
    for address in ["/", *(f"/r/one/{name}{ABOUT.get(name, '')}" for name in PAGES)]:
        answer = browser.get(address)
        assert answer.status_code in (200, 404)
        assert "<img src=x" not in answer.text


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0", b"SQLite format 3\0" + b"x" * 5000, b"hello"])
def test_a_file_that_is_no_journal_is_named(tmp_path, content):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "run.db").write_bytes(content)
    browser = TestClient(create(tmp_path, {}), base_url="http://127.0.0.1")
    assert "run.db" in browser.get("/").text
    assert browser.get("/r/one/live").status_code == 404


def test_deleting_the_web_leaves_the_command_line_without_torch_and_starlette():
    code = (
        "import sys; from abzero.cli.main import main; main(['--help']); "
        "print([name for name in ('torch', 'starlette', 'uvicorn') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.endswith(
        "[]\n"
    )


def test_the_server_imports_no_torch():
    code = (
        "import sys, abzero.views.web.serve, abzero.views.web.bundle, abzero.cli.watch; print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_hostile_text_is_what_the_tests_think_it_is():
    assert {"\x1b", "\x00", "\ud800"} <= set(HOSTILE)
