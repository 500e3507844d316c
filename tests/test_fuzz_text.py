"""A share of ``make fuzz`` that takes seconds."""

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
