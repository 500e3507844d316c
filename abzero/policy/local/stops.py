"""Strings at which a completion ends: a base model that has answered may go on for thousands of tokens."""

from collections.abc import Sequence

import torch
from torch import Tensor

from abzero.policy.models.tokenizer import Codec

UNFINISHED = "\ufffd"
"""What a token decodes to that holds but a part of a character."""


class StopStrings:
    """Knows when a row of tokens first holds one of `strings`; what follows it within the same token stays."""

    def __init__(self, codec: Codec, strings: Sequence[str]) -> None:
        self._codec = codec
        self._strings = strings
        self._reach = 8 + 2 * max(len(string.encode()) for string in strings)
        """Tokens that may hold a whole string, of a byte or more each, and some without any."""
        lasts = {UNFINISHED, *(string[-1] for string in strings)}
        texts = (codec.decode([token]) for token in range(len(codec.tokenizer)))
        self._lasts = torch.tensor([token for token, text in enumerate(texts) if lasts & set(text)])
        """Tokens with which a string may be complete."""

    def ended(self, tokens_TB: Tensor) -> Tensor:
        """Which rows of tokens hold a string with their last one, ``[B]``."""
        self._lasts = self._lasts.to(tokens_TB.device)
        ended_B = torch.isin(tokens_TB[-1], self._lasts)
        for row in ended_B.nonzero()[:, 0].tolist():
            text = self._codec.decode(tokens_TB[-self._reach :, row].tolist())
            ended_B[row] = any(string in text for string in self._strings)
        return ended_B
