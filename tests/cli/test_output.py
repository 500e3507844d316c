"""What commands say while they work."""

import io
import os

import pytest
from rich.console import Console

from abzero.cli.main import COMMANDS, main
from abzero.cli.output import WIDE, Stream, progress, usage
from abzero.cli.oversight import ACTIONS
from abzero.text.terminal import Sentence, counted, wrapped


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


def test_a_reader_that_has_had_enough_is_told_to_the_command_and_ends_nothing_by_itself():
    read, write = os.pipe()
    os.close(read)
    with pytest.raises(BrokenPipeError), open(write, "w") as nobody:
        Stream(file=nobody).print("x")


@pytest.mark.parametrize(("count", "words"), [(0, "0 hits"), (1, "1 hit"), (2_000, "2,000 hits")])
def test_what_is_counted_is_one_or_several(count, words):
    assert counted(count, "hit") == words


LONG = "findings wait for a person: abzero oversight review runs/first --finding 3; a file called " + "x" * 70


@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_sentence_breaks_between_words_in_a_terminal_and_never_in_a_pipe(width):
    def printed(terminal: bool) -> list[str]:
        console = Console(file=io.StringIO(), width=width, force_terminal=terminal, _environ={})
        console.print(Sentence(LONG), soft_wrap=True)
        return console.file.getvalue().splitlines()

    assert printed(False) == [LONG]
    lines = printed(True)
    assert " ".join(lines) == LONG
    assert all(len(line) <= width for line in lines if "xxx" not in line)


@pytest.mark.parametrize("width", [46, 60, 80])
@pytest.mark.parametrize(
    "words", ["go on with: {}", "7 wait (as do others: {}), and more is to come", "use `{}` to see it"]
)
def test_a_command_that_a_sentence_names_is_copied_whole(words, width):
    command = "abzero fork runs/first --step 3 --suite a,b"
    assert any(command in line for line in wrapped(words.format(command), width).splitlines())


def test_lines_and_indents_of_a_sentence_stay():
    assert wrapped("one\n    two   three\n\nfour", 20) == "one\n    two   three\n\nfour"


def test_help_in_a_pipe_has_no_boxes_and_no_blanks_at_the_ends(capsys):
    for arguments in (
        ["grep", "--help"],
        ["help", "train"],
        ["oversight", "scan", "-h"],
        ["eval", "compare", "--help"],
    ):
        with pytest.raises(SystemExit):
            main(arguments)
        printed = capsys.readouterr().out
        assert "example: abzero" in printed
        assert not set("│╭╰─") & set(printed)
        assert [line.rstrip() for line in printed.splitlines()] == printed.splitlines()
