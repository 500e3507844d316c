"""Config → a loaded model that answers the problems of benchmarks as a preset asks them."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from abzero.config import backends
from abzero.config.backends import local
from abzero.config.config import Config
from abzero.evals import asking, presets
from abzero.evals.data import SuiteRows
from abzero.evals.presets import Preset, Question
from abzero.evals.samples import Sample, sha256
from abzero.evals.summary import Asked
from abzero.policy.base import RolloutEnded, unheard
from abzero.policy.models import chat, digest
from abzero.tasks.prompts import Prompts
from abzero.types import Prompt, Rollout

TOO_LONG = "too long"
"""How the sample of a problem ended that the model has no room for."""
Waiting = Sequence[tuple[Question, Sequence[tuple[int, int]]]]
"""Questions, each with the numbers of the samples that it lacks and their seeds."""


def asked_by(config: Config, name: str, trained: bool, preset: Preset | None) -> tuple[Config, Preset]:
    """`config` with what was found of how the model `name` is asked, and by which preset; loads no weights.

    Without a `preset`, it is the one of a model that was `trained` here, or was not.
    """
    _, _, config = backends.conversation(config, name)
    return config, preset or presets.suited(trained, config.model.chat == "template")


class Answering:
    """A model in memory, and how it is asked."""

    def __init__(self, config: Config, name: str, preset: Preset) -> None:
        """`name` is what to load."""
        self.config = backends.settled(config, name)
        self.name = name
        self.model, self.codec = local.load(self.config, name)
        self._weights = digest.weights(local.model_name(name))
        self.positions = backends.positions(name)
        self.preset = preset
        template = partial(chat.frame, self.codec) if self.codec.tokenizer.chat_template else None
        if template is not None and (closer := chat.closer(self.codec)) is not None:
            self.codec.ends |= {closer}
        own = Prompts(self.config.tasks.prompts, backends.frame(self.config, name))
        self.voice = asking.Voice(own, Prompts("paper"), template)

    def suite(
        self, source: SuiteRows, most: int, temperature: float, repeats: int, seeds: Sequence[int]
    ) -> "SuiteAnswers":
        """The questions of a suite, to be answered in at most `most` tokens; 0 is as many as the preset has.

        Where a model has few positions, a completion gets at least half of them; longer prompts are not asked.
        """
        suite = source.suite.name
        questions = self.preset.questions(source, self.voice)
        prompts = [one.prompt for one in questions]
        tokens = most or self.preset.tokens_of(suite) or self.config.sampling.max_tokens
        room = longest = max(len(self.codec.encode(prompt)) for prompt in prompts)
        if self.positions:
            tokens = min(tokens, max(self.positions - longest, self.positions // 2))
            room = self.positions - tokens
        stop = self.preset.stop(suite, self.voice)
        how = Asked(
            model=self.name,
            weights=self._weights,
            preset=self.preset.name,
            words=asking.sha256(prompts, around=False),
            conversation=asking.sha256(prompts, around=True),
            opens_think=all(map(asking.opens_think, prompts)),
            tokens=tokens,
            stop=self.config.sampling.stop if stop is None else stop,
            temperature=temperature,
            repeats=repeats,
            seeds=tuple(seeds),
            engine="local",
            engine_version=local.VERSION,
            dtype=str(local.sampler_dtype(self.config)).removeprefix("torch."),
        )
        return SuiteAnswers(self, suite, how, questions, room, stop or ())


class SuiteAnswers:
    """One suite's questions, and the model's answers to them."""

    def __init__(
        self, model: Answering, suite: str, how: Asked, questions: list[Question], room: int, cut: Sequence[str]
    ) -> None:
        self.how = how
        self.questions = questions
        self._suite, self._codec, self._room, self._cut = suite, model.codec, room, cut
        self._told: RolloutEnded = unheard
        sampling = replace(model.config.sampling, max_tokens=how.tokens, max_prompt_tokens=room, stop=how.stop)
        config = replace(model.config, sampling=sampling)
        self._generator = local.generator(config, model.model, model.codec, how.temperature, self._tell)

    def fits(self, prompt: Prompt) -> bool:
        """Whether the model has room for `prompt`."""
        return len(self._codec.encode(prompt)) <= self._room

    def answers(self, waiting: Waiting, told: RolloutEnded = unheard) -> Iterator[Sample]:
        """Samples of `waiting`, each drawn from chance of its own; empty ones where a prompt does not fit."""
        self._told = told
        asked = [(one, some) for one, some in waiting if self.fits(one.prompt)]
        seeds = [[_chance(seed, self._suite, one.key, number) for number, seed in some] for one, some in asked]
        sampled = self._generator.sample([one.prompt for one, _ in asked], seeds) if asked else []
        found = {one.key: rollouts for (one, _), rollouts in zip(asked, sampled, strict=True)}
        for one, some in waiting:
            for index, (number, seed) in enumerate(some):
                yield self._sample(one, number, seed, found[one.key][index] if one.key in found else None)

    def _sample(self, one: Question, number: int, seed: int, rollout: Rollout | None) -> Sample:
        text, tokens, finish = "", 0, TOO_LONG
        if rollout is not None:
            text = one.prompt.begun + presets.cut(rollout.text, self._cut)
            tokens, finish = len(rollout.tokens), str(rollout.finish)
        return Sample(one.key, number, one.form, text, tokens, finish, seed, sha256(one.prompt))

    def _tell(self, count: int) -> None:
        self._told(count)


def _chance(seed: int, suite: str, key: str, number: int) -> int:
    """What sample `number` of a problem draws from: the same whatever else is asked."""
    return random.Random(f"{seed}/{suite}/{key}/{number}").getrandbits(63)
