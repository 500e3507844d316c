"""How the learning rate falls once it has warmed up, by the share of the steps since then that are done."""

import math
from collections.abc import Callable, Mapping

RateSchedule = Callable[[float], float]
"""From the share of steps done, in [0, 1], to the share of the learning rate."""


def constant(_: float) -> float:
    return 1.0


def linear(done: float) -> float:
    return 1.0 - done


def cosine(done: float) -> float:
    return (1.0 + math.cos(math.pi * done)) / 2


SCHEDULES: Mapping[str, RateSchedule] = {"constant": constant, "linear": linear, "cosine": cosine}
