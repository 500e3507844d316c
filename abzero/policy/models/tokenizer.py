"""Text to tokens and back, and the tokens that end a sequence. Token ids travel; text is for the parser alone."""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import cast

from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from abzero.errors import ConfigError
from abzero.types import Prompt

_LETTER = "a"
_LEADS = ("<", "a", "\n")
"""What a text is encoded behind, to see how it goes on."""


class Codec:
    """A model's tokenizer. `ends` are its end-of-sequence tokens, from every config file that names one."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> None:
        self.tokenizer = tokenizer
        self.ends = end_tokens(tokenizer, model)
        self._start = _start_tokens(tokenizer) or (min(self.ends),)
        self._adds_start = bool(_start_tokens(tokenizer))
        controls = _control_tokens(tokenizer)
        self._controls, self._control_numbers = _spelled(controls), frozenset(controls.values())
        rows = len(cast(nn.Embedding, model.get_input_embeddings()).weight)
        highest = max(tokenizer.get_vocab().values(), default=-1)
        if highest >= rows or max(self.ends) >= rows:
            raise ConfigError(
                f"the tokenizer counts to {max(highest, *self.ends)} but the model has {rows} embeddings: "
                "they are not from the same model"
            )

    @property
    def start_text(self) -> str:
        """The start tokens that the tokenizer adds of itself, as text; '' where it adds none."""
        return self.decode(self._start) if self._adds_start else ""

    def encode(self, prompt: str) -> list[int]:
        """At least one token: with the start tokens that the tokenizer adds of itself, without any end tokens. Control
        tokens are read in the template of a `Prompt` alone: what was inserted is text, whatever it says.
        """
        tokens = self._tokens(prompt)
        if tuple(tokens[: len(self._start)]) == self._start and isinstance(prompt, Prompt):
            return tokens  # a chat template has written them
        return [*self._start, *tokens] if self._adds_start or not tokens else tokens

    def _tokens(self, prompt: str) -> list[int]:
        """The whole of `prompt` at once, unless something inserted spells a control token: that is cut in two first; or
        turns into one as the tokenizer normalizes it: then it is read letter by letter.
        """
        text = prompt.encode("utf-8", "replace").decode()
        begin, end = (prompt.begin, prompt.end) if isinstance(prompt, Prompt) else (0, len(text))
        cuts = [
            found.start(1) + 1
            for found in (self._controls.finditer(text) if self._controls else ())
            if found.start(1) < end and found.end(1) > begin
        ]
        tokens = self._pieces(text, cuts)
        if (controls := self._count(tokens)) and controls > self._count(
            self._pieces(text[:begin], []) + self._pieces(text[end:], [])
        ):
            return self._pieces(text, range(max(begin, 1), min(end + 1, len(text))))
        return tokens

    def _count(self, tokens: Sequence[int]) -> int:
        return sum(token in self._control_numbers for token in tokens)

    def _pieces(self, text: str, cuts: Iterable[int]) -> list[int]:
        edges = [0, *dict.fromkeys(cuts), len(text)]
        return [token for start, stop in pairwise(edges) for token in self._continued(text[start:stop], start > 0)]

    def _continued(self, text: str, inside: bool) -> list[int]:
        """The tokens of `text`; if it stands `inside` another, without what a tokenizer puts before a first word."""
        for lead in _LEADS if inside else ():
            bare: list[int] = self.tokenizer.encode(lead, add_special_tokens=False)
            whole: list[int] = self.tokenizer.encode(lead + text, add_special_tokens=False)
            if whole[: len(bare)] == bare:
                return whole[len(bare) :]
        tokens: list[int] = self.tokenizer.encode(text, add_special_tokens=False)
        return tokens

    def decode(self, tokens: Sequence[int]) -> str:
        """Exactly what the tokens say: tags that are special tokens are text too, and no space is tidied away."""
        known = [token for token in tokens if token < len(self.tokenizer)]
        return str(self.tokenizer.decode(known, skip_special_tokens=False, clean_up_tokenization_spaces=False))


def end_tokens(tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> frozenset[int]:
    """The union of config, generation config and tokenizer: often only one of them names the token that ends a turn."""
    generation = model.generation_config
    configs = (model.config, model.config.get_text_config(), generation, tokenizer)
    named = [getattr(config, "eos_token_id", None) for config in configs]
    ends: set[int] = set()
    for value in named:
        numbers = value if isinstance(value, list | tuple) else [] if value is None else [value]
        if not all(isinstance(number, int) for number in numbers):
            raise ConfigError(
                f"model {model.config.name_or_path!r} has eos_token_id {value!r}: set it to the number of a token, or "
                "a list of them, in its config.json and generation_config.json"
            )
        ends.update(numbers)
    if not ends:
        raise ConfigError(
            f"model {model.config.name_or_path!r} names no end-of-sequence token: set eos_token_id in its config.json"
        )
    return frozenset(ends)


def _control_tokens(tokenizer: PreTrainedTokenizerBase) -> dict[str, int]:
    """The tokens that stand beside the vocabulary proper, special ones and tags, by their text."""
    added = {str(token): number for number, token in tokenizer.added_tokens_decoder.items()}
    vocabulary = tokenizer.get_vocab()
    added |= {text: vocabulary[text] for text in tokenizer.all_special_tokens if text in vocabulary}
    return {text: number for text, number in added.items() if len(text) > 1 and text.strip()}


def _spelled(controls: Iterable[str]) -> re.Pattern[str] | None:
    """Where a text spells one of `controls`, maybe overlapping."""
    spelled = sorted(map(re.escape, controls), key=len, reverse=True)
    return re.compile(rf"(?=({'|'.join(spelled)}))") if spelled else None


def _start_tokens(tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    bare = tokenizer.encode(_LETTER, add_special_tokens=False)
    full = tokenizer.encode(_LETTER)
    starts = (full[:at] for at in range(len(full) + 1) if full[at : at + len(bare)] == bare)
    return tuple(next(starts, ()))
