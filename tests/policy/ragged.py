"""Rows of different lengths and roles, and how to make more."""

from abzero.types import Experience, Role, Rollout


def experience(prompt: list[int], tokens: list[int], shift: float, advantage: float, role: Role) -> Experience:
    """A rollout whose sampler's log-probabilities are off by about `shift`."""
    model_free = [-2.0 + shift * (-1) ** place for place in range(len(tokens))]
    return Experience((role, 0), "deduction", 0, Rollout(prompt, tokens, model_free, "", "stop"), (), advantage)


RAGGED = [
    experience([5, 6, 7], [8, 9, 0], 0.3, 1.3, "solve"),
    experience([4], [10, 11, 12, 13, 14, 15, 0], -0.2, -0.7, "propose"),
    experience([20, 21, 22, 23, 24, 25, 26, 27, 28], [3], 0.0, 0.4, "solve"),
]
