import io
import random
from collections import Counter
from dataclasses import replace

import pytest
from rich.console import Console

from abzero.run.now import Moment
from abzero.run.observers.console import Lines, Screen, display, duration, interesting, recalled, sparkline
from abzero.run.observers.console.tables import by_phase
from abzero.run.seeding_progress import Progress
from abzero.types import Alarm, Case, Step, Task
from tests.steps import HOSTILE, history, rollout, step


class Terminal(io.StringIO):
    """A terminal's file, as far as a program can tell."""

    encoding = "utf-8"

    def isatty(self):
        return True


def terminal(file):
    return Console(file=file, force_terminal=True, force_interactive=True, width=120, height=40, _environ={})


def with_figures(one, **clock):
    metrics = {"propose/valid/deduction": 0.5, "solve/score/deduction": 0.25, "propose/reward/deduction": 0.1}
    return replace(one, metrics=metrics, clock=clock)


def test_a_file_gets_one_line_a_step_and_a_summary():
    file = io.StringIO()
    with display(3, Console(file=file, width=200)) as show:
        for one in history(3):
            show(with_figures(one, **{"seconds/step": 60.0, "tokens_per_second": 1234.0}))
    lines = file.getvalue().splitlines()
    assert lines[0] == (
        "step 1/3 | propose 0.100 | score 0.250 | valid deduction 0.50 | 1,234 tokens/s | 2 min 00 s left"
    )
    assert lines[2].endswith("0 s left")
    assert "3 steps, 0 alarms; means of the first 1 -> last 1 steps" in file.getvalue()


def test_of_the_seeding_its_alarms_are_shown_and_its_figures_are_not():
    file = io.StringIO()
    with display(1, Console(file=file, width=200)) as show:
        show(with_figures(step(0, random.Random(0), alarms=(Alarm(0, "oversight", "words"),))))
        show(with_figures(history(1)[0]))
    lines = file.getvalue().splitlines()
    assert lines[0] == "ALARM at step 0, oversight: words"
    assert lines[1].startswith("step 1/1")
    assert "1 step, 1 alarm" in file.getvalue()


def seeding(batch, over=False):
    found, attempts = {"deduction": 3 + batch, "induction": 1}, {"deduction": 8, "induction": 0}
    return Progress(batch, 16, 20, found, attempts, Counter({"no program block": 4, "\x1b]0;x": 1}), over)


def test_a_file_gets_lines_of_the_seeding_at_growing_distances():
    file = io.StringIO()
    with display(3, Console(file=file, width=80)) as show:
        for batch in range(16):
            show.seeding(seeding(batch))
        show.seeding(seeding(15, over=True))
    lines = [line for line in file.getvalue().splitlines() if line.startswith("seeding")]
    assert [line.partition(":")[0] for line in lines] == [
        *(f"seeding, batch {batch} of at most 16" for batch in (0, 1, 2, 4, 8)),
        "seeding, done",
    ]
    assert lines[-1].endswith("induction 1 of 20 tasks (0 proposals); rejected 5: 4 × no program block, 1 × \\x1b]0;x")


def test_a_terminal_gets_the_seeding_live():
    file = Terminal()
    with display(3, terminal(file)) as show:
        show.seeding(seeding(2))
        show._live.refresh()
        assert "seeding, batch 3 of at most 16" in file.getvalue()
        assert "rejected 5: 4 × no program block" in file.getvalue()
        show.seeding(seeding(3, over=True))
        assert "seeding, done: deduction 6 of 20 tasks" in file.getvalue()
    assert "\x1b]0;x" not in file.getvalue()


def test_a_terminal_gets_the_live_display():
    file = Terminal()
    with display(3, terminal(file)) as show:
        show(with_figures(history(1)[0]))
    assert isinstance(show, Screen)
    assert "step 1 of 3" in file.getvalue()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_unicode_gets_lines_that_it_can_print(encoding):
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding)
    file.isatty = lambda: True
    with display(1, terminal(file)) as show:
        show(step(1, random.Random(0), alarms=(Alarm(1, "name", "words"),)))
    file.flush()
    assert isinstance(show, Lines)
    assert b"ALARM at step 1, name: words" in raw.getvalue()


def test_alarms_are_shown_in_both():
    one = step(1, random.Random(0), alarms=(Alarm(1, "name", "something to try"),))
    for console in (Console(file=io.StringIO()), terminal(Terminal())):
        with display(1, console) as show:
            show(one)
        assert "something to try" in console.file.getvalue()


def test_what_a_model_wrote_cannot_steer_the_terminal():
    task = Task("deduction", f"def f(a):\n    return '{HOSTILE}'", (Case(HOSTILE, HOSTILE),))
    plain = step(1, random.Random(0), tasks=1)
    proposal = replace(plain.proposals[0], outcome=task, solve_rate=0.5, rollout=rollout(HOSTILE))
    file = Terminal()
    with display(1, terminal(file)) as show:
        show(Step(1, [proposal], [], [], {}))
    written = file.getvalue()
    assert "\\x1b[31mred" in written  # the escape is text
    assert "[bold]x[/bold]" in written  # and so is markup
    assert "\x1b]0;" not in written
    assert not {"\0", "\x07", "\ud800"} & set(written)


