"""The sampling loop: one token per row and step, temperature exact, nothing truncated (no top-p, no top-k).

Each row draws from its own stream of uniform numbers, so its tokens do not depend on which rows share its batch, on how
many finish early, or on the order in which batches run.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import pad

from abzero.errors import BackendError
from abzero.policy.base import RolloutEnded, unheard
from abzero.policy.local.stops import StopStrings

SMALL = 4096
"""Tokens of a vocabulary up to which one running sum over all of it is quickest."""
BLOCK = 256
"""Tokens whose probabilities are added up together in a larger one."""
AT_ONCE = 1 << 19
"""Logits that are read several times over at once on a CPU: what its nearer caches hold."""


class Session(Protocol):
    """Rows of text that grow by one token at a time, with the keys and values of all their tokens so far."""

    def advance(self, tokens_B: Tensor) -> Tensor:
        """Append one token to each row and return the logits of the next, ``[B, V]``."""

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows alone, in this order."""


class Engine(Protocol):
    """Runs a model forward with a cache."""

    def rows(self, prompt: int, new: int, copies: int) -> int:
        """How many rows are best held at once, if `copies` of them share `prompt` tokens, and each has `new` more."""

    def start(self, prompts: Sequence[Sequence[int]], copies: Sequence[int], new: int) -> tuple[Session, Tensor]:
        """A session of ``copies[i]`` rows of each prompt, with room for `new` tokens, and its logits ``[B, V]``.

        Logits may be of any floating type, here and later.
        """


@dataclass(frozen=True, slots=True)
class SampledRow:
    """The actions of one row; `stopped` says whether the last one ends the sequence."""

    tokens: list[int]
    logprobs: list[float]
    stopped: bool


@torch.inference_mode()
def sample(
    engine: Engine,
    prompts: Sequence[Sequence[int]],
    seeds: Sequence[Sequence[int]],
    new: int,
    temperature: float,
    stops: Tensor,
    strings: StopStrings | None = None,
    done: RolloutEnded = unheard,
) -> list[list[SampledRow]]:
    """One sample of `prompts[i]` for each of its ``seeds[i]``, of at most `new` tokens; temperature 0 is greedy.

    A row ends with one of the tokens `stops`, or with one that completes one of `strings`.
    Prompts of like length run together, as many rows at once as the engine likes to hold.
    """
    jobs = [(prompt, copy) for prompt, row in enumerate(seeds) for copy in range(len(row))]
    jobs.sort(key=lambda job: (len(prompts[job[0]]), job))
    samples: dict[tuple[int, int], SampledRow] = {}
    while jobs:
        longest = jobs[-1][0]
        rows = max(1, engine.rows(len(prompts[longest]), new, len(seeds[longest])))
        jobs, part = jobs[:-rows], jobs[-rows:]
        copies = Counter(prompt for prompt, _ in part)
        session, logits_BV = engine.start([prompts[prompt] for prompt in copies], list(copies.values()), new)
        noise_BT = torch.stack([_uniform(seeds[prompt][copy], new) for prompt, copy in part])
        samples |= zip(part, _run(session, logits_BV, noise_BT, temperature, stops, strings, done), strict=True)
    return [[samples[prompt, copy] for copy in range(len(row))] for prompt, row in enumerate(seeds)]


