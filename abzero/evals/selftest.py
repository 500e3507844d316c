"""Before any number: reference answers score 100 %, empty completions nothing, answers to other problems next to it."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean

from abzero.evals.base import Problem, Verdict
from abzero.evals.evalplus import EvalPlus
from abzero.evals.execution import Inputs, Outputs
from abzero.evals.livecodebench import LiveCodeBench
from abzero.evals.mathematics import Mathematics
from abzero.evals.provenance import judged_by
from abzero.evals.samples import Sample
from abzero.evals.scoring import Judged, Judges, Suited, score
from abzero.run.files import read_text, replace_text

FEWEST, MOST = 10, 100
"""Problems on which answers to others are tried: of fewer, a chance hit is too large a share; of more, some will do."""
OTHERS = 0.2
"""The share of them that may be right by chance: problems in a row may well have equal answers."""


def noted(suite: Suited, keys: Sequence[str], judges: Judges, file: Path) -> list[str]:
    """As `failures`; what is passed is noted in `file`, and not tried again while data and judge are the same."""
    now: dict[str, object] = {"sha256": list(suite.source.sha256), "judged_by": asdict(judged_by(suite, judges))}
    if isinstance(suite, LiveCodeBench):
        now["public_only"] = suite.public_only
    before = _before(file)
    tried = before.pop("problems", None)
    if before == now and isinstance(tried, list) and set(keys) <= set(tried):
        return []
    file.unlink(missing_ok=True)
    found = failures(suite, keys, judges)
    if not found:
        replace_text(file, json.dumps({**now, "problems": sorted(keys)}, indent=1) + "\n")
    return found


def _before(file: Path) -> dict[str, object]:
    try:
        found = json.loads(read_text(file)) if file.exists() else {}
    except ValueError:
        found = {}
    return found if isinstance(found, dict) else {}


def failures(suite: Suited, keys: Sequence[str], judges: Judges) -> list[str]:
    """What is wrong with the judge of `suite` on problems `keys`: nothing, if its numbers can be believed."""
    wanted = set(keys)
    problems = [problem for problem in suite.problems() if problem.id in wanted]
    found = []
    if not isinstance(suite, LiveCodeBench):
        gold = _judged(suite, [(problem, suite.gold(problem)) for problem in problems], judges)
        found += _unlike("correct", "reference answers are not accepted", gold)
        if len(problems) >= FEWEST and (share := _others(suite, problems, judges)) >= OTHERS:
            found.append(
                f"{share:.0%} of problems accept the reference answer of another one: the judge takes anything"
            )
    empty = _judged(suite, [(problem, "") for problem in problems], judges)
    return [*found, *_unlike("no_answer", "empty completions count as answers", empty)]


def _judged(suite: Suited, asked: Sequence[tuple[Problem, str]], judges: Judges) -> list[Judged]:
    given = [Sample(problem.id, 0, "response", text) for problem, text in asked]
    return [one for batch in score(suite, given, judges) for one in batch]


def _unlike(verdict: Verdict, words: str, judged: Sequence[Judged]) -> list[str]:
    """Which of `judged` have another verdict, apart from those that could not be judged."""
    failed = [one for one in judged if one.score.verdict == "error"]
    unlike = [one for one in judged if one.score.verdict not in (verdict, "error")]
    found = [f"{len(unlike)} {words}: {_named(unlike)}"] if unlike else []
    return [*found, f"{len(failed)} could not be judged: {_named(failed)}"] if failed else found


def _named(some: Sequence[Judged]) -> str:
    keys = ", ".join(one.sample.key for one in some[:20])
    return f"{keys}{', …' * (len(some) > 20)}{f' ({some[0].score.detail})' if some[0].score.detail else ''}"


def _others(suite: EvalPlus | Mathematics | Outputs | Inputs, problems: Sequence[Problem], judges: Judges) -> float:
    """The share of `problems`, of `MOST` evenly spaced, that the next one's reference answer solves."""
    step = max(1, len(problems) // MOST)
    pairs = [(one, problems[(index + 1) % len(problems)]) for index, one in enumerate(problems)][::step]
    judged = _judged(suite, [(problem, suite.gold(other)) for problem, other in pairs], judges)
    return fmean(one.score.verdict == "correct" for one in judged)