def test_a_run_that_ends_before_its_first_step_says_so():
    file = io.StringIO()
    with pytest.raises(KeyboardInterrupt), display(3, Console(file=file)):
        raise KeyboardInterrupt
    assert "no step was taken" in file.getvalue()


def test_an_interrupted_run_is_summed_up():
    file = io.StringIO()

    def run():
        with display(3, Console(file=file, width=100)) as show:
            show(with_figures(history(1)[0]))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()
    assert "0.500 -> 0.500" in file.getvalue()


def test_the_interesting_task_is_the_hardest_that_can_be_learned():
    one = step(1, random.Random(0), tasks=4)
    rates = [0.0, 0.5, 0.25, 1.0]
    proposals = [replace(p, solve_rate=rate) for p, rate in zip(one.proposals, rates, strict=False)]
    assert interesting(replace(one, proposals=proposals)) == proposals[2]
    assert interesting(replace(one, proposals=[proposals[0], one.proposals[-1]])) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.6, "1 min 00 s"), (200, "3 min 20 s"), (18_240, "5 h 04 min"), (-1, "0 s")],
)
def test_durations_are_words(seconds, words):
    assert duration(seconds) == words


def test_a_sparkline_spans_nought_to_one():
    assert sparkline([0.0, 0.5, 1.0]) == "▁▅█"


PAST = [{"solve/score/deduction": 0.1 * n, "propose/valid/deduction": 0.5} for n in range(1, 8)]


def narrow(width):
    return Console(file=Terminal(), force_terminal=True, force_interactive=True, width=width, height=40, _environ={})


def frame(screen):
    console = Console(file=io.StringIO(), width=screen._console.width, color_system=None, _environ={})
    console.print(screen._draw())
    return console.file.getvalue()


def test_after_a_resume_the_screen_is_the_run_s_and_not_the_session_s():
    memory = recalled(PAST, alarms=3, clock={"seconds/step": 100.0, "seconds/update": 40.0}, last=7)
    screen = display(20, narrow(80), memory=memory)
    text = frame(screen)
    assert text.startswith("step 7 of 20")
    assert "▁▂▃▄▅" in text
    file = io.StringIO()
    with display(8, Console(file=file, width=80), memory=memory) as show:
        show(with_figures(step(8, random.Random(0)), **{"seconds/step": 20.0, "seconds/update": 10.0}))
    assert "8 steps, 3 alarms; means of the first 4 -> last 4 steps" in file.getvalue()
    assert "0.250 -> 0.51" in file.getvalue()
    assert "time: 2 min 00 s: update 50 s, other 1 min 10 s" in file.getvalue()


def test_what_is_under_way_is_shown_with_its_counts():
    moments = [Moment(0, "propose", 0, 64), Moment(3, "estimate", 1_200, 4_096), Moment(3), Moment(3, "sandbox", 0, 0)]
    texts = [frame(display(20, narrow(80), moment=lambda moment=moment: moment)) for moment in moments]
    assert "seeding: propose 0 of 64" in texts[0]
    assert "step 3: estimate 1,200 of 4,096" in texts[1]
    assert "step 3" not in texts[2]
    assert "step 3: sandbox" in [line.strip() for line in texts[3].splitlines()]


@pytest.mark.parametrize("width", [60, 80])
def test_the_screen_and_the_summary_fit_a_narrow_terminal(width):
    modes = ("abduction", "deduction", "induction")
    names = ("propose/valid", "propose/new", "propose/learnable", "propose/solve_rate", "propose/reward", "solve/score")
    metrics = {f"{name}/{mode}": -0.125 for name in names for mode in modes}
    clock = {"seconds/step": 10.0, "tokens_per_second": 12_345.0}
    console = narrow(width)
    with display(200, console, moment=lambda: Moment(2, "estimate", 100, 4_096)) as show:
        show(replace(history(1)[0], metrics=metrics, clock=clock))
        lines = frame(show).splitlines()
    assert max(map(len, lines)) <= width
    assert all(any(mode in line for line in lines) for mode in modes)
    summary = console.file.getvalue()
    assert "…" not in summary
    assert summary.count("-0.125 -> -0.125") == 18


def test_the_seconds_of_a_step_are_told_by_phase():
    clock = {"seconds/step": 12.0, "seconds/propose": 2.0, "seconds/sandbox": 3.5, "seconds/unknown": 1.0}
    assert by_phase(clock) == "12 s: propose 2.0 s, sandbox 3.5 s, other 6.5 s"
    assert by_phase({}) == ""
