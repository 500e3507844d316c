"""Commands that print for programs."""

import json

from abzero.cli.main import main


def test_a_plan_is_printed_for_programs(capsys):
    assert main(["plan", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["fits"] is True
    assert plan["memory"]["peak"] < plan["available"]
    assert plan["would_fit"] == []


def test_a_plan_that_does_not_fit_says_so_and_what_would(capsys):
    assert main(["plan", "--json", "--gib", "0.01"]) == 1
    plan = json.loads(capsys.readouterr().out)
    assert plan["fits"] is False


def test_what_the_doctor_finds_is_printed_for_programs(capsys):
    main(["doctor", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert {"python", "sandbox", "torch"} <= {row["what"] for row in found}
    assert {type(row["fine"]) for row in found} == {bool}
