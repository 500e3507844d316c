"""The local learner: policy-gradient steps on a transformers model, in this process or shared by several."""

import copy
import errno
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from transformers import PreTrainedModel

from abzero.algo.losses import Objective, Tokens, Weighting, figures, policy_loss, sequence_weights
from abzero.errors import BackendError, RunError
from abzero.policy.local.batching import micro_batches
from abzero.policy.local.optimizer import Adam, MasterOptimizer, adam
from abzero.policy.local.optimizer import Optimisation as Optimisation
from abzero.policy.local.scorer import Scorer, check_head, check_router
from abzero.policy.local.sharding import ALONE, GatheredModel, World
from abzero.policy.models import lora
from abzero.policy.models.tokenizer import Codec
from abzero.types import Experience


class LocalLearner:
    """Owns `model` and its AdamW state. One update is `minibatches` optimizer steps on disjoint parts of the batch."""

    def __init__(
        self,
        model: PreTrainedModel,
        codec: Codec,
        *,
        objective: Objective | None = None,
        weighting: Weighting = sequence_weights,
        optimisation: Optimisation | None = None,
        adam: Adam = adam,
        temperature: float = 1.0,
        micro_batch_tokens: int = 16_384,
        checkpointing: bool = False,
        gap_limit: float = 0.5,
        head: torch.dtype | None = None,
        world: World = ALONE,
    ) -> None:
        """`micro_batch_tokens` bounds the padded tokens of one forward pass; `checkpointing` trades time for memory.

        `gap_limit` bounds the mean absolute difference between sampler's and learner's log-probabilities of a batch.
        Logits are computed in `head`, or else in the model's type. All processes of a `world` make the same learner and
        call it alike; each then holds a slice of it.
        """
        check_router(model)
        check_head(model)
        self.model = model
        self._codec = codec
        self._objective = objective or Objective()
        self._weighting = weighting
        optimisation = optimisation or Optimisation()
        self._minibatches, self._skips = optimisation.minibatches, optimisation.skips
        self._temperature = temperature
        self._head = head
        self._budget = micro_batch_tokens
        self._gap_limit = gap_limit
        self._version = 0
        self._world = world
        self._whole = GatheredModel(model, world)
        own_copy = self._objective.kl and not lora.present(model)
        reference = copy.deepcopy(model).requires_grad_(False) if own_copy else None
        if checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        self._scorer = self._sharded(model)
        self._reference = None if reference is None else self._sharded(reference)
        self._optimizer = MasterOptimizer(model.named_parameters(), optimisation, adam, world)

    def _sharded(self, model: PreTrainedModel) -> Scorer:
        scorer = Scorer(model, self._temperature, self._head)
        self._world.shard(scorer, model)
        return scorer

    def whole(self) -> PreTrainedModel:
        """The model with all its weights, to sample from: the one being trained, or a copy where that is sharded.

        All processes must ask at once.
        """
        return self._whole.get()

    @property
    def version(self) -> int:
        return self._version

    def update(self, batch: Sequence[Experience]) -> Mapping[str, float]:
        """Means over the tokens of rows that have a gradient, and the largest sampler-learner gap in log-probability.

        A row of advantage 0 has none, unless there is an entropy bonus or a KL penalty. Optimizer steps whose gradient
        is not finite are counted as ``skipped``, and in nothing else. Raises `BackendError`, with the weights of the
        last good step, where there were too many, or sampler and learner disagree beyond the limit.
        """
        rows = [row for row in batch if row.rollout.tokens]
        if not rows:
            return {}
        self.model.train()
        self._whole.let_go()
        parts = [self._moving(rows[start :: self._minibatches]) for start in range(self._minibatches)]
        parts = [part for part in parts if part]
        if not parts:
            return {}
        before = [None, *(self._logprobs(self._scorer, [row for row, _ in part]) for part in parts[1:])]
        sums: Counter[str] = Counter()
        largest, skipped = 0.0, 0
        for part, old in zip(parts, before, strict=True):
            measured = self._accumulate(part, old)
            norm = self._step(measured["logprob_gap"] / measured["tokens"])
            if norm is None:
                skipped += 1
                continue
            largest = max(largest, measured.pop("logprob_gap_max"))
            measured["grad_norm"] = norm * measured["tokens"]
            sums.update(measured)
        self._version += 1
        counted = {"skipped": float(skipped)} if self._skips else {}
        if not sums:
            return counted
        tokens = sums.pop("tokens")
        means = {name: value / tokens for name, value in sums.items()}
        return (
            means
            | counted
            | {"tokens": tokens, "logprob_gap_max": largest, "learning_rate": self._optimizer.learning_rate}
        )

    def _moving(self, rows: Sequence[Experience]) -> list[tuple[Experience, float]]:
        """The rows of one optimizer step that have a gradient, each with its tokens' weight among all of `rows`."""
        weighted = zip(rows, self._weighting(rows), strict=True)
        everyone = bool(self._objective.entropy or self._objective.kl)
        return [(row, weight) for row, weight in weighted if weight and (everyone or row.advantage)]

    def _accumulate(
        self, part: Sequence[tuple[Experience, float]], old: Mapping[int, Tensor] | None
    ) -> dict[str, float]:
        """Add the gradient of one optimizer step, micro-batch by micro-batch; return sums over its tokens.

        Each process takes its part of the micro-batches. Gradients are averaged over processes, so losses count as
        often as there are processes; one that has no micro-batch left goes through the motions for the others.
        """
        rows, weights = zip(*part, strict=True)
        references = self._reference_logprobs(rows)
        sums: Counter[str] = Counter()
        loss_sum = largest = 0.0
        for indices in self._micro_batches(rows):
            some = [rows[index] for index in indices]
            logprobs, entropy = self._forward(self._scorer, some)
            if not indices:
                logprobs.sum().backward()
                continue
            tokens = Tokens(
                logprobs=logprobs,
                entropy=entropy,
                old=logprobs.detach() if old is None else torch.cat([old[index] for index in indices]),
                sampled=_flat([row.rollout.logprobs for row in some], logprobs),
                advantages=_flat([[row.advantage] * len(row.rollout.tokens) for row in some], logprobs),
                weights=_flat([[weights[index]] * len(rows[index].rollout.tokens) for index in indices], logprobs),
                reference=torch.cat([references[index] for index in indices]) if references else None,
                lengths=[len(row.rollout.tokens) for row in some],
            )
            loss = policy_loss(tokens, self._objective)
            (loss * self._world.size).backward()
            measured = dict(figures(tokens, self._objective))
            largest = max(largest, measured.pop("logprob_gap_max"))
            sums.update(measured)
            loss_sum += float(loss.detach())
        total: Counter[str] = Counter()
        shares = self._world.share((sums, loss_sum, largest))
        for share, _, _ in shares:
            total.update(share)
        loss_sum, largest = sum(loss for _, loss, _ in shares), max(gap for _, _, gap in shares)
        return dict(total) | {"loss": loss_sum * total["tokens"], "logprob_gap_max": largest}

    def _step(self, gap: float) -> float | None:
        """Take an optimizer step unless the `gap` speaks against it; returns the gradient's norm, None if skipped."""
        if not math.isfinite(gap):
            self._optimizer.skip("log-probabilities are not finite, the sampler's or the learner's")
            return None
        if gap > self._gap_limit:
            self._optimizer.zero_grad()
            raise BackendError(
                f"sampler and learner disagree by {gap:.3f} nats per token on average, above the limit of "
                f"{self._gap_limit}: the sampler's weights are stale, or its precision is too low"
            )
        return self._optimizer.step()

    @torch.no_grad()
    def _logprobs(self, scorer: Scorer, rows: Sequence[Experience]) -> dict[int, Tensor]:
        """Of the response tokens of this process' rows, by the row's place among all."""
        found: dict[int, Tensor] = {}
        for indices in self._micro_batches(rows):
            part = [rows[index] for index in indices]
            logprobs, _ = self._forward(scorer, part)
            found |= zip(indices, logprobs.split([len(row.rollout.tokens) for row in part]), strict=True)
        return found

    def _reference_logprobs(self, rows: Sequence[Experience]) -> dict[int, Tensor] | None:
        """Under the initial weights: a frozen copy of them, or the model without its adapter."""
        if not self._objective.kl:
            return None
        if self._reference is not None:
            return self._logprobs(self._reference, rows)
        with lora.disabled(self.model):
            return self._logprobs(self._scorer, rows)

    def _micro_batches(self, rows: Sequence[Experience]) -> list[list[int]]:
        """This process' micro-batches; as many as every other's, if need be empty."""
        lengths = [len(row.rollout.prompt_tokens) + len(row.rollout.tokens) for row in rows]
        return [group or [] for group in self._world.rounds(micro_batches(lengths, self._budget))]

    def _forward(self, scorer: Scorer, rows: Sequence[Experience]) -> tuple[Tensor, Tensor]:
        """Log-probabilities and entropies of the rows' response tokens, end to end.

        Rows are padded on the right, where a causal model cannot see, so that no mask is needed.
        """
        texts = [[*row.rollout.prompt_tokens, *row.rollout.tokens] for row in rows]
        width = max(map(len, texts), default=1)
        device = self.model.device
        tokens_BT = torch.tensor([text + [0] * (width - len(text)) for text in texts] or [[0]], device=device)
        places = [
            number * width + place
            for number, row in enumerate(rows)
            for place in range(len(row.rollout.prompt_tokens), len(texts[number]))
        ]
        logprobs_N, entropy_N = scorer(tokens_BT, torch.tensor(places, dtype=torch.long, device=device))
        return logprobs_N, entropy_N

    def save(self, folder: Path) -> None:
        """In one format, whatever the number of processes; all must call, and the leading one writes."""
        model, state = self.whole(), self._optimizer.state()
        if not self._world.leads:
            return
        try:
            model.save_pretrained(folder / "model")
            self._codec.tokenizer.save_pretrained(folder / "model")
            save_file(state, folder / "optimizer.safetensors")
        except SafetensorError as error:
            raise OSError(errno.EIO, str(error)) from error
        (folder / "learner.json").write_text(
            json.dumps({"version": self._version, "steps": self._optimizer.steps, "skipped": self._optimizer.skipped})
        )

    def load(self, folder: Path) -> None:
        model = self.whole()
        try:
            self._load_weights(model, folder / "model")
            counts = json.loads((folder / "learner.json").read_text())
            with safe_open(folder / "optimizer.safetensors", framework="pt") as file:
                skipped = int(counts.get("skipped", 0))
                self._optimizer.restore(file.keys(), file.get_tensor, int(counts["steps"]), skipped)
            self._version = int(counts["version"])
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise RunError(f"{folder} does not hold this model's checkpoint: {error}") from error

    def _load_weights(self, model: PreTrainedModel, folder: Path) -> None:
        if lora.present(model):
            lora.load(model, folder)
        else:
            saved = type(model).from_pretrained(folder, dtype=model.dtype)
            model.load_state_dict(saved.state_dict())
        self._whole.spread()


def _flat(rows: Sequence[Sequence[float]], like: Tensor) -> Tensor:
    return torch.tensor([value for row in rows for value in row], dtype=like.dtype, device=like.device)
