import random
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from abzero.tiny import pretrain, tokenizer
from abzero.tiny.corpus import Document, Lesson
from abzero.tiny.pretrain import Stage

BRIEF = (Stage(Lesson(), 2, documents=8, micro=4, warmup=1), Stage(Lesson(copied=1.0), 1, documents=8, micro=4))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    pretrain.build(folder, 0, BRIEF)
    return folder


def test_a_checkpoint_is_one_that_transformers_loads(built: Path):
    words = AutoTokenizer.from_pretrained(built)
    model = AutoModelForCausalLM.from_pretrained(built)
    assert model.config.eos_token_id == words.eos_token_id
    assert model.config.vocab_size == len(words)
    assert model.config._attn_implementation == "eager"
    assert model.generation_config.eos_token_id == words.eos_token_id
    assert sum(parameter.numel() for parameter in model.parameters()) < 3_000_000
    assert (built / "model.safetensors").stat().st_size < 6_000_000


def test_the_same_seed_builds_the_same_weights_and_another_seed_others(built: Path, tmp_path: Path):
    pretrain.build(tmp_path / "again", 0, BRIEF)
    pretrain.build(tmp_path / "other", 1, BRIEF)
    weights = (built / "model.safetensors").read_bytes()
    assert (tmp_path / "again" / "model.safetensors").read_bytes() == weights
    assert (tmp_path / "other" / "model.safetensors").read_bytes() != weights


def test_training_lowers_the_loss(tmp_path: Path):
    losses = []
    stages = [Stage(Lesson(), 20, documents=16, micro=8, warmup=5)]
    pretrain.build(tmp_path, 0, stages, lambda step, loss: losses.append(loss))
    assert losses[-1] < losses[0] - 0.2


def test_the_rate_rises_stays_and_falls_to_nothing():
    stage = Stage(Lesson(), steps=100, peak=2.0, warmup=10, cooldown=0.5)
    assert [stage.rate(step) for step in (0, 4, 9, 49, 75, 99)] == pytest.approx([0.2, 1.0, 2.0, 2.0, 1.0, 0.04])


def test_a_row_is_prompt_completion_and_end_with_their_weights():
    words = tokenizer.build()
    [(tokens, weights)] = pretrain.rows_of([Document("<deduce>", "</think><answer>", 0.1, 0.7)], words)
    assert words.decode(tokens) == f"<deduce><think></think><answer>{tokenizer.END}"
    assert weights == [0.1, 0.1, 0.7, 0.7, 0.7]


def test_every_document_of_a_step_is_in_one_of_its_micro_batches():
    words = tokenizer.build()
    [batch] = pretrain.batches(words, Stage(Lesson(), 1, documents=10, micro=4), random.Random(0))
    assert [len(tokens) for tokens, _ in batch] == [4, 4, 2]
    assert all(tokens.shape == weights.shape for tokens, weights in batch)


def test_micro_batches_change_the_memory_and_not_the_gradient():
    words = tokenizer.build()
    gradients = []
    for micro in (4, 8):
        torch.manual_seed(0)
        [batch] = pretrain.batches(words, Stage(Lesson(), 1, documents=8, micro=micro), random.Random(0))
        trainer = pretrain.Pretrainer(pretrain.untrained(len(words)))
        trainer.step(batch, 0.0)
        gradients.append(torch.cat([master.grad.flatten() for master in trainer.masters if master.grad is not None]))
    assert torch.nn.functional.cosine_similarity(*gradients, dim=0) > 0.99
