"""A run in one file."""

import re

import pytest

from abzero.cli.watch import bundle as command
from abzero.errors import ConfigError, RunError
from abzero.views.run_folders import ServedRun
from abzero.views.web.bundle import _apart, bundle
from tests.views.folders import run


def test_every_link_leads_to_a_page_in_the_file_and_nothing_is_fetched(tmp_path):
    folder = run(tmp_path / "one")
    words = bundle(ServedRun("one", folder), tmp_path / "run.html", 20, {})
    text = (tmp_path / "run.html").read_text(encoding="utf-8")
    there = re.findall(r' id="([^"]*)"', text)
    assert len(there) == len(set(there))
    links = set(re.findall(r'href="([^"]*)"', text))
    assert {link[1:] for link in links} <= set(there)
    assert {"#step/2", "#proposal/2/0", "#left-out"} <= links
    assert not re.search(r'(src|href)="(?!#)', text)
    assert words.startswith("all 38 pages")


def test_what_does_not_fit_is_left_out_and_said_so(tmp_path):
    folder = run(tmp_path / "one", steps=40)
    words = bundle(ServedRun("one", folder), tmp_path / "run.html", 0.3, {})
    assert (tmp_path / "run.html").stat().st_size < 300_000
    kept, total = map(int, re.match(r"(\d+) of (\d+)", words).groups())
    assert 8 < kept < total


def test_steps_are_taken_far_apart():
    assert _apart([1, 2, 3, 4, 5, 6, 7]) == [7, 1, 4, 3, 6, 2, 5]


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(RunError, match=r"nowhere.*cannot be written"):
        bundle(ServedRun("one", run(tmp_path / "one")), tmp_path / "nowhere" / "run.html", 20, {})


def test_the_command_wants_one_run(tmp_path):
    with pytest.raises(ConfigError, match="holds run"):
        command(tmp_path)
