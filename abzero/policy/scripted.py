"""A policy that plays from a script: both seams of `policy.base` without weights, for tests and benchmarks."""

import hashlib
import json
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from abzero.errors import RunError
from abzero.policy.base import Learner
from abzero.types import Experience, Rollout

Script = Callable[[str, random.Random], str]
"""Writes one completion of a prompt; all its chance comes from the rng."""

END = 0x110000
"""The end-of-sequence token: the first number that is no code point. Every other token is a code point."""


def table(completions: Mapping[str, Sequence[str]]) -> Script:
    """A script that draws uniformly from the completions listed for a prompt."""
    return lambda prompt, rng: rng.choice(completions[prompt])


class ScriptedGenerator:
    """Completes prompts by a script, one token per character; the log-probabilities are drawn, in (-1, 0]."""

    def __init__(self, script: Script, *, max_prompt_tokens: int = 100_000, max_tokens: int = 100_000) -> None:
        self._script = script
        self._max_prompt_tokens = max_prompt_tokens
        self._max_tokens = max_tokens
        self._version = 0

    def sync(self, learner: Learner) -> None:
        self._version = learner.version

    def fits(self, prompt: str) -> bool:
        return len(prompt) <= self._max_prompt_tokens

    def generate(self, prompts: Sequence[str], n: int, rng: random.Random) -> list[list[Rollout]]:
        return [[self._rollout(prompt, rng) for _ in range(n)] for prompt in prompts]

    def _rollout(self, prompt: str, rng: random.Random) -> Rollout:
        text = self._script(prompt, rng)
        tokens = (*map(ord, text), END)[: self._max_tokens]
        return Rollout(
            prompt_tokens=tuple(map(ord, prompt)),
            tokens=tokens,
            logprobs=tuple(-(rng.random() ** 4) for _ in tokens),
            text=text[: self._max_tokens],
            finish="stop" if tokens[-1:] == (END,) else "length",
            version=self._version,
        )


class ScriptedLearner:
    """Counts updates; in place of weights it keeps a digest of every batch so far, so that two runs can be compared.

    `batches` holds the last `keep` batches, newest last.
    """

    def __init__(self, *, keep: int = 1) -> None:
        self.batches: deque[tuple[Experience, ...]] = deque(maxlen=keep)
        self.digest = ""
        self._version = 0

    @property
    def version(self) -> int:
        return self._version

    def update(self, batch: Sequence[Experience]) -> Mapping[str, float]:
        if not batch:
            return {}
        self.batches.append(tuple(batch))
        parts = [[row.role, row.mode, list(row.rollout.tokens), row.advantage] for row in batch]
        self.digest = hashlib.sha256(json.dumps([self.digest, parts]).encode()).hexdigest()
        self._version += 1
        tokens = sum(len(row.rollout.tokens) for row in batch)
        surprise = -sum(sum(row.rollout.logprobs) for row in batch)
        return {"tokens": float(tokens), "entropy": surprise / max(tokens, 1)}

    def save(self, folder: Path) -> None:
        (folder / "scripted.json").write_text(json.dumps({"version": self._version, "digest": self.digest}))

    def load(self, folder: Path) -> None:
        try:
            state = json.loads((folder / "scripted.json").read_text())
            self._version, self.digest = int(state["version"]), str(state["digest"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(f"{folder} holds no state of a scripted learner: {error}") from error
