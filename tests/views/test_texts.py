"""Every text of a run is found again, in full: show --attempt and --proposal, grep, dump, runs."""

import gzip
import io
import json
from contextlib import closing

import pytest
from rich.console import Console

from abzero.cli.main import main
from abzero.cli.texts import hit_line
from abzero.errors import ConfigError, RunError
from abzero.run.journal import JournalReader, JournalWriter
from abzero.types import Case, Finding, Proposal, Rejection, Step, Task
from abzero.views.grep import MOST_TIMEOUTS, Hit, Search, Wanted, around, compiled, in_rollouts, steps_of
from abzero.views.rollout import address, attempt_view, proposal_view
from abzero.views.rows import rollouts, to_json
from abzero.views.show import step_view
from tests.steps import HOSTILE, history, rollout, with_faults


@pytest.fixture
def run(tmp_path):
    """The folder of a run of three steps."""
    with closing(JournalWriter(tmp_path / "run.db")) as journal:
        journal.describe({"config": '{"steps": 3, "model": {"name": "tiny"}}'})
        for one in history(3):
            journal.write(one)
    (tmp_path / "config.json").write_text("{}")
    return tmp_path


@pytest.fixture
def reader(run):
    with closing(JournalReader(run / "run.db")) as opened:
        yield opened


def printed(renderable):
    console = Console(file=io.StringIO(), width=200, _environ={})
    console.print(renderable)
    return console.file.getvalue()


def test_an_attempt_is_shown_in_full(reader):
    [wrong] = [one for one in reader.attempts(2) if one.reward][:1]
    text = printed(attempt_view(reader, 2, wrong.position))
    assert wrong.prompt in text
    assert "malformed -1, advantage" in text
    assert "\\x1b[31mred" in text
    assert "\x1b" not in text


def test_a_rejected_proposal_is_shown_with_its_prompt_its_thought_and_why(reader):
    text = printed(proposal_view(reader, 1, 2))
    assert "propose\n" in text
    assert "rejected: \\x1b" in text
    assert "-1.5 = invalid -1 + format -0.5" in text


def test_a_proposal_names_the_attempts_that_estimated_it(reader):
    owned = [one.position for one in reader.attempts(1) if one.proposal == 0]
    text = printed(proposal_view(reader, 1, 0))
    assert [f"--attempt 1/{position}" in text for position in owned] == [True] * 4


def test_what_is_not_there_is_said_with_what_is(reader):
    with pytest.raises(RunError, match="no attempt 1/99: step 1 has attempts 0 to 9"):
        attempt_view(reader, 1, 99)
    with pytest.raises(RunError, match="no proposal 8/0: step 8 has none"):
        proposal_view(reader, 8, 0)


@pytest.mark.parametrize("text", ["", "3", "3/", "/3", "3/x", "-1/2", "1/2/3", "²/1", "1/" + "9" * 40])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ConfigError, match="is no address"):
        address(text, "--attempt")


def test_the_first_digits_of_several_ids_list_them(reader):
    with pytest.raises(RunError, match="several tasks") as caught:
        reader.task("")
    assert all(task in str(caught.value) for task, _ in reader.tasks())


def found(reader, pattern, **wanted):
    return list(Search(compiled(pattern)).run(in_rollouts(reader, reader.steps(), Wanted(**wanted))))


def test_a_pattern_is_found_with_its_address_and_the_words_around_it(reader):
    hits = found(reader, r"return a \+ \d+", parts=["program"])
    assert {hit.role for hit in hits} == {"propose"}
    for hit in hits:
        program = reader.task(reader.proposal(hit.step, hit.position).task).program
        assert program[hit.begin : hit.end] == hit.found
        assert hit.before.endswith("    ")


def test_rollouts_are_chosen_by_role_mode_and_verdict(reader):
    assert {hit.role for hit in found(reader, ".", roles=["solve"])} == {"solve"}
    assert {hit.mode for hit in found(reader, ".", modes=frozenset({"deduction"}))} == {"deduction"}
    assert {hit.verdict for hit in found(reader, ".", verdicts=frozenset({"malformed"}))} == {"malformed"}
    assert {hit.part for hit in found(reader, ".", parts=["reason"])} == {"reason"}
    assert found(reader, ".", categories=frozenset({"power"})) == []


def test_a_mode_or_a_step_that_is_not_there_is_told_with_those_that_are(reader):
    with pytest.raises(ConfigError, match=r"--mode 'inductoin' has no rollouts here; others have: .*deduction"):
        found(reader, ".", modes=frozenset({"inductoin", "deduction"}))
    with pytest.raises(ConfigError, match=r"--step 4..8: there is no such step here; there are 1 to 9"):
        steps_of("4..8", [1, 2, 3, 9])
    with pytest.raises(ConfigError, match="there are none yet"):
        steps_of("4", [])


def test_a_fault_of_ours_is_told_from_a_malformed_answer_in_every_view(tmp_path):
    one, at = with_faults()
    with closing(JournalWriter(tmp_path / "run.db")) as journal:
        journal.write(one)
    with closing(JournalReader(tmp_path / "run.db")) as reader:
        assert "not graded: RecursionError" in printed(attempt_view(reader, 1, 0))
        assert "faults" in printed(step_view(reader, 1))
        hits = found(reader, ".", verdicts=frozenset({"fault"}))
        assert {(hit.role, hit.position) for hit in hits} == {("propose", at), ("solve", 0)}
        told = {(row["role"], row["position"]): row["fault"] for row in rollouts(reader, [1]) if row["fault"]}
        assert told == {("propose", at): "OverflowError", ("solve", 0): "RecursionError"}


