import random
import re

import pytest

from abzero.errors import RunError
from abzero.run.journal import JournalWriter
from abzero.types import Alarm, Attempt, Case, Experience, Proposal, Rejection, Step, Task
from abzero.views.report import write_report
from abzero.views.report.accuracy import conclusion
from abzero.views.report.results import Change
from tests.steps import HOSTILE, history, rollout, step
from tests.views.report.folders import make_run, rows
from tests.views.test_html import Reader


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "my run"


def text_of(folder):
    return write_report(folder)[0].read_text(encoding="utf-8")


def test_the_headline_is_of_sampled_accuracy_however_much_greedy_decoding_rose():
    found = {
        ("deduction", 1, "pass@1"): Change(0.2, 0.1, 0.3),
        ("deduction", 2, "greedy"): Change(0.6, 0.5, 0.7),
    }
    headline, rest = conclusion(found)
    assert headline == "deduction, k = 1, pass@1: +20 [10, 30] points."
    assert "2 rose and 0 fell" in rest
    assert conclusion({cell: change for cell, change in found.items() if cell[2] == "greedy"})[0].startswith(
        "deduction, k = 2"
    )


def test_the_report_tells_what_was_learned(folder):
    make_run(
        folder, before=rows(0.3), after=[*rows(0.6, lengths=(1,)), *rows(0.1, lengths=(2,))], model={"name": "tiny"}
    )
    page = Reader(text_of(folder)).text
    assert "my run: self-play report" in page
    assert "deduction, k = 1, pass@1: +30 [22, 37] points." in page
    assert "Of 4 cells of pass@1 and greedy, 2 rose and 2 fell beyond their 95 % interval" in page
    assert "deduction, k = 2, greedy -20 [-26, -14]" in page


def test_a_run_without_evaluation_says_how_to_get_one(folder):
    make_run(folder, model={"name": "tiny"})
    text = Reader(text_of(folder)).text
    assert f"abzero eval tiny --json '{folder}/eval-before.json'" in text
    assert f"abzero eval '{folder}' --json '{folder}/eval-after.json'" in text


def test_an_evaluation_of_one_end_only_is_shown_without_a_conclusion(folder):
    make_run(folder, after=rows(0.3))
    page = Reader(text_of(folder)).text
    assert "no cell that was measured both before and after" in page
    assert "30.0% [" in page


def test_rewards_are_derived_and_alarms_told(folder):
    one = step(1, random.Random(0), alarms=(Alarm(1, "name", "something to try"),))
    make_run(folder, [one])
    page = Reader(text_of(folder)).text
    assert "-1.5 = invalid -1 + format -0.5" in page
    assert "step 1 something to try" in page


def test_a_run_that_took_no_step_has_a_report(folder):
    folder.mkdir()
    JournalWriter(folder / "run.db").close()
    page = Reader(text_of(folder)).text
    assert "None was solved yet." in page


def test_the_page_is_one_file_that_loads_nothing(folder):
    make_run(folder, before=rows(0.3), after=rows(0.6))
    page = text_of(folder)
    assert not re.search(r"https?:|//[a-z]|@import|url\(|<link|<img|<iframe|src=", page)
    assert "default-src 'none'" in page.replace("&#x27;", "'")


def test_nothing_that_a_model_wrote_becomes_markup(tmp_path):
    task = Task("deduction", f"def f(a):\n    return '{HOSTILE}'", (Case(HOSTILE, HOSTILE),), HOSTILE)
    attempts = [Attempt(task, HOSTILE, rollout(HOSTILE), score, HOSTILE, False, 0) for score in (None, 1.0)]
    proposals = [
        Proposal("deduction", HOSTILE, rollout(HOSTILE), (task,), task, False, 0.5),
        Proposal("deduction", HOSTILE, rollout(HOSTILE), (task,), Rejection(HOSTILE), False),
    ]
    experiences = [
        Experience(("propose", n), "deduction", 0, one.rollout, (("a", 1.0),)) for n, one in enumerate(proposals)
    ]
    tame = text_of(make_run(tmp_path / "tame", history(1)))
    page = text_of(make_run(tmp_path / "hostile", [Step(1, proposals, attempts, experiences, {})], seed=HOSTILE))
    assert set(Reader(page).tags) <= set(Reader(tame).tags)
    assert page.count("</script>") == 1
    assert not {"\x1b", "\0", "\x07", "\r"} & set(page)
    assert "\\x1b[31mred" in page


def test_a_long_run_keeps_the_page_small(folder):
    rng = random.Random(0)
    make_run(folder, [step(number, rng, tasks=1, samples=1) for number in range(1, 601)])
    assert len(text_of(folder)) < 500_000


def test_no_run_is_one_clear_error(tmp_path):
    with pytest.raises(RunError, match="no journal here"):
        write_report(tmp_path)


def test_a_folder_that_cannot_be_written_is_one_clear_error(folder):
    make_run(folder)
    (folder / "report.html").mkdir()
    with pytest.raises(RunError, match="cannot be written"):
        write_report(folder)
