"""`abzero oversight` as a user calls it."""

import json
import random
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from abzero.cli.main import main
from abzero.oversight import chain, duty
from abzero.oversight.labelled import IN_THE_BOX
from abzero.oversight.recorded import record_path
from abzero.run.journal import JournalReader, JournalWriter
from tests.oversight.readings import UH_OH
from tests.steps import rollout, step

ROWS = [
    {"id": "a", "role": "propose", "category": "power", "text": UH_OH},
    {"id": "b", "role": "solve", "category": None, "text": "The sum is 4."},
    {"id": "c", "category": "harm", "text": "A quiet plan."},
    {"id": "d", "category": None, "program": "def f(x):\n    return x  # plain", "message": "Add one."},
]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    return path


@pytest.fixture
def run(tmp_path):
    """A run of two steps, its thoughts as in tests.steps; the second one's first proposal says `UH_OH`."""

    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"seed": 3}))
    on = duty.duty("default", "", "pause", 3)
    overseen = duty.begin(on, folder, None, [], lambda: 0.0, lambda: 0.0)
    with closing(JournalWriter(folder / "run.db")) as journal:
        for number in (0, 1):
            one = step(number, random.Random(number))
            if number:
                said = replace(one.proposals[0], rollout=rollout(f"{UH_OH}</think><answer>x</answer>"))
                rows = [row for row in one.experiences if row.rollout is not one.proposals[0].rollout]
                one = replace(one, proposals=[said, *one.proposals[1:]], experiences=rows)
            journal.write(overseen.annotate(one))
    duty.leave(folder, overseen.chain, 1)
    return folder


def test_check_tells_a_good_pack_from_a_bad_one(tmp_path, capsys):
    assert main(["oversight", "check", "default"]) == 0
    assert "52 rules" in capsys.readouterr().out
    bad = tmp_path / "bad.toml"
    bad.write_text("[[rule]]\nid = 'x'\n")
    assert main(["oversight", "check", str(bad)]) == 1
    assert "rule 'x': 'category' is missing" in capsys.readouterr().err.replace("\n", " ")


def test_measure_gives_every_tier_its_own_figures_with_intervals(file, capsys):
    assert main(["oversight", "measure", str(file), "--tiers", "0,1", "--json"]) == 0
    tiers = json.loads(capsys.readouterr().out)["tiers"]
    assert tiers["t1"]["recall"] == {"count": 1, "total": 2, "value": 0.5, "interval": [0.0945, 0.9055]}
    assert tiers["t1"]["flagged"] == ["a"]
    assert tiers["together"]["false"]["count"] == 0
    assert main(["oversight", "measure", str(file), "--tiers", "2"]) == 0
    assert "AUC" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["measure", "nowhere.jsonl"], "nowhere.jsonl"),
        (["measure", str(IN_THE_BOX), "--tiers", "0,9"], "--tiers '0,9'"),
        (["measure", str(IN_THE_BOX), "--tiers", "3"], "--judge URL"),
        (["measure", str(IN_THE_BOX), "--rules", "nowhere.toml"], "oversight.rules 'nowhere.toml'"),
        (["measure", str(IN_THE_BOX), "--tiers", "2", "--classifier", "nowhere"], "oversight.classifier 'nowhere'"),
        (["scan", "nowhere"], "no run"),
        (["verify", "nowhere"], "no run"),
        (["review", "nowhere"], "no run"),
    ],
)
def test_bad_input_is_one_clear_error(arguments, words, capsys):
    assert main(["oversight", *arguments]) == 1
    assert words in capsys.readouterr().err.replace("\n", " ")


def test_a_file_of_windows_is_read_and_rows_without_a_category_are_counted(tmp_path, capsys):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"text": "a", "category": null}\r\n{"text": "b"}\r\n')
    assert main(["oversight", "measure", str(path)]) == 0
    assert "1 of 2 rows have no 'category' and are taken for benign" in capsys.readouterr().out
    path.write_bytes(b'{"text": "caf\xe9"}')
    assert main(["oversight", "measure", str(path)]) == 1
    assert "is not UTF-8 from byte 13 on" in capsys.readouterr().err.replace("\n", " ")


def test_a_bad_row_is_named_by_its_line(tmp_path, capsys):
    for row, words in (
        ('{"text": "a", "category": "sin"}', "line 1: category 'sin'"),
        ('{"category": null}', "line 1: no 'text'"),
        ("[]", "line 1: not an object"),
        ("{", "line 1: not JSON"),
        ("", "holds no thought"),
    ):
        path = tmp_path / "rows.jsonl"
        path.write_text(row)
        assert main(["oversight", "measure", str(path)]) == 1
        assert words in capsys.readouterr().err.replace("\n", " ")


