from abzero.evals.results import Measurement
from abzero.tiny.card import card
from abzero.tiny.corpus import Lesson
from abzero.tiny.pretrain import Stage


def test_a_card_states_corpus_budget_seed_and_accuracy_with_intervals():
    rows = [
        Measurement("deduction", 1, "greedy", 300, 0.9, 0.86, 0.93),
        Measurement("deduction", 2, "greedy", 299, 0.5, 0.44, 0.56),
        Measurement("deduction", 2, "traced", 299, 0.25, 0.2, 0.3),
    ]
    text = card(7, [Stage(Lesson(), 1000, documents=10), Stage(Lesson(copied=0.3, redundant=False), 5)], 826_240, rows)
    assert "826,240 parameters" in text
    assert "--seed 7" in text
    assert "1. 1,000 steps of 10 documents at 1 of the peak rates; proposed programs of one to 6 opera" in text
    assert "30% of the solved programs also hold up to 4 plain copies" in text
    assert "| deduction | 1 | 300 | 90 (86-93) |  |" in text
    assert "| deduction | 2 | 299 | 50 (44-56) | 25 (20-30) |" in text
    assert text.count("all of which matter to the result") == 1
    assert "deduction 44%" in text
