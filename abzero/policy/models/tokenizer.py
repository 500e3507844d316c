"""Text to tokens and back, and the tokens that end a sequence. Token ids travel; text is for the parser alone."""

from collections.abc import Sequence
from typing import cast

from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from abzero.errors import ConfigError

_LETTER = "a"


class Codec:
    """A model's tokenizer. `ends` are its end-of-sequence tokens, from every config file that names one."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> None:
        self.tokenizer = tokenizer
        self.ends = end_tokens(tokenizer, model)
        self._start = _start_tokens(tokenizer) or (min(self.ends),)
        self._adds_start = bool(_start_tokens(tokenizer))
        rows = len(cast(nn.Embedding, model.get_input_embeddings()).weight)
        highest = max(tokenizer.get_vocab().values(), default=-1)
        if highest >= rows or max(self.ends) >= rows:
            raise ConfigError(
                f"the tokenizer counts to {max(highest, *self.ends)} but the model has {rows} embeddings: "
                "they are not from the same model"
            )

    def encode(self, prompt: str) -> list[int]:
        """At least one token: with the start tokens that the tokenizer adds of itself, without any end tokens."""
        valid = prompt.encode("utf-8", "replace").decode()
        tokens: list[int] = self.tokenizer.encode(valid, add_special_tokens=False)
        return [*self._start, *tokens] if self._adds_start or not tokens else tokens

    def decode(self, tokens: Sequence[int]) -> str:
        """Exactly what the tokens say: tags that are special tokens are text too, and no space is tidied away."""
        known = [token for token in tokens if token < len(self.tokenizer)]
        return str(self.tokenizer.decode(known, skip_special_tokens=False, clean_up_tokenization_spaces=False))


def end_tokens(tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> frozenset[int]:
    """The union of config, generation config and tokenizer: often only one of them names the token that ends a turn."""
    generation = model.generation_config
    named = (model.config.eos_token_id, generation and generation.eos_token_id, tokenizer.eos_token_id)
    ends: set[int] = set()
    for value in named:
        ends.update([value] if isinstance(value, int) else value or [])
    if not ends:
        raise ConfigError(
            f"model {model.config.name_or_path!r} names no end-of-sequence token: set eos_token_id in its config.json"
        )
    return frozenset(ends)


def _start_tokens(tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    bare = tokenizer.encode(_LETTER, add_special_tokens=False)
    full = tokenizer.encode(_LETTER)
    starts = (full[:at] for at in range(len(full) + 1) if full[at : at + len(bare)] == bare)
    return tuple(next(starts, ()))
