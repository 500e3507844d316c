import json
from dataclasses import replace

import pytest

from abzero.errors import ConfigError
from abzero.oversight import canaries, classifier, fit, labelled, tiers
from abzero.oversight.classifier import Classifier, load, windows
from abzero.oversight.features import ngrams
from abzero.oversight.measure import Proportion, auc, measure
from tests.oversight.readings import thought

OWN = labelled.read(labelled.IN_THE_BOX)
CONCERN = load("ngram").canaries[0]
BENIGN = "The loop adds each number, and the total after four steps is 10, so f returns 10."


@pytest.fixture(scope="module")
def ngram():
    return Classifier(load("ngram"))


def test_it_ranks_and_names_the_span(ngram):
    text = f"{BENIGN} {CONCERN} {BENIGN}"
    assert ngram.score(CONCERN).value > ngram.score(text).value > ngram.score(BENIGN).value
    score = ngram.score(text)
    assert CONCERN[:40] in text[score.begin : score.end]
    assert score.value == round(score.value, 3)


def test_a_finding_is_of_tier_2_and_never_grave(ngram):
    [one] = ngram.monitor()([thought(CONCERN)])
    assert (one.tier, one.severity, one.score) == (2, 2, ngram.score(CONCERN).value)
    assert one.source == ngram.head.name
    assert list(ngram.monitor()([thought(BENIGN), thought("")])) == []


def test_a_thought_too_long_is_read_in_part_and_the_rest_is_counted(ngram):
    spans, unread = windows("a b. " * 5_000)
    assert len(spans) == classifier.MOST_WINDOWS + 1
    assert unread > 8_000
    assert ngram.score("a b. " * 5_000).unread == unread
    assert ngram.score("\0\ud800" + "x" * 100_000).unread == 0


def test_a_head_says_what_it_was_fitted_to_and_what_it_reached():
    for name in classifier.IN_THE_BOX:
        head = load(name)
        assert head.fitted["rows"] == len(OWN)
        assert head.fitted["digest"] == fit.digest(OWN), "fitted to the thoughts that are in the box now"
        assert 0.5 < float(head.fitted["style_auc"]) < 1.0
        assert len(head.canaries) == fit.CANARIES
        assert 0.0 < head.threshold < 1.0


def test_fitting_separates_what_it_has_not_seen(tmp_path):
    rows = OWN[:120]
    measured = fit.fit(rows, "ngram", 0, tmp_path / "head.json")
    assert 0.5 < measured["auc"] < 1.0
    assert measured["false_share"] <= 0.03
    assert "style_auc" not in measured, "none of them has a style"
    scored = Classifier(load(str(tmp_path / "head.json")))
    unseen = OWN[120:]
    values = {flag: [scored.score(r.text).value for r in unseen if bool(r.category) == flag] for flag in (True, False)}
    assert auc(values[True], values[False]) > 0.6
    again = tmp_path / "again.json"
    fit.fit(rows, "ngram", 0, again)
    assert again.read_bytes() == (tmp_path / "head.json").read_bytes()


def test_what_only_one_style_says_is_not_known_of_it_when_it_is_left_out(tmp_path):
    words = {("x", True): "zebra", ("x", False): "apple", ("y", True): "tiger", ("y", False): "pear"}
    kinds = [(style, concern) for _ in range(8) for style, concern in words]
    rows = [
        labelled.Labelled(str(n), "solve", "power" if kind[1] else None, f"The {words[kind]}.", style=kind[0])
        for n, kind in enumerate(kinds)
    ]
    measured = fit.fit(rows, "ngram", 0, tmp_path / "head.json")
    assert (measured["auc"], measured["style_auc"]) == (1.0, 0.5)


def test_a_head_carries_thoughts_that_prove_it_alive(tmp_path):
    fit.fit(OWN[:120], "ngram", 0, tmp_path / "own.json")
    for name in ("ngram", str(tmp_path / "own.json")):
        [tier] = tiers.build([2], "none", name)
        assert len(tier.canaries) > 2
        assert canaries.recall(tier.monitor, tier.canaries) == tier.expected == 1.0
        numb = Classifier(replace(load(name), weights={})).monitor()
        assert [*canaries.deaf({"t2": canaries.recall(numb, tier.canaries)}, {"t2": 1.0})] == ["monitor deaf/t2"]


def test_too_few_thoughts_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="give 5 or more of each"):
        fit.fit([row for row in OWN if row.category], "ngram", 0, tmp_path / "head.json")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 9}, "format 9"),
        ({"weights": None, "bias": "x"}, "not a head"),
        ({"categories": {"sin": {}}}, "unknown category"),
    ],
)
def test_a_bad_head_is_refused(tmp_path, change, words):
    body = {"format": 1, "features": "ngram", "rarity": {}, "weights": {}, "bias": 0, "threshold": 1, "categories": {}}
    path = tmp_path / "head.json"
    path.write_text(json.dumps({**body, "fitted": {}, **change}))
    with pytest.raises(ConfigError, match=words):
        load(str(path))
    with pytest.raises(ConfigError, match="cannot be read"):
        load(str(tmp_path / "nowhere"))


def test_features_that_are_not_there_are_refused(tmp_path):
    body = {"format": 1, "rarity": {}, "weights": [0.0], "bias": 0, "threshold": 1, "categories": {}, "fitted": {}}
    for name, words in (("smell", "choose from"), (f"probe:{tmp_path}:3", "no model's folder")):
        path = tmp_path / "head.json"
        path.write_text(json.dumps({**body, "features": name}))
        with pytest.raises(ConfigError, match=words):
            Classifier(load(str(path)))


def test_ngrams_are_words_pairs_and_pieces():
    assert ngrams("I lie.") == {"i", "lie", "i lie", "~^i$", "~^lie", "~lie$"}


def test_shares_and_areas_by_hand():
    assert auc([0.9, 0.4], [0.4, 0.1]) == 0.875
    assert str(Proportion(9, 10)) == "9/10 = 90% [60%, 98%]"
    rows = [labelled.Labelled("a", "solve", "power", CONCERN), labelled.Labelled("b", "solve", None, BENIGN)]
    found = measure("t2", rows, Classifier(load("ngram")).monitor())
    assert (found.recall.count, found.false.count, found.flagged) == (1, 0, ("a",))
    assert found.g_mean_squared == 1.0
    unjudged = measure("t3", rows, lambda _: iter(()), None, frozenset({0}))
    assert (unjudged.recall.total, unjudged.unjudged) == (0, 1)


def test_a_deaf_judge_is_replaced_and_a_deaf_pack_compared():
    found = canaries.deaf({"t1": 0.2, "t3": 0.2}, {"t1": 1.0, "t3": 0.6})
    assert "hash" in found["monitor deaf/t1"]
    assert "--oversight.judge" in found["monitor deaf/t3"]
