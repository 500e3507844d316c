"""Our own attacks, many to one sandbox: quicker than the harness, which gives each its own and looks for harm."""

import json
from pathlib import Path

import pytest

from abzero.python import literals
from abzero.sandbox.base import Call
from abzero.sandbox.pool import SandboxPool
from tests.sandbox.attack_driver import CANARY_OUTPUT, CANARY_PROGRAM, judge, judge_both_ways, right, steady, text_of

FOLDER = Path(__file__).parent / "escapes"
ENTRIES = json.loads((FOLDER / "index.json").read_text())


@pytest.fixture(scope="module")
def open_pool(pool):
    """A sandbox in which every module is loaded and none is refused."""
    with SandboxPool(workers=2, imports=None) as sandbox:
        yield sandbox


def fails(sandbox, entry, judged):
    return right(entry, judged(sandbox, entry, text_of(FOLDER / entry["file"])))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["file"])
def test_an_attack_fails(pool, entry):
    assert fails(pool, entry, judge_both_ways)
    assert steady(pool)


KERNELS_OWN = [entry for entry in ENTRIES if entry["category"] != "surroundings"]
"""What an allowed module shows is a matter of the policy."""


@pytest.mark.parametrize("entry", KERNELS_OWN, ids=lambda entry: entry["file"])
def test_an_attack_fails_where_only_the_kernel_stands_in_the_way(open_pool, entry):
    assert fails(open_pool, entry, judge)
    assert steady(open_pool)


def test_no_attack_reaches_its_neighbours(pool):
    """All at once, each between two programs that would show it."""
    attacks = [Call(text_of(FOLDER / e["file"]), e["input"]) for e in ENTRIES if e["kind"] == "program"]
    canaries = [Call(f"{CANARY_PROGRAM}# {number}", "21") for number in range(len(attacks) + 8)]
    calls = [call for pair in zip(canaries, attacks, strict=False) for call in pair] + canaries[len(attacks) :]
    outcomes = dict(zip(calls, pool.run(calls), strict=True))
    assert {literals.same(outcomes[canary].value, CANARY_OUTPUT) for canary in canaries} == {True}
    assert pool.report().sharing


def test_there_are_attacks_of_every_category():
    assert len(ENTRIES) >= 40
    assert len({entry["category"] for entry in ENTRIES}) >= 10
