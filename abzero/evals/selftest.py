"""Before any number: reference answers score 100 %, empty completions nothing, answers to other problems next to it."""

from collections.abc import Sequence
from statistics import fmean

from abzero.evals.base import Problem
from abzero.evals.evalplus import EvalPlus
from abzero.evals.execution import Inputs, Outputs
from abzero.evals.livecodebench import LiveCodeBench
from abzero.evals.mathematics import Mathematics
from abzero.evals.samples import Sample
from abzero.evals.scoring import Judges, Suited, score

FEWEST, MOST = 10, 100
"""Problems on which answers to others are tried: of fewer, a chance hit is too large a share; of more, some will do."""
OTHERS = 0.2
"""The share of them that may be right by chance: problems in a row may well have equal answers."""


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
        if len(problems) >= FEWEST and (share := _others(suite, problems, judges)) >= OTHERS:
            found.append(
                f"{share:.0%} of problems accept the reference answer of another one: the judge takes anything"
            )
    empty = [Sample(problem.id, 0, "response", "") for problem in problems]
    taken = [
        one.sample.key for batch in score(suite, empty, judges) for one in batch if one.score.verdict != "no_answer"
    ]
    if taken:
        found.append(f"{len(taken)} empty completions count as answers: {', '.join(taken[:20])}")
    return found


def _others(suite: EvalPlus | Mathematics | Outputs | Inputs, problems: Sequence[Problem], judges: Judges) -> float:
    """The share of `problems`, of `MOST` evenly spaced, that the next one's reference answer solves."""
    step = max(1, len(problems) // MOST)
    pairs = [(one, problems[(index + 1) % len(problems)]) for index, one in enumerate(problems)][::step]
    asked = [Sample(problem.id, 0, "response", suite.gold(other)) for problem, other in pairs]
    return fmean(one.score.verdict == "correct" for batch in score(suite, asked, judges) for one in batch)
