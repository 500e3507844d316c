"""How many CPU threads to compute with: measured, since on a busy machine two are slower than one."""

import os
import sys
import time
from collections.abc import Callable, Sequence

import torch
from transformers import PreTrainedModel

ADVANTAGE = 0.9
"""A larger number must take less than this share of the best smaller one's time: its gain is lost first under load."""


def candidates(cores: int) -> list[int]:
    """One thread, half of the cores, all of them."""
    return sorted({1, max(1, cores // 2), cores})


def quickest(work: Callable[[], object], numbers: Sequence[int], rounds: int = 3) -> int:
    """The one of `numbers`, in rising order, with which `work` is quickest; leaves torch set to it.

    Numbers are tried in turn, round by round, and the best of each one's rounds counts.
    """
    times: dict[int, list[float]] = {number: [] for number in numbers}
    for _ in range(rounds + 1):
        for number in numbers:
            torch.set_num_threads(number)
            start = time.perf_counter()
            work()
            times[number].append(time.perf_counter() - start)
    best = numbers[0]
    for number in numbers[1:]:
        if min(times[number][1:]) < ADVANTAGE * min(times[best][1:]):
            best = number
    torch.set_num_threads(best)
    return best


def measured(model: PreTrainedModel, tokens: int) -> int:
    """The number of threads with which a forward and backward pass over `tokens` tokens of `model` is quickest."""
    length = min(tokens, 128)
    tokens_BT = torch.zeros(max(1, tokens // length), length, dtype=torch.long)

    def work() -> None:
        hidden_BTD = model.get_decoder()(input_ids=tokens_BT, use_cache=False).last_hidden_state
        hidden_BTD.float().square().mean().backward()
        model.zero_grad(set_to_none=True)

    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return quickest(work, candidates(cores))
