"""What commands say while they work."""

import io

import pytest
from rich.console import Console

from abzero.cli.main import COMMANDS
from abzero.cli.output import WIDE, progress, usage
from abzero.cli.oversight import ACTIONS


@pytest.mark.parametrize("width", [60, 80, 160])
@pytest.mark.parametrize("commands", [COMMANDS, ACTIONS], ids=["commands", "actions"])
def test_the_list_of_commands_is_wrapped_within_its_column(commands, width):
    console = Console(file=io.StringIO(), width=width, _environ={})
    console.print(usage("abzero", "COMMAND", commands))
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert [line.split()[0] for line in lines[2:-2] if line[2] != " "] == list(commands)


def test_a_pipe_gets_each_command_on_one_line():
    console = Console(file=io.StringIO(), width=WIDE, _environ={})
    console.print(usage("abzero", "COMMAND", COMMANDS))
    lines = console.file.getvalue().splitlines()
    assert len(lines) == len(COMMANDS) + 4
    assert lines == [line.rstrip() for line in lines]


def test_a_log_is_told_how_far_it_is_now_and_then(capsys):
    ticks = iter([0.0, 1.0, 40.0, 41.0, 80.0])
    with progress("answers", 100, lambda: next(ticks)) as done:
        for _ in range(4):
            done(10)
    assert capsys.readouterr().err.splitlines() == [
        "answers: 20 of 100, about 3 min left",
        "answers: 40 of 100, about 2 min left",
    ]


def test_what_is_soon_done_says_nothing_in_a_log(capsys):
    with progress("answers", 0) as done:
        done(1)
    assert capsys.readouterr().err == ""
