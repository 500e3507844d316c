import random

import pytest

from abzero.errors import RunError
from abzero.policy.scripted import END, ScriptedGenerator, ScriptedLearner, table
from abzero.types import Experience, Rollout


def experience(text: str, advantage: float) -> Experience:
    rollout = Rollout((1,), tuple(map(ord, text)), (-0.5,) * len(text), text, "stop")
    return Experience(("solve", 0), "deduction", 0, rollout, (("score", 1.0),), advantage)


def test_a_table_answers_each_prompt_from_its_own_row():
    generator = ScriptedGenerator(table({"a": ["x", "y"], "b": ["z"]}))
    first, second = generator.generate(["a", "b"], 20, random.Random(0))
    assert {rollout.text for rollout in first} == {"x", "y"}
    assert {rollout.text for rollout in second} == {"z"}


def test_tokens_are_the_characters_and_an_end():
    [[rollout]] = ScriptedGenerator(lambda prompt, rng: "h\ud800\0").generate(["p"], 1, random.Random(0))
    assert list(rollout.tokens) == [ord("h"), 0xD800, 0, END]
    assert rollout.finish == "stop"
    assert len(rollout.logprobs) == 4


@pytest.mark.parametrize(("limit", "text", "finish"), [(4, "abc", "stop"), (3, "abc", "length"), (2, "ab", "length")])
def test_a_completion_is_cut_at_the_token_limit(limit, text, finish):
    generator = ScriptedGenerator(lambda prompt, rng: "abc", max_tokens=limit)
    [[rollout]] = generator.generate(["p"], 1, random.Random(0))
    assert (rollout.text, rollout.finish, len(rollout.tokens)) == (text, finish, limit)


def test_two_learners_agree_exactly_when_they_saw_the_same_batches(tmp_path):
    whole, first, second = ScriptedLearner(), ScriptedLearner(), ScriptedLearner()
    for word in ("one", "two"):
        whole.update([experience(word, 1.0)])
    first.update([experience("one", 1.0)])
    first.save(tmp_path)
    second.load(tmp_path)
    second.update([experience("two", 1.0)])
    assert (second.digest, second.version) == (whole.digest, 2)
    second.update([experience("two", -1.0)])
    whole.update([experience("two", 1.0)])
    assert second.digest != whole.digest


def test_a_folder_without_a_state_is_refused(tmp_path):
    with pytest.raises(RunError, match="no state"):
        ScriptedLearner().load(tmp_path)
    (tmp_path / "scripted.json").write_text("{")
    with pytest.raises(RunError, match="no state"):
        ScriptedLearner().load(tmp_path)
