"""Pretraining of the base model: a small Llama on documents drawn as they are needed, in one thread.

Weights are updated in float32 by Muon (matrices) and AdamW (the rest) and computed with in bfloat16. The same seed and
steps give the same weights on the same machine; nothing depends on time.
"""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from abzero.run.files import replace_text
from abzero.tiny import corpus, tokenizer
from abzero.tiny.corpus import Document, Lesson

MAX_POSITIONS = 1024
MUON_RATE, ADAM_RATE = 0.02, 2e-3
DECAY = 0.1
"""Weight decay, multiplied by the learning rate as in AdamW."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A lesson and how long it is read, in units that no machine changes."""

    lesson: Lesson
    steps: int
    peak: float = 1.0
    """Highest factor of the learning rates."""
    documents: int = 192
    """Documents in a step's batch."""
    micro: int = 32
    """Documents computed on at once, of similar length."""
    warmup: int = 100
    cooldown: float = 0.4
    """Share of the steps, at the end, over which the learning rate falls to zero."""

    def rate(self, step: int) -> float:
        """The learning rate's factor at `step`."""
        return self.peak * min(1.0, (step + 1) / self.warmup, (self.steps - step) / (self.cooldown * self.steps))


_LONGER = Lesson(copied=0.3, identities=0.08, lengths=(0.08, 0.12, 0.2, 0.22, 0.2, 0.18))
STAGES = (
    Stage(Lesson(), steps=700),
    Stage(Lesson(copied=0.3, identities=0.08), steps=300, peak=0.6, warmup=20, cooldown=0.5),
    Stage(_LONGER, steps=160, peak=0.5, warmup=15, cooldown=0.7),
    Stage(replace(_LONGER, redundant=False), steps=160, peak=0.5, warmup=15, cooldown=0.7),
    Stage(replace(_LONGER, redundant=False, direct=0.6), steps=120, peak=0.5, warmup=15, cooldown=0.7),
)
"""Plain programs; longer ones that are no harder; longer proposals; proposals in which every operation matters; answers
with the work and without it, of which self-play has to find out which to give."""


def untrained(vocabulary: int) -> LlamaForCausalLM:
    """The model before its first step: about 0.8 million parameters, heads of 32, plain attention (faster on a CPU)."""
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=128,
        intermediate_size=352,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=MAX_POSITIONS,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.WORDS.index(tokenizer.END),
        pad_token_id=tokenizer.WORDS.index(tokenizer.PAD),
    )
    model = LlamaForCausalLM(config)
    model.set_attn_implementation("eager")
    return model


def build(
    folder: Path,
    seed: int = 0,
    stages: Sequence[Stage] = STAGES,
    report: Callable[[int, float], None] = lambda step, loss: None,
) -> None:
    """Train a base model from nothing and write it into `folder` as a Hugging Face checkpoint.

    `report` is told the number of steps taken and the loss (nats per weighted token) after every step.
    """
    torch.manual_seed(seed)
    words = tokenizer.build()
    model = untrained(len(words))
    rng, taken = random.Random(seed), 0
    for stage in stages:
        trainer = Pretrainer(model)
        for step, batch in enumerate(batches(words, stage, rng)):
            loss = trainer.step(batch, stage.rate(step))
            taken += 1
            report(taken, loss)
    save(model, words, folder)


def save(model: LlamaForCausalLM, words: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write a Hugging Face checkpoint whose config asks for plain attention, which transformers would not write."""
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8")) | {"attn_implementation": "eager"}
    replace_text(path, json.dumps(config, indent=2, sort_keys=True) + "\n")


Batch = tuple[Tensor, Tensor]
"""Tokens (documents, positions), padded on the right, and the weight of predicting each of them."""


def batches(words: PreTrainedTokenizerFast, stage: Stage, rng: random.Random) -> Iterator[list[Batch]]:
    """One list of micro-batches a step: the step's documents sorted by length, so that little is padding."""
    for _ in range(stage.steps):
        documents = [corpus.draw(rng, stage.lesson) for _ in range(stage.documents)]
        rows = sorted(rows_of(documents, words), key=lambda row: len(row[0]))
        yield [_pad(rows[start : start + stage.micro]) for start in range(0, len(rows), stage.micro)]


TrainingRow = tuple[list[int], list[float]]


def rows_of(documents: Sequence[Document], words: PreTrainedTokenizerFast) -> list[TrainingRow]:
    """Tokens and weights of each document: the prompt, its opening think tag, the completion and the end."""
    prompts = words([f"{document.prompt}<think>" for document in documents])["input_ids"]
    completions = words([document.completion for document in documents])["input_ids"]
    return [
        (
            [*prompt, *completion, words.eos_token_id],
            [document.prompt_weight] * len(prompt) + [document.weight] * (len(completion) + 1),
        )
        for document, prompt, completion in zip(documents, prompts, completions, strict=True)
    ]


def _pad(rows: Sequence[TrainingRow]) -> Batch:
    longest = max(len(tokens) for tokens, _ in rows)
    tokens = torch.tensor([[*tokens, *[0] * (longest - len(tokens))] for tokens, _ in rows])
    return tokens, torch.tensor([[*weights, *[0.0] * (longest - len(weights))] for _, weights in rows])


class Pretrainer:
    """The float32 weights, their optimizers, and the bfloat16 model, in place, that computes the gradients."""

    def __init__(self, model: LlamaForCausalLM) -> None:
        self.masters = [parameter.detach().float().clone() for parameter in model.parameters()]
        self.model = model.to(torch.bfloat16)  # type: ignore[arg-type]
        names = [name for name, _ in model.named_parameters()]
        matrices = [m for name, m in zip(names, self.masters, strict=True) if m.ndim == 2 and "embed" not in name]
        others = [m for name, m in zip(names, self.masters, strict=True) if m.ndim != 2 or "embed" in name]
        self.optimizers: list[tuple[torch.optim.Optimizer, float]] = [
            (torch.optim.Muon(matrices, lr=MUON_RATE, weight_decay=DECAY), MUON_RATE),
            (torch.optim.AdamW(others, lr=ADAM_RATE, betas=(0.9, 0.98), weight_decay=0.0), ADAM_RATE),
        ]

    def step(self, batch: Sequence[Batch], rate: float) -> float:
        """One update on `batch`; returns the weighted mean loss in nats."""
        total = sum(float(weights[:, 1:].sum()) for _, weights in batch)
        loss = sum(self._backward(tokens, weights, total) for tokens, weights in batch)
        for master, parameter in zip(self.masters, self.model.parameters(), strict=True):
            assert parameter.grad is not None
            master.grad = parameter.grad.float()
            parameter.grad = None
        torch.nn.utils.clip_grad_norm_(self.masters, 1.0)
        for optimizer, peak in self.optimizers:
            optimizer.param_groups[0]["lr"] = peak * rate
            optimizer.step()
        with torch.no_grad():
            for master, parameter in zip(self.masters, self.model.parameters(), strict=True):
                parameter.copy_(master)
        return loss

    def _backward(self, tokens: Tensor, weights: Tensor, total: float) -> float:
        logits_BTV = self.model(input_ids=tokens[:, :-1], use_cache=False).logits
        losses_N = torch.nn.functional.cross_entropy(
            logits_BTV.float().flatten(0, 1), tokens[:, 1:].flatten(), reduction="none"
        )
        loss = (losses_N * weights[:, 1:].flatten()).sum() / total
        loss.backward()
        return float(loss.detach())
