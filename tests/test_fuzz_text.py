"""A share of ``make fuzz`` that takes seconds."""

from abzero.errors import Malformed
from abzero.python import literals
from tests.fuzz_text import shard, told


def test_no_text_of_a_model_raises_what_a_training_run_would_not_survive():
    tally, _ = shard(number=0, seed=3, count=150)
    assert set(tally) == {"task", "none"}


def test_a_fault_is_told_with_the_first_text_of_its_kind_alone(capsys):
    tally, _ = shard(number=0, seed=3, count=0)
    for text in ("one", "two"):
        try:
            raise OverflowError
        except OverflowError as error:
            told(tally, error, {"completion": text})
    assert dict(tally) == {"FAULT OverflowError in ?": 2}
    assert '"one"' in (shown := capsys.readouterr().out)
    assert '"two"' not in shown


def test_a_fault_is_named_by_the_innermost_of_our_functions_wherever_the_checkout_lies(capsys):
    tally, _ = shard(number=0, seed=3, count=0)
    try:
        literals.parse("'")
    except Malformed as error:
        told(tally, error, {})
    assert dict(tally) == {"FAULT Malformed in take": 1}
