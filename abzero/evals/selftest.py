"""Before any number: the reference answers score 100 %, and empty completions score nothing at all."""

from collections.abc import Sequence

from abzero.evals.livecodebench import LiveCodeBench
from abzero.evals.samples import Sample
from abzero.evals.scoring import Judges, Suited, score


def has_gold(suite: Suited) -> bool:
    """Whether the suite comes with reference answers."""
    return not isinstance(suite, LiveCodeBench)


def failures(suite: Suited, keys: Sequence[str], judges: Judges) -> list[str]:
    """What is wrong with the judge of `suite` on problems `keys`: nothing, if its numbers can be believed."""
    wanted = set(keys)
    problems = [problem for problem in suite.problems() if problem.id in wanted]
    found = []
    if not isinstance(suite, LiveCodeBench):
        gold = [Sample(problem.id, 0, "response", suite.gold(problem)) for problem in problems]
        wrong = [one.sample.key for batch in score(suite, gold, judges) for one in batch if one.score.value != 1.0]
        if wrong:
            found.append(f"{len(wrong)} reference answers are not accepted: {', '.join(wrong[:20])}")
    empty = [Sample(problem.id, 0, "response", "") for problem in problems]
    taken = [
        one.sample.key for batch in score(suite, empty, judges) for one in batch if one.score.verdict != "no_answer"
    ]
    if taken:
        found.append(f"{len(taken)} empty completions count as answers: {', '.join(taken[:20])}")
    return found
