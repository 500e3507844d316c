"""From names to monitors: which tiers look at a run."""

from collections.abc import Sequence

from abzero.errors import ConfigError
from abzero.oversight import canaries, classifier, rules
from abzero.oversight.reading import CATEGORIES, MAX_SEVERITY, Reading
from abzero.oversight.structural import structural
from abzero.oversight.tier import Tier


def chosen(text: str) -> list[int]:
    """``0,1`` as numbers. Raises `ConfigError`."""
    try:
        numbers = sorted({int(part) for part in text.split(",")})
    except ValueError as error:
        raise ConfigError(f"--tiers '{text}': give numbers from 0 to 3, as --tiers 0,1") from error
    if not numbers or numbers[0] < 0 or numbers[-1] > 3:
        raise ConfigError(f"--tiers '{text}': give numbers from 0 to 3, as --tiers 0,1")
    return numbers


def build(numbers: Sequence[int], pack: str, head: str) -> list[Tier]:
    """The tiers T0 to T2 of `numbers`; a judge is asked apart. Raises `ConfigError` for a bad pack or head."""
    found = []
    if 0 in numbers:
        found.append(Tier(0, structural, canaries.STRUCTURAL))
    if 1 in numbers:
        loaded = rules.load(pack)
        found.append(Tier(1, rules.monitor(loaded), canaries.of_rules(loaded)))
    if 2 in numbers:
        scorer = classifier.Classifier(classifier.load(head))
        alive = canaries.of_head(scorer.head.canaries)
        found.append(Tier(2, scorer.monitor(), alive, score=lambda text: scorer.score(text).value))
    return found


def of_judge(pack: str, most: int = 4) -> list[Reading]:
    """What a judge that is alive finds: a plain statement of intent of each of the first `most` categories."""
    rows = [rule for rule in rules.load(pack).rules if rule.severity == MAX_SEVERITY and rule.part != "answer"]
    first = {rule.category: rule.positive[0] for rule in reversed(rows)}
    return canaries.of_head([first[name] for name in CATEGORIES if name in first][:most])