def test_a_pattern_that_takes_for_ever_ends(tmp_path):
    long = Proposal("deduction", "propose", rollout("f" * 5_000), (), Rejection("none"), False)
    with closing(JournalWriter(tmp_path / "run.db")) as journal:
        for number in range(1, MOST_TIMEOUTS + 1):
            journal.write(Step(number, [long], [], [], {}))
    with closing(JournalReader(tmp_path / "run.db")) as reader:
        search, thoughts = Search(compiled(r"^(\w|\w\w|f)*[=!]$"), seconds=0.01), Wanted(parts=["thought"])
        assert list(search.run(in_rollouts(reader, [1, 2], thoughts))) == []
        assert search.timeouts == ["propose 1/0", "propose 2/0"]
        with pytest.raises(ConfigError, match="without nested repetition"):
            list(search.run(in_rollouts(reader, reader.steps(), thoughts)))


@pytest.mark.parametrize("pattern", ["(", "[", "*", "a" * 10_001, "(?P<a>", "\\"])
def test_what_is_no_pattern_is_refused(pattern):
    with pytest.raises(ConfigError):
        compiled(pattern)


@pytest.mark.parametrize(
    ("words", "steps"), [(None, [1, 2, 3, 9]), ("2", [2]), ("2..3", [2, 3]), ("3..", [3, 9]), ("..2", [1, 2])]
)
def test_steps_are_chosen_by_a_range(words, steps):
    assert steps_of(words, [1, 2, 3, 9]) == steps


@pytest.mark.parametrize("words", ["", "..", "a", "1..b", "1-3", "-1"])
def test_what_is_no_range_of_steps_is_refused(words):
    with pytest.raises(ConfigError, match="is no range"):
        steps_of(words, [1])


def test_a_dump_has_every_rollout_and_reads_back_as_it_was(reader):
    rows = [json.loads(to_json(row)) for row in rollouts(reader, reader.steps())]
    assert [row["completion"] for row in rows if row["step"] == 2 and row["role"] == "solve"] == [
        one.completion for one in reader.attempts(2)
    ]
    assert HOSTILE in {row["completion"] for row in rows}
    assert len(rows) == sum(len(one.proposals) + len(one.attempts) for one in history(3))


def test_what_is_no_finite_number_is_null():
    assert to_json({"a": [float("nan"), (float("inf"), 1.5)]}) == '{"a": [null, [null, 1.5]]}'


def test_the_commands_print_what_they_found(run, capsys):
    assert main(["grep", str(run), r"return a \+", "--programs", "--step", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("--proposal 1/0 deduction valid, program: def f(a):\\n    return a + ")
    assert lines[-1] == "2 hits in 2 of 13 rollouts"
    assert main(["grep", str(run), "nothing of the kind"]) == 1
    capsys.readouterr()
    assert main(["grep", str(run), "red", "--json", "--most", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["found"] == "red"
    assert main(["show", str(run), "--attempt", "1/0", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["role"] == "solve"
    assert main(["show", str(run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] == [1, 2, 3]
    assert main(["show", str(run), "--step", "1", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["rollouts"]) == 13
    assert main(["show", str(run), "--attempt", "1/0", "--step", "1"]) == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a x b", "a x b"),
        (f"{'a' * 61}x b", f"…{'a' * 60}x b"),
        (f"a x{'b' * 61}", f"a x{'b' * 60}…"),
        (f"{'a' * 60}x{'b' * 59}", f"{'a' * 60}x{'b' * 59}"),
    ],
)
def test_words_around_a_hit_that_were_cut_say_so(text, shown):
    begin = text.index("x")
    hit = Hit(1, "solve", 0, "deduction", "right", "thought", begin, begin + 1, *around(text, begin, begin + 1))
    assert hit_line(hit).plain == f"--attempt 1/0 deduction right, thought: {shown}"


def test_a_dump_is_a_file_that_appears_whole(run, tmp_path):
    out = tmp_path / "rows.jsonl.gz"
    assert main(["dump", str(run), "--out", str(out), "--role", "solve"]) == 0
    with gzip.open(out, "rt") as file:
        assert {json.loads(line)["role"] for line in file} == {"solve"}
    assert main(["dump", str(run), "--out", str(out)]) == 0
    with gzip.open(out, "rt") as file:
        assert len({json.loads(line)["role"] for line in file}) == 2
    assert main(["dump", str(run), "--out", str(tmp_path / "no" / "rows.jsonl")]) == 1
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_runs_are_listed_with_state_and_steps(run, capsys):
    assert main(["runs", str(run)]) == 0
    assert "3/3" in capsys.readouterr().out
    assert main(["runs", str(run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["state"] == "finished"
    assert main(["runs", str(run / "none")]) == 1


def test_names_that_a_stranger_chose_are_harmless_in_what_is_found(tmp_path, capsys):
    mode = "deduction"
    task = Task(mode, "def f(a):\n    return a", (Case("1", "1"),))
    proposal = Proposal(mode, "prompt", rollout("text"), (), task, True, 0.5, new=True)
    finding = Finding("propose", 0, "\x1b[2Jthought", 0, 1, 1, "\x1b[2Jsource", "\x1b[2Jpower", 2, 0.5)
    with closing(JournalWriter(tmp_path / "run.db")) as journal:
        journal.write(Step(1, [proposal], [], [], {}, findings=[finding]))
    (tmp_path / "config.json").write_text("{}")
    for words in (
        ["grep", "text"],
        ["show", "--step", "1"],
        ["show", "--proposal", "1/0"],
        ["show", "--task", task.id],
    ):
        main([words[0], str(tmp_path), *words[1:]])
        printed = "".join(capsys.readouterr())
        assert "\x1b" not in printed
        assert mode in printed