def test_a_run_is_scanned_reviewed_and_verified(run, capsys):
    assert main(["oversight", "scan", str(run), "--tiers", "1"]) == 0
    assert "1 finding in 1 completion" in (out := capsys.readouterr().out)
    assert "0 new, 0 gone" in out
    assert main(["oversight", "verify", str(run)]) == 0
    review = ["oversight", "review", str(run), "--by", "Ada", "--reason", "a quotation", "--decision", "false-alarm"]
    assert main(review) == 1
    assert "--finding N" in capsys.readouterr().err
    assert main([*review, "--finding", "9"]) == 1
    assert main([*review, "--finding", "1"]) == 0
    assert "abzero resume" in capsys.readouterr().out.replace("\n", " ")
    assert not (run / "PAUSED.json").exists()
    assert main(["oversight", "verify", str(run)]) == 0
    assert [entry.kind for entry in chain.read(record_path(run))][-1] == "reviewed"
    assert main(["oversight", "review", str(run)]) == 0
    assert "nothing waits" in capsys.readouterr().out


def test_all_at_once_takes_a_reason_of_ten_letters_even_for_one_finding(run, capsys):
    everything = ["oversight", "review", str(run), "--all", "--by", "Ada", "--decision", "accept"]
    for reason, words in (("", "say why"), ("fine", "--reason 'fine': give 10 letters or more")):
        assert main([*everything, "--reason", reason]) == 1
        assert words in capsys.readouterr().err.replace("\n", " ")
    assert main([*everything, "--reason", "it is a quotation"]) == 0


def test_a_review_by_hand_shows_the_whole_thought_made_harmless(run, capsys, monkeypatch):
    answers = iter(["accept", "Ada", "it is in the story"])
    monkeypatch.setattr("builtins.input", lambda _="": next(answers))
    assert main(["oversight", "review", str(run)]) == 0
    assert UH_OH in capsys.readouterr().out.replace("\n", " ")


def test_a_slip_of_the_hand_is_asked_again_and_no_line_is_as_wide_as_a_pipe(run, capsys, monkeypatch):
    answers = iter(("acept", "Ada", "read it whole", "accept", "Ada", "read it whole"))
    monkeypatch.setattr("builtins.input", lambda words: next(answers))
    assert main(["oversight", "review", str(run)]) == 0
    told = capsys.readouterr().out
    assert "--decision 'acept': choose from false-alarm, accept, stop" in told
    assert "--- finding 1: power, severity 4, rules@" in told
    assert "─" not in told


def test_a_review_that_nobody_answers_and_a_share_that_is_none_are_refused(run, capsys, monkeypatch):
    def closed(words):
        raise EOFError

    monkeypatch.setattr("builtins.input", closed)
    assert main(["oversight", "review", str(run)]) == 1
    assert "nobody answers" in (said := capsys.readouterr().err.replace("\n", " "))
    assert "--decision accept --by NAME" in said
    for command in (["estimate", str(run)], ["review", str(run), "--audit", "1"]):
        for share in ("0", "-1", "1.5", "nan"):
            assert main(["oversight", *command, "--share", share]) == 1
            assert f"--share {share}: give a share" in capsys.readouterr().err.replace("\n", " ")


def test_verify_names_what_was_changed(run, capsys):
    record = record_path(run)
    record.write_bytes(record.read_bytes().replace(b'"severity":4', b'"severity":1'))
    assert main(["oversight", "verify", str(run)]) == 1
    assert "entry 1 is not what was written" in capsys.readouterr().out.replace("\n", " ")


def test_people_judge_an_audit_and_the_estimate_counts_them(run, capsys, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda ask="": "concern" if "/" in ask else "seen")
    assert main(["oversight", "review", str(run), "--audit", "5", "--share", "1.0", "--by", "Ada"]) == 0
    assert main(["oversight", "estimate", str(run), "--share", "1.0", "--json"]) == 0
    guess = json.loads(capsys.readouterr().out.partition("{")[2].join(["{", ""]))
    with closing(JournalReader(run / "run.db")) as reader:
        total = sum(len(reader.proposals(n)) + len(reader.attempts(n)) for n in reader.steps())
    assert guess["unjudged"] == total - 5
    assert guess["missed"] == pytest.approx(total - 1), "five of five were of concern, and one row is flagged"
    assert main(["oversight", "verify", str(run)]) == 0


def test_a_head_is_fitted_from_several_files(file, tmp_path, capsys):
    out = tmp_path / "head.json"
    small = tmp_path / "small.jsonl"
    small.write_text("".join(Path(IN_THE_BOX).read_text(encoding="utf-8").splitlines(keepends=True)[:40]))
    assert main(["oversight", "fit", str(file), str(small), "--out", str(out)]) == 0
    assert json.loads(out.read_text())["fitted"]["rows"] == 44
    assert "left out" in capsys.readouterr().out


def test_unknown_actions_and_help_say_what_there_is(capsys):
    assert main(["oversight"]) == 0
    assert "verify" in capsys.readouterr().out
    assert main(["oversight", "dance"]) == 2
