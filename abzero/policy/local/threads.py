"""How many CPU threads to compute with: measured, since on a busy machine two are slower than one."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from transformers import PreTrainedModel

ADVANTAGE = 0.9
"""A larger number must take less than this share of the best smaller one's time: its gain is lost first under load."""


CROWDED = 0.25
"""Share of their time that threads may wait for a core before that is worth a word."""


class Crowding:
    """Notices, between steps, that other processes have taken the cores: threads then wait for each other at each sum.

    The number is not changed under way: it is part of what makes two runs equal bit for bit.
    """

    def __init__(
        self,
        threads: int,
        run: Path,
        report: Callable[[str], None],
        read: Callable[[], tuple[float, float]] | None = None,
    ) -> None:
        """`read` is `scheduled`, or stands for it."""
        self._threads = threads
        self._run = run
        self._report = report
        self._read = read or scheduled
        self._before = self._read()
        self._said = False

    def observe(self, _: object) -> None:
        """Say in a line, once for each time it begins, that threads waited much since the last call."""
        (ran_before, waited_before), self._before = self._before, self._read()
        ran, waited = self._before[0] - ran_before, self._before[1] - waited_before
        crowded = self._threads > 1 and waited > CROWDED * (ran + waited) > 0
        if crowded and not self._said:
            share = waited / (ran + waited)
            self._report(
                f"other processes have the cores: {self._threads} threads waited for one {share:.0%} of their time; "
                f"one thread may be quicker: stop, then abzero resume {self._run} --model.threads 1"
            )
        self._said = crowded


def scheduled(tasks: Path = Path("/proc/self/task")) -> tuple[float, float]:
    """Seconds that this process' threads have run, and that they were ready to and had no core; 0 where none says."""
    ran = waited = 0
    for file in sorted(tasks.glob("*/schedstat")):
        try:
            first, second, _ = file.read_text().split()
        except OSError:  # a thread that has just ended
            continue
        ran, waited = ran + int(first), waited + int(second)
    return ran / 1e9, waited / 1e9


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
