"""How far a seeding is, in figures and in words, and what to try where it found too little."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from abzero.text.sanitize import harmless


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the seeding is, after `batch` of at most `batches` batches of a stage."""

    batch: int
    batches: int
    wanted: int
    """Tasks of each mode."""
    found: Mapping[str, int]
    """Tasks in the buffer, by mode."""
    attempts: Mapping[str, int]
    """Proposals so far, by mode."""
    rejected: Counter[str]
    """Why proposals became no task, and how often."""
    over: bool = False

    @property
    def words(self) -> str:
        """All of it in one line."""
        modes = ", ".join(
            f"{mode} {count} of {self.wanted} tasks ({self.attempts[mode]} proposals)"
            for mode, count in self.found.items()
        )
        stage = "done" if self.over else f"batch {self.batch} of at most {self.batches}"
        why = f"; rejected {self.rejected.total()}: {self.reasons(3)}" if self.rejected else ""
        return f"seeding, {stage}: {modes}{why}"

    def reasons(self, most: int) -> str:
        """The `most` usual reasons of rejection, each as COUNT × REASON: a reason may begin with a number."""
        usual = [(count, reason.splitlines() or [""]) for reason, count in self.rejected.most_common(most)]
        return ", ".join(f"{count} × {harmless(lines[0][:60])}" for count, lines in usual)


def advice(progress: Progress, temperature: float, prompts: str, max_prompt_tokens: int) -> Iterator[str]:
    """What to try where the seeding ended with fewer tasks than it was to find, a sentence each.

    The settings are the run's: a remedy names the value that it departs from.
    """
    missing = [mode for mode, count in progress.found.items() if count < progress.wanted]
    if not missing or not progress.batches:
        return
    total = sum(progress.attempts.values())
    if not total:
        yield (
            f"no proposal's prompt fits sampling.max-prompt-tokens {max_prompt_tokens}: raise it, or set "
            "--tasks.prompts compact"
        )
        return
    yield (
        f"the bound of {progress.batches} batches (seeding.batches) ended it with too few tasks of "
        f"{', '.join(missing)}; {progress.rejected.total()} of {total} proposals were rejected, most often: "
        f"{progress.reasons(3) or 'none'}"
    )
    yield (
        f"what helps: a lower temperature (--sampling.temperature, {temperature:g} now), another prompt set "
        f"(--tasks.prompts, {prompts} now), a model that follows instructions, or tasks of your own (--seeds FILE)"
    )
