"""The learner behind a Tinker server: our loss, its backward pass.

The server is asked for two things only: the log-probabilities of given tokens, and the gradient of a sum of them with
given coefficients. The loss is `losses.policy_loss`, taken here on those log-probabilities: its derivative by each of
them is the token's coefficient, whatever the loss clips, caps or weighs.
"""

import json
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from abzero.algo.losses import Objective, Tokens, Weighting, figures, policy_loss, sequence_weights
from abzero.errors import BackendError, RunError
from abzero.policy.local.optimizer import Optimisation
from abzero.policy.tinker.client import Sampler, Trainer, metric
from abzero.policy.tinker.records import Adam
from abzero.policy.tinker.servers import Server
from abzero.types import Experience

STATE = "tinker.json"


class TinkerLearner:
    """Trains the model of `trainer`. One update is `minibatches` optimizer steps on disjoint parts of the batch."""

    def __init__(
        self,
        trainer: Trainer,
        server: Server,
        *,
        objective: Objective,
        weighting: Weighting = sequence_weights,
        optimisation: Optimisation | None = None,
        gap_limit: float = 0.5,
    ) -> None:
        """`objective` has neither an entropy bonus nor a KL penalty: log-probabilities alone do not give them."""
        self._trainer = trainer
        self._server = server
        self._objective = objective
        self._weighting = weighting
        self._settings = optimisation or Optimisation()
        self._gap_limit = gap_limit
        self._version = 0
        self._steps = 0
        self._sampler: Sampler | None = None

    @property
    def version(self) -> int:
        return self._version

    def sampler(self) -> Sampler:
        """Samples from the current weights; made once for each version of them."""
        if self._sampler is None:
            self._sampler = self._trainer.sampler()
        return self._sampler

    def update(self, batch: Sequence[Experience]) -> Mapping[str, float]:
        """Means over the tokens of rows whose advantage is not 0, and the largest gap in log-probability.

        ``entropy`` is estimated by the mean of -log p over the sampled tokens. Raises `BackendError`, with the weights
        of the last good step, where sampler and learner disagree beyond the limit.
        """
        rows = [row for row in batch if row.rollout.tokens]
        parts = [self._moving(rows[start :: self._settings.minibatches]) for start in range(self._settings.minibatches)]
        parts = [part for part in parts if part]
        if not parts:
            return {}
        before = [self._logprobs(part) for part in parts]
        sums: Counter[str] = Counter()
        largest = 0.0
        for number, (part, old) in enumerate(zip(parts, before, strict=True)):
            measured = self._step(part, old, self._logprobs(part) if number else old)
            largest = max(largest, measured.pop("logprob_gap_max"))
            sums.update(measured)
        self._version += 1
        tokens = sums.pop("tokens")
        means = {name: value / tokens for name, value in sums.items()}
        return means | {"tokens": tokens, "logprob_gap_max": largest, "learning_rate": self._learning_rate}

    def _moving(self, rows: Sequence[Experience]) -> list[tuple[Experience, float]]:
        """The rows of one optimizer step that have a gradient, each with its tokens' weight among all of `rows`."""
        weighted = zip(rows, self._weighting(rows), strict=True)
        return [(row, weight) for row, weight in weighted if weight and row.advantage]

    def _logprobs(self, part: Sequence[tuple[Experience, float]]) -> list[list[float]]:
        return self._trainer.logprobs([row.rollout for row, _ in part])

    def _step(
        self, part: Sequence[tuple[Experience, float]], old: list[list[float]], now: list[list[float]]
    ) -> dict[str, float]:
        """Take one optimizer step; return sums over its tokens. `now` are the log-probabilities at its weights."""
        lengths = [len(row.rollout.tokens) for row, _ in part]
        logprobs = _flat(now).requires_grad_()
        tokens = Tokens(
            logprobs=logprobs,
            entropy=-_flat(old),
            old=_flat(old),
            sampled=_flat([row.rollout.logprobs for row, _ in part]),
            advantages=_flat([[row.advantage] * len(row.rollout.tokens) for row, _ in part]),
            weights=_flat([[weight] * len(row.rollout.tokens) for row, weight in part]),
            lengths=lengths,
        )
        measured = dict(figures(tokens, self._objective))
        self._check_gap(measured["logprob_gap"] / measured["tokens"])
        loss = policy_loss(tokens, self._objective)
        loss.backward()
        assert logprobs.grad is not None
        positions = [len(row.rollout.prompt_tokens) + len(row.rollout.tokens) - 1 for row, _ in part]
        coefficients = [
            (-gradient * factor).tolist()
            for gradient, factor in zip(logprobs.grad.split(lengths), self._server.reduction(positions), strict=True)
        ]
        self._trainer.backward([row.rollout for row, _ in part], coefficients, now)
        self._steps += 1
        self._sampler = None
        reported = self._trainer.step(self._adam())
        if (norm := metric(reported, "grad_norm")) is not None:
            measured["grad_norm"] = norm * measured["tokens"]
        return measured | {"loss": float(loss.detach()) * measured["tokens"]}

    def _check_gap(self, gap: float) -> None:
        if not gap <= self._gap_limit:
            raise BackendError(
                f"sampler and learner disagree by {gap:.3f} nats per token on average, above the limit of "
                f"{self._gap_limit}: the server samples from stale weights, or at too low a precision"
            )

    @property
    def _learning_rate(self) -> float:
        """Of the last step."""
        return self._settings.rate(self._steps)

    def _adam(self) -> Adam:
        settings = self._settings
        clip = settings.clip_norm if self._server.clips else 0.0
        return Adam(self._learning_rate, settings.betas, settings.weight_decay, clip)

    def save(self, folder: Path) -> None:
        """Have the server keep weights and optimizer, under a new name each time; `folder` gets the name."""
        path = self._trainer.save(f"abzero-{self._version:06d}-{secrets.token_hex(4)}")
        state = {"path": path, "version": self._version, "steps": self._steps}
        (folder / STATE).write_text(json.dumps(state) + "\n", encoding="utf-8")

    def load(self, folder: Path) -> None:
        try:
            state = json.loads((folder / STATE).read_text(encoding="utf-8"))
            path, version, steps = str(state["path"]), int(state["version"]), int(state["steps"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(f"{folder} does not hold a checkpoint of a Tinker server: {error}") from error
        self._trainer.load(path)
        self._version, self._steps, self._sampler = version, steps, None


def _flat(rows: Sequence[Sequence[float]]) -> Tensor:
    return torch.tensor([value for row in rows for value in row], dtype=torch.float64)
