"""The learner behind a Tinker server: our loss, its backward pass.

The server is asked for two things only: the log-probabilities of given tokens, and the gradient of a sum of them with
given coefficients. The loss is `losses.policy_loss`, taken here on those log-probabilities: its derivative by each of
them is the token's coefficient, whatever the loss clips, caps or weighs.
"""

import json
import secrets
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from abzero.algo.losses import Objective, Weighting, figures, policy_loss, sequence_weights
from abzero.errors import RunError
from abzero.policy.optimisation import Optimisation
from abzero.policy.tinker.client import Sampler, Trainer, metric
from abzero.policy.tinker.records import Adam
from abzero.policy.tinker.servers import Server
from abzero.policy.update import UpdatingLearner, WeightedPart, tokens_of

STATE = "tinker.json"


class TinkerLearner(UpdatingLearner[list[list[float]]]):
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
        super().__init__(objective, weighting, optimisation or Optimisation(), gap_limit)
        self._trainer = trainer
        self._server = server
        self._steps = 0
        self._sampler: Sampler | None = None

    def sampler(self) -> Sampler:
        """Samples from the current weights; made once for each version of them."""
        if self._sampler is None:
            self._sampler = self._trainer.sampler()
        return self._sampler

    def _logprobs(self, part: WeightedPart) -> list[list[float]]:
        return self._trainer.logprobs([row.rollout for row, _ in part])

    def _step(self, part: WeightedPart, old: list[list[float]] | None) -> dict[str, float]:
        """As the base's; ``entropy`` is estimated by the mean of -log p over the sampled tokens."""
        now = self._logprobs(part)
        before = _flat(now if old is None else old)
        logprobs = _flat(now).requires_grad_()
        tokens = tokens_of(part, logprobs, -before, before)
        measured = dict(figures(tokens, self._objective))
        gap = measured["logprob_gap"] / measured["tokens"]
        self._check_gap(gap, "the server samples from stale weights, or at too low a precision")
        loss = policy_loss(tokens, self._objective)
        loss.backward()
        assert logprobs.grad is not None
        positions = [len(row.rollout.prompt_tokens) + len(row.rollout.tokens) - 1 for row, _ in part]
        coefficients = [
            (-gradient * factor).tolist()
            for gradient, factor in zip(
                logprobs.grad.split(list(tokens.lengths)), self._server.reduction(positions), strict=True
            )
        ]
        self._trainer.backward([row.rollout for row, _ in part], coefficients, now)
        self._steps += 1
        self._sampler = None
        reported = self._trainer.step(self._adam())
        if (norm := metric(reported, "grad_norm")) is not None:
            measured["grad_norm"] = norm * measured["tokens"]
        return measured | {"loss": float(loss.detach()) * measured["tokens"]}

    @property
    def _learning_rate(self) -> float:
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