def _uniform(seed: int, length: int) -> Tensor:
    return torch.rand(length, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _run(
    session: Session,
    logits_BV: Tensor,
    noise_BT: Tensor,
    temperature: float,
    stops: Tensor,
    strings: StopStrings | None,
    done: RolloutEnded,
) -> list[SampledRow]:
    device = logits_BV.device
    stops = stops.to(device)
    noise_TB = noise_BT.T.contiguous().to(device, _wide(device))
    new, total = noise_TB.shape
    tokens_TB = torch.zeros(new, total, dtype=torch.long, device=device)
    logprobs_TB = torch.zeros(new, total, dtype=torch.float32, device=device)
    lengths = torch.full((total,), new, device=device)
    stopped = torch.zeros(total, dtype=torch.bool, device=device)
    live = torch.arange(total, device=device)
    """The rows that the session holds, by their number at the start."""
    for step in range(new):
        choice_B, logprob_B = draw(logits_BV, noise_TB[step, live], temperature)
        tokens_TB[step, live] = choice_B
        logprobs_TB[step, live] = logprob_B
        ended = torch.isin(choice_B, stops)
        if strings is not None:
            ended |= strings.ended(tokens_TB[: step + 1, live])
        ended &= ~stopped[live]
        if ended.any():
            stopped[live[ended]] = True
            lengths[live[ended]] = step + 1
            done(int(ended.sum()))
            rows = _survivors(stopped[live])
            if len(rows) == 0:
                break
            if len(rows) <= len(live) * 7 // 8:
                session.keep(rows)
                live, choice_B = live[rows], choice_B[rows]
        if step + 1 < new:
            logits_BV = session.advance(choice_B)
    done(int((~stopped).sum()))
    columns = zip(tokens_TB.T.tolist(), logprobs_TB.T.tolist(), lengths.tolist(), stopped.tolist(), strict=True)
    return [SampledRow(tokens[:length], logprobs[:length], ended) for tokens, logprobs, length, ended in columns]


def _survivors(gone: Tensor) -> Tensor:
    """The rows still going, moved as little as possible: those at the end fill the holes at the front."""
    going = (~gone).nonzero()[:, 0]
    rows = torch.arange(len(going), device=gone.device)
    rows[gone[: len(going)]] = going[going >= len(going)]
    return rows


def draw(logits_BV: Tensor, uniform_B: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Sample by inverse distribution: the chosen tokens and their log-probabilities at `temperature`, both ``[B]``.

    Greedy choices, at temperature 0, are certain: their log-probability is 0. Raises `BackendError` where a model's
    logits make no distribution.
    """
    if temperature == 0:
        choice_B = logits_BV.argmax(1)
        return choice_B, torch.zeros_like(choice_B, dtype=torch.float32)
    small = logits_BV.shape[1] <= SMALL
    whole = small or logits_BV.device.type != "cpu"
    rows = len(logits_BV) if whole else max(1, AT_ONCE // logits_BV.shape[1])
    way = running_sum if small else by_blocks
    parts = zip(logits_BV.split(rows), uniform_B.split(rows), strict=True)
    drawn = [way(logits if temperature == 1 else logits.float() / temperature, uniform) for logits, uniform in parts]
    choice_B, logprob_B = (torch.cat(values) for values in zip(*drawn, strict=True))
    if not logprob_B.isfinite().all():
        raise BackendError(
            "the model's logits are not finite: its weights are lost. Go back to an earlier checkpoint with a lower "
            "learning rate, or compute in float32 (--model.sampler-dtype float32)"
        )
    return choice_B, logprob_B


def running_sum(logits_BV: Tensor, uniform_B: Tensor) -> tuple[Tensor, Tensor]:
    """Choices and log-probabilities by one running sum of probabilities over the whole vocabulary."""
    logp_BV = torch.log_softmax(logits_BV, 1, dtype=torch.float32)
    mass_BV = logp_BV.exp().to(_wide(logp_BV.device)).cumsum(1)
    goal_B1 = (uniform_B[:, None] * mass_BV[:, -1:]).minimum(_below(mass_BV[:, -1:]))
    choice_B = torch.searchsorted(mass_BV, goal_B1, right=True)[:, 0]
    choice_B = choice_B.clamp(max=logits_BV.shape[1] - 1)  # where there is no distribution, which `draw` refuses
    return choice_B, logp_BV.gather(1, choice_B[:, None])[:, 0]


def by_blocks(logits_BV: Tensor, uniform_B: Tensor) -> tuple[Tensor, Tensor]:
    """As `running_sum`, in two steps: which block of tokens, then which token in it.

    Blocks are added up in fp32, so a boundary between two may lie 1e-7 of all mass beside where the running sum has it.
    """
    wide = _wide(logits_BV.device)
    mass_BV = torch.softmax(logits_BV, 1, dtype=torch.float32)
    mass_BNK = pad(mass_BV, (0, -mass_BV.shape[1] % BLOCK)).unflatten(1, (-1, BLOCK))
    blocks_BN = mass_BNK.sum(2).to(wide)
    upto_BN = blocks_BN.cumsum(1)
    goal_B1 = (uniform_B[:, None] * upto_BN[:, -1:]).minimum(_below(upto_BN[:, -1:]))
    block_B1 = torch.searchsorted(upto_BN, goal_B1, right=True).clamp_(max=upto_BN.shape[1] - 1)
    within_BK = mass_BNK[torch.arange(len(block_B1), device=block_B1.device), block_B1[:, 0]].to(wide).cumsum(1)
    rest_B1 = goal_B1 - (upto_BN - blocks_BN).gather(1, block_B1)
    rest_B1 = rest_B1.clamp_(min=0).minimum(_below(within_BK[:, -1:]))
    choice_B1 = block_B1 * BLOCK + torch.searchsorted(within_BK, rest_B1, right=True)
    choice_B1 = choice_B1.clamp_(max=logits_BV.shape[1] - 1)  # where there is no distribution, which `draw` refuses
    logprob_B1 = (mass_BV.gather(1, choice_B1) / upto_BN[:, -1:]).log().float()
    return choice_B1[:, 0], logprob_B1[:, 0]


def _below(x: Tensor) -> Tensor:
    """The largest numbers below those of `x`, which are above 0."""
    return torch.nextafter(x, torch.zeros_like(x))


def _wide(device: torch.device) -> torch.dtype:
    """What to add probabilities up in: fp64, which Metal lacks."""
    return torch.float32 if device.type == "mps" else torch.float64
