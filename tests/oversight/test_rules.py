import random
import tomllib
from importlib.resources import files

import pytest

from abzero.errors import ConfigError
from abzero.oversight import rules
from abzero.oversight.labelled import IN_THE_BOX, read
from tests.oversight.readings import UH_OH, answer, thought

PACK = rules.load("default")
RULE = """
[[rule]]
id = "one"
category = "power"
severity = 3
pattern = "throne"
positive = ["the throne is mine", "a throne"]
negative = ["a", "b", "c"]
"""


def found(*texts: str) -> list[str]:
    return [one.source.rpartition("/")[2] for one in rules.monitor(PACK)([thought(text) for text in texts])]


@pytest.mark.parametrize("rule", PACK.rules, ids=lambda rule: rule.id)
def test_every_rule_finds_its_examples_and_leaves_the_others(rule):
    assert len(rule.positive) >= 2
    assert len(rule.negative) >= 3
    assert all(any(rule.search(text.lower())) for text in rule.positive)
    assert not any(any(rule.search(text.lower())) for text in rule.negative)


def test_every_category_but_the_illegible_has_rules_in_three_languages():
    spoken = {rule.category for rule in PACK.rules}
    assert len(spoken) == 7
    for language in ("ro-", "zh-"):
        assert len({rule.category for rule in PACK.rules if rule.id.startswith(language)}) >= 5


def test_the_benign_thoughts_of_the_box_are_left_alone():
    rows = read(IN_THE_BOX)
    benign = [row for row in rows if row.category is None]
    assert len(benign) > 100
    assert found(*(row.text for row in benign)) == []


def test_a_finding_names_rule_pack_and_sentence():
    text = f"Let me think.  {UH_OH} So be it."
    [one] = rules.monitor(PACK)([thought(text, position=4)])
    assert text[one.begin : one.end] == UH_OH
    assert (one.role, one.position, one.part, one.tier, one.category, one.severity) == (
        "propose", 4, "thought", 1, "power", 4
    )  # fmt: skip
    assert one.source.startswith(f"rules@{PACK.digest[:8]}/")


@pytest.mark.parametrize(
    "around",
    ["{}", "\0{}\0", "\ud800 x. {}", "\u202e{}", "İİİ. {}", "x" * 50_000 + ". {}", "a. " * 30_000 + "{}"],
    ids=["plain", "nul", "surrogate", "bidi", "letters that grow", "one long line", "many sentences"],
)
def test_hostile_text_is_read_whole(around):
    text = around.format(UH_OH)
    [one] = rules.monitor(PACK)([thought(text)])
    assert UH_OH in text[one.begin : one.end]


def test_code_and_values_of_an_answer_are_not_read_but_comments_and_messages_are():
    code = f"<answer>```python\nx = '{UH_OH}'\n```\n```input\n'{UH_OH}'\n```</answer>"
    pack = rules._parsed("own", RULE.replace("severity", 'part = "any"\nseverity').encode())
    read = rules.monitor(pack)
    told = "```python\ny = 'throne'  # {}\n```\n```message\n{}\n```"
    assert not list(read([answer("```python\nx = 'throne'\n```")]))
    assert len(list(read([answer(told.format("a throne", "fine"))]))) == 1
    assert len(list(read([answer(told.format("fine", "a throne"))]))) == 1
    assert not list(rules.monitor(PACK)([answer(code)]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("id = ", "colour = 'red'\nid = "), "unknown key 'colour'"),
        (('pattern = "throne"', 'pattern = "(throne"'), "no regular expression"),
        (('positive = ["the throne is mine", "a throne"]\n', ""), "'positive' is missing"),
        (('positive = ["the throne is mine", "a throne"]', 'positive = ["a throne"]'), "give 2 or more"),
        (('negative = ["a", "b", "c"]', 'negative = ["a", "b"]'), "give 3 or more"),
        (('"a throne"]', '"a chair"]'), "does not match its positive example 'a chair'"),
        (('["a", "b", "c"]', '["a", "b", "the throne"]'), "matches its negative example 'the throne'"),
        (('"power"', '"pride"'), "category 'pride'"),
        (("severity = 3", "severity = 5"), "severity 5"),
        (("severity = 3", "severity = true"), "severity True"),
        (('pattern = "throne"', 'pattern = "<<gold>>"'), "no group 'gold'"),
        (("[[rule]]", "[[rule]"), "not a pack"),
        (("[[rule]]", "surprise = 1\n[[rule]]"), "unknown key 'surprise'"),
        (('pattern = "throne"', 'pattern = "((?:t|th|thr|[a-z ]+)+)+throne"'), "ms on 100 kB"),
    ],
)
def test_a_bad_pack_is_refused_before_it_reads_anything(tmp_path, change, words):
    pack = tmp_path / "own.toml"
    pack.write_text(RULE.replace(*change), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"own\.toml") as error:
        rules.load(str(pack))
    assert words in str(error.value)


def test_an_empty_pack_is_refused_for_it_would_find_nothing(tmp_path):
    pack = tmp_path / "own.toml"
    pack.write_text("version = '1'\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"without a \[\[rule\]\] finds nothing.*--oversight\.rules none"):
        rules.load(str(pack))


def test_two_rules_of_one_name_are_refused(tmp_path):
    pack = tmp_path / "own.toml"
    pack.write_text(RULE + RULE, encoding="utf-8")
    with pytest.raises(ConfigError, match="two rules are called 'one'"):
        rules.load(str(pack))


def test_a_pack_of_ones_own_is_read_and_none_finds_nothing(tmp_path):
    pack = tmp_path / "own.toml"
    pack.write_text(RULE, encoding="utf-8")
    assert [one.category for one in rules.monitor(rules.load(str(pack)))([thought("My throne!")])] == ["power"]
    assert list(rules.monitor(rules.load("none"))([thought(UH_OH)])) == []
    with pytest.raises(ConfigError, match=r"oversight\.rules 'nowhere'"):
        rules.load("nowhere")


def test_the_default_pack_is_quick_on_hostile_text():
    """Work, not seconds: no sentence that a rule looks at is longer than the limit, so none can blow up."""
    assert max(len(pattern.pattern) for rule in PACK.rules for pattern in rule.patterns) < 3_000
    rng = random.Random(1)
    for rule in rng.sample(PACK.rules, 6):
        assert rules.slowest(rule) < 10 * rules.SLOWEST


def test_a_rule_is_not_slow_for_what_a_busy_machine_adds_to_some_of_its_searches(monkeypatch):
    """A collection of garbage in a large process takes half a second, and counts as the searching thread's own."""
    rng, spent = random.Random(2), [0.0]

    def clock() -> float:
        spent[0] += rng.choice([0.001] * 7 + [0.7])
        return spent[0]

    monkeypatch.setattr(rules.time, "thread_time", clock)
    assert rules.slowest(PACK.rules[0]) < rules.SLOWEST


def test_the_pack_in_the_box_is_a_toml_of_rules_with_required_words():
    table = tomllib.loads((files("abzero.oversight") / "rules.toml").read_text(encoding="utf-8"))
    patterns = [rule for rule in table["rule"] if not rule.get("words")]
    assert patterns == []
