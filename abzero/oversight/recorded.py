"""A finished or running journal, read as a monitor reads a step: the same completions, the same findings."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from abzero.oversight.reading import Reading, split
from abzero.oversight.tier import Tier, inspect
from abzero.run.journal import JournalReader
from abzero.types import Finding


class Recorded:
    """What a run's journal holds, as readings and findings."""

    def __init__(self, reader: JournalReader) -> None:
        self._reader = reader

    def steps(self) -> list[int]:
        return self._reader.steps()

    def findings(self, step: int) -> Sequence[Finding]:
        """What was found while the run went on."""
        return self._reader.findings(step)

    def readings(self, step: int) -> list[Reading]:
        """Everything that was sampled in `step`: proposals, then attempts."""
        found = []
        for row in self._reader.proposals(step):
            thought, answer = split(row.completion)
            task = None if row.task is None else self._reader.task(row.task)
            found.append(Reading(step, "propose", row.position, row.mode, row.prompt, thought, answer, row.error, task))
        for attempt in self._reader.attempts(step):
            thought, answer = split(attempt.completion)
            found.append(Reading(step, "solve", attempt.position, attempt.mode, attempt.prompt, thought, answer))
        return found

    def altered_texts(self) -> Iterator[tuple[int, int]]:
        """The id, and the step, of every text of the journal that is not the one that was written."""
        return self._reader.altered_texts()

    def metrics(self, step: int) -> Mapping[str, float]:
        """The figures that `step` logged."""
        return self._reader.metrics(step)


def scan(recorded: Recorded, tiers: Sequence[Tier], steps: Sequence[int]) -> Iterator[tuple[int, int, list[Finding]]]:
    """Every step with how many completions it holds and what the monitors find in them now."""
    for step in steps:
        read = recorded.readings(step)
        yield step, len(read), inspect(tiers, read)


def changed(now: Sequence[Finding], then: Sequence[Finding], tiers: set[int]) -> Mapping[str, list[Finding]]:
    """What a scan finds that the run did not, and the other way round; of the tiers that were looked at."""
    kept = [finding for finding in then if finding.tier in tiers]
    return {
        "new": [finding for finding in now if finding not in kept],
        "gone": [finding for finding in kept if finding not in now],
    }


def record_path(run: Path) -> Path:
    """A run's hash-chained record."""
    return run / "oversight.jsonl"
