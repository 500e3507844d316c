"""What a proposal and an attempt are worth. A reward is a sum of named terms, so that it can be shown as a derivation.

The paper's equations 4 to 6; the variants of follow-up work are rows of one table.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from abzero.python.language import PYTHON, Language
from abzero.types import Novelty

Terms = tuple[tuple[str, float], ...]
"""A reward as named summands."""

Solving = Callable[[float | None, bool], Terms]
"""What an attempt earns, from its score (``None`` if malformed) and whether it kept the format: `SolverReward`."""

Learnability = Callable[[float], float]
"""What a task of this solve rate is worth to its proposer."""


def one_minus(solve_rate: float) -> float:
    """r_propose, eq. 4: the harder the better, as long as it can be solved at all."""
    return 1.0 - solve_rate


LEARNABILITY: dict[str, Learnability] = {
    "one_minus": one_minus,
    "uncertainty": lambda p: 1.0 - 2.0 * abs(p - 0.5),
    "min": lambda p: min(p, 1.0 - p),
    "variance": lambda p: 4.0 * p * (1.0 - p),
    "goldilocks": lambda p: 1.0,
}
"""By name, for solve rates strictly between 0 and 1: the paper; R-Zero's paper and code; SPICE; SQLM."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a bonus may look at: a learnable task's program, what it is worth, and what came before it."""

    program: str
    learnability: float
    novelty: Novelty
    language: Language = PYTHON


@dataclass(frozen=True, slots=True)
class Bonus:
    """A term that may be added to a learnable task's reward, times its coefficient."""

    name: str
    """The term's name in a derivation, and its coefficient's in the settings."""
    value: Callable[[Offer], float]
    """In [-1, 1]."""
    doc: str


def complexity(offer: Offer) -> float:
    return min(offer.language.complexity(offer.program) / 15.0, 1.0)


def edit_distance(offer: Offer) -> float:
    distances = [offer.language.distance(offer.program, reference) for reference in offer.novelty.references]
    return sum(distances) / len(distances) if distances else 0.0


def answer_diversity(offer: Offer) -> float:
    return 1.0 - offer.novelty.answer_share


def novelty(offer: Offer) -> float:
    return -offer.learnability * offer.novelty.repeats / (1.0 + offer.novelty.repeats)


BONUSES: dict[str, Bonus] = {
    bonus.name: bonus
    for bonus in (
        Bonus("complexity", complexity, "Cyclomatic complexity, in units of 15, at most 1."),
        Bonus("edit_distance", edit_distance, "Mean distance to the references' programs; 0 without references."),
        Bonus("answer_diversity", answer_diversity, "Rarity of the answer among the buffer's: 1 for one never seen."),
        Bonus(
            "novelty", novelty, "A discount: a program offered n times before keeps 1 / (1 + n) of its learnability."
        ),
    )
}
"""The paper's appendix D, and one of ours (novelty). A new one is a row here and a coefficient in the settings."""


@dataclass(frozen=True)
class ProposerReward:
    """Equations 4 and 6 for the proposer."""

    learnability: Learnability = one_minus
    unlearnable: float = 0.0
    """Worth of a task that every attempt solved, or none: 0 in the paper, -0.5 in the reference."""
    invalid: float = -1.0
    """Worth of a completion that breaks the format, or is no valid task."""
    bonuses: Mapping[str, float] = field(default_factory=dict)
    """Coefficient of each bonus in use; added to learnable tasks only (the paper's appendix: none brought a gain)."""
    own: Sequence[tuple[Bonus, float]] = ()
    """Bonuses that stand in no table, each with its coefficient."""
    language: Language = PYTHON
    repeats_invalid: bool = False
    """Whether a program that was offered before is worth what an invalid proposal is, however often it is solved."""

    def __call__(self, program: str | None, well_formed: bool, solve_rate: float, novelty: Novelty) -> Terms:
        if program is None:
            return (("invalid", self.invalid),)
        if not well_formed:
            return (("malformed", self.invalid),)
        if self.repeats_invalid and novelty.repeats:
            return (("repeated", self.invalid),)
        if not 0.0 < solve_rate < 1.0:
            return (("unsolved" if solve_rate == 0.0 else "always solved", self.unlearnable),)
        base = self.learnability(solve_rate)
        offer = Offer(program, base, novelty, self.language)
        used = [*((BONUSES[name], coefficient) for name, coefficient in self.bonuses.items()), *self.own]
        bonuses = [(bonus.name, coefficient * bonus.value(offer)) for bonus, coefficient in used]
        return (("learnability", base), *bonuses)


@dataclass(frozen=True)
class SolverReward:
    """Equations 5 and 6 for the solver."""

    wrong: float = -0.5
    malformed: float = -1.0

    def __call__(self, score: float | None, well_formed: bool) -> Terms:
        if score is None or not well_formed:
            return (("malformed", self.malformed),)
        if score == 0.0:
            return (("wrong", self.wrong),)
        return (("correct", score),)
