"""The local learner: policy-gradient steps on a transformers model, in this process or shared by several."""

import copy
import errno
import json
import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from transformers import PreTrainedModel

from abzero.algo.losses import Objective, Weighting, figures, policy_loss, sequence_weights
from abzero.errors import BackendError, RunError
from abzero.policy.local import shared_prefix
from abzero.policy.local.batching import micro_batches, shared_micro_batches
from abzero.policy.local.optimizer import AdamFactory, MasterOptimizer, adam
from abzero.policy.local.scorer import Scorer, check_head, check_router
from abzero.policy.local.sharding import ALONE, GatheredModel, World
from abzero.policy.local.shared_prefix import PromptAndReply, pack
from abzero.policy.models import lora
from abzero.policy.models.tokenizer import Codec
from abzero.policy.optimisation import Optimisation
from abzero.policy.update import UpdatingLearner, WeightedPart, surprise, tokens_of


class LocalLearner(UpdatingLearner[Mapping[int, Tensor]]):
    """Owns `model` and its AdamW state. One update is `minibatches` optimizer steps on disjoint parts of the batch."""

    def __init__(
        self,
        model: PreTrainedModel,
        codec: Codec,
        *,
        objective: Objective | None = None,
        weighting: Weighting = sequence_weights,
        optimisation: Optimisation | None = None,
        adam: AdamFactory = adam,
        temperature: float = 1.0,
        micro_batch_tokens: int = 16_384,
        checkpointing: bool = False,
        gap_limit: float = 0.5,
        head: torch.dtype | None = None,
        share_prompts: bool = True,
        world: World = ALONE,
    ) -> None:
        """`micro_batch_tokens` bounds the padded tokens of one forward pass; `checkpointing` trades time for memory.

        `gap_limit` bounds the mean absolute difference between sampler's and learner's log-probabilities of a batch.
        Logits are computed in `head`, or else in the model's type. `share_prompts` computes the prompt of several rows
        once where the model allows it (`shared_prefix`). All processes of a `world` make the same learner and
        call it alike; each then holds a slice of it.
        """
        optimisation = optimisation or Optimisation()
        super().__init__(objective or Objective(), weighting, optimisation, gap_limit)
        check_router(model)
        check_head(model)
        shares = share_prompts and shared_prefix.enable(model)
        self.model = model
        self._codec = codec
        self._temperature = temperature
        self._head = head
        self._budget = micro_batch_tokens
        self._world = world
        self._whole = GatheredModel(model, world)
        own_copy = self._objective.kl and not lora.present(model)
        reference = copy.deepcopy(model).requires_grad_(False) if own_copy else None
        if checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        self._scorer = self._sharded(model, shares)
        self._reference = None if reference is None else self._sharded(reference, shares)
        self._optimizer = MasterOptimizer(model.named_parameters(), optimisation, adam, world)

    def _sharded(self, model: PreTrainedModel, shares: bool) -> Scorer:
        scorer = Scorer(model, self._temperature, self._head, shares)
        self._world.shard(scorer, model)
        return scorer

    @property
    def shares_prompts(self) -> bool:
        """Whether the prompt of several rows is computed once for all of them."""
        return self._scorer.shares

    def whole(self) -> PreTrainedModel:
        """The model with all its weights, to sample from: the one being trained, or a copy where that is sharded.

        All processes must ask at once.
        """
        return self._whole.get()

    def _begin(self) -> None:
        self.model.train()
        self._whole.let_go()

    @property
    def _learning_rate(self) -> float:
        return self._optimizer.learning_rate

    def _step(self, part: WeightedPart, old: Mapping[int, Tensor] | None) -> dict[str, float] | None:
        measured = self._accumulate(part, old)
        gap = measured["logprob_gap"] / measured["tokens"]
        if not math.isfinite(gap):
            self._optimizer.skip("log-probabilities are not finite, the sampler's or the learner's")
            return None
        try:
            self._check_gap(
                gap,
                "the sampler's weights are stale, or its precision is too low: try a wider one, "
                "abzero resume RUN --model.sampler-dtype float32",
            )
        except BackendError:
            self._optimizer.zero_grad()
            raise
        norm = self._optimizer.step()
        return None if norm is None else measured | {"grad_norm": norm * measured["tokens"]}

    def _accumulate(self, part: WeightedPart, old: Mapping[int, Tensor] | None) -> dict[str, float]:
        """Add the gradient of one optimizer step, micro-batch by micro-batch; return sums over its tokens.

        Each process takes its part of the micro-batches. Gradients are averaged over processes, so losses count as
        often as there are processes; one that has no micro-batch left goes through the motions for the others.
        """
        references = self._reference_logprobs(part)
        sums: Counter[str] = Counter()
        loss_sum = largest = 0.0
        for indices in self._micro_batches(part):
            some = [part[index] for index in indices]
            logprobs, entropy = self._forward(self._scorer, some)
            if not indices:
                logprobs.sum().backward()
                continue
            before, reference = (
                torch.cat([found[index] for index in indices]) if found else None for found in (old, references)
            )
            tokens = tokens_of(some, logprobs, entropy, before, reference)
            loss = policy_loss(tokens, self._objective)
            (loss * self._world.size).backward()
            measured = dict(figures(tokens, self._objective))
            largest = max(largest, measured.pop("logprob_gap_max"))
            sums.update(measured)
            sums.update(surprise(some, reference) if reference is not None else {})
            loss_sum += float(loss.detach())
        total: Counter[str] = Counter()
        shares = self._world.share((sums, loss_sum, largest))
        for share, _, _ in shares:
            total.update(share)
        loss_sum, largest = sum(loss for _, loss, _ in shares), max(gap for _, _, gap in shares)
        return dict(total) | {"loss": loss_sum * total["tokens"], "logprob_gap_max": largest}

    def _logprobs(self, part: WeightedPart) -> dict[int, Tensor]:
        return self._logprobs_under(self._scorer, part)

    @torch.no_grad()
    def _logprobs_under(self, scorer: Scorer, part: WeightedPart) -> dict[int, Tensor]:
        """Of the response tokens of this process' rows, by the row's place among all."""
        found: dict[int, Tensor] = {}
        for indices in self._micro_batches(part):
            some = [part[index] for index in indices]
            logprobs, _ = self._forward(scorer, some)
            found |= zip(indices, logprobs.split([len(row.rollout.tokens) for row, _ in some]), strict=True)
        return found

    def _reference_logprobs(self, part: WeightedPart) -> dict[int, Tensor] | None:
        """Under the initial weights: a frozen copy of them, or the model without its adapter."""
        if not self._objective.kl:
            return None
        if self._reference is not None:
            return self._logprobs_under(self._reference, part)
        with lora.disabled(self.model):
            return self._logprobs_under(self._scorer, part)

    def _micro_batches(self, part: WeightedPart) -> list[list[int]]:
        """This process' micro-batches; as many as every other's, if need be empty."""
        texts = _texts(part)
        if self._scorer.shares:
            groups = shared_micro_batches(texts, self._budget)
        else:
            groups = micro_batches([len(prompt) + len(response) for prompt, response in texts], self._budget)
        return [group or [] for group in self._world.rounds(groups)]

    def _forward(self, scorer: Scorer, part: WeightedPart) -> tuple[Tensor, Tensor]:
        """Log-probabilities and entropies of the rows' response tokens, end to end.

        Rows of one prompt are packed where the model takes that. Others are padded on the right, where a causal model
        cannot see, so that no mask is needed.
        """
        pairs, device = _texts(part), self.model.device
        if scorer.shares and len({tuple(prompt) for prompt, _ in pairs}) < len(pairs):
            return scorer(*pack(pairs, device))  # type: ignore[no-any-return]
        texts = [[*prompt, *response] for prompt, response in pairs]
        width = max(map(len, texts), default=1)
        tokens_BT = torch.tensor([text + [0] * (width - len(text)) for text in texts] or [[0]], device=device)
        places = [
            number * width + place
            for number, (prompt, _) in enumerate(pairs)
            for place in range(len(prompt), len(texts[number]))
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


def _texts(part: WeightedPart) -> list[PromptAndReply]:
    return [(row.rollout.prompt_tokens, row.rollout.tokens) for row, _ in part]
