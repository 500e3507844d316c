"""docs/oversight.md explains every figure and alarm of oversight, and none that is not."""

import re
from pathlib import Path

from abzero.oversight import drift, duty
from abzero.oversight.rules import load
from tests.fakes import play, player

PAGE = (Path(__file__).parent.parent.parent / "docs" / "oversight.md").read_text(encoding="utf-8")
TABLES = PAGE.split("## Figures and drift")[1].split("## Your own rules")[0]
NAMES = set(re.findall(r"^\| `([^`]+)` \|", TABLES, re.MULTILINE))


def general(name: str) -> str:
    return re.sub(r"\b(propose|solve)\b", "{role}", re.sub(r"/t\d\b", "/{tier}", name))


def test_every_figure_is_explained_and_no_other(tmp_path):
    on = duty.duty("default", "", "log", 3)
    overseen = duty.begin(on, tmp_path, None, [], lambda: 0.0, lambda: 0.0)
    game = play(player(), batch_size=4)
    before = game.step(10)
    after = overseen.annotate(before)
    added = {general(name) for name in {*after.metrics, *after.clock} - {*before.metrics, *before.clock}}
    added.add("thought/surprise/{role}")  # the learner's, where it has a reference
    assert added == {name for name in NAMES if "/" in name and not name.startswith(("monitor", "thought s", "legib"))}


def test_every_alarm_is_explained():
    for name in ("oversight", "monitor deaf/{tier}", "monitor evasion/{role}", "thought shrinking/{role}"):
        assert name in NAMES
    assert len(drift.CONDITIONS) == 3


def test_the_page_counts_the_rules_right():
    assert f"{len(load('default').rules)} rules" in PAGE
