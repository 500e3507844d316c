"""The generator behind a Tinker server: sends token ids, gets token ids and their log-probabilities."""

import random
from collections.abc import Sequence

from abzero.errors import BackendError
from abzero.policy.base import Learner, RolloutEnded, unheard
from abzero.policy.models.tokenizer import Codec
from abzero.policy.tinker.client import Sampler
from abzero.policy.tinker.learner import TinkerLearner
from abzero.policy.tinker.records import SampledSequence
from abzero.types import Rollout

SEED_BITS = 30
"""Servers number a prompt's samples upwards from its seed, which must stay within 31 bits."""


class TinkerGenerator:
    """Samples from the weights behind `sampler`, and after `sync` from the learner's."""

    def __init__(
        self,
        sampler: Sampler,
        codec: Codec,
        *,
        temperature: float,
        max_prompt_tokens: int,
        max_tokens: int,
        done: RolloutEnded = unheard,
    ) -> None:
        self._sampler = sampler
        self._codec = codec
        self._temperature = temperature
        self._max_prompt_tokens = max_prompt_tokens
        self._max_tokens = max_tokens
        self._done = done
        self._version = 0

    def sync(self, learner: Learner) -> None:
        if not isinstance(learner, TinkerLearner):
            raise BackendError(f"the Tinker generator cannot take weights from a {type(learner).__name__}")
        self._sampler = learner.sampler()
        self._version = learner.version

    def fits(self, prompt: str) -> bool:
        return len(self._codec.encode(prompt)) <= self._max_prompt_tokens

    def generate(self, prompts: Sequence[str], n: int, rng: random.Random) -> list[list[Rollout]]:
        if not prompts:
            return []
        encoded = [self._codec.encode(prompt) for prompt in prompts]
        seeds = [rng.getrandbits(SEED_BITS) for _ in prompts]
        stops = sorted(self._codec.ends)
        rows = self._sampler.sample(encoded, n, seeds, self._max_tokens, self._temperature, stops, self._done)
        return [[self._rollout(tokens, row) for row in samples] for tokens, samples in zip(encoded, rows, strict=True)]

    def _rollout(self, prompt: list[int], row: SampledSequence) -> Rollout:
        """Raises `BackendError` unless the row ends with the first of its end tokens, or for want of room."""
        ends = [place for place, token in enumerate(row.tokens) if token in self._codec.ends]
        stopped = ends == [len(row.tokens) - 1]
        if not stopped and (ends or len(row.tokens) != self._max_tokens):
            raise BackendError(
                f"the Tinker server ended a sample of {len(row.tokens)} tokens without its end-of-sequence token, or "
                "went on behind one: that action cannot be learned; ask for a model whose config.json names the end "
                "token that the server stops at"
            )
        return Rollout(
            prompt_tokens=prompt,
            tokens=row.tokens,
            logprobs=row.logprobs,
            text=self._codec.decode(row.tokens[:-1] if stopped else row.tokens),
            finish="stop" if stopped else "length",
            version=self._version,
        )
