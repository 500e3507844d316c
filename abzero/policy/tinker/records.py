"""What goes over the link, in our own words."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Adam:
    """One step of the server's AdamW."""

    learning_rate: float
    betas: tuple[float, float]
    weight_decay: float
    clip_norm: float
    """0 is none."""
    eps: float = 1e-8


@dataclass(frozen=True, slots=True)
class SampledSequence:
    """One sampled completion, as the server sent it."""

    tokens: list[int]
    logprobs: list[float]
