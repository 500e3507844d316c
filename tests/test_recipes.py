"""Every recipe: read, planned without its model, and run for two steps on a small model of the same architecture."""

import json
from contextlib import closing
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from abzero import engines
from abzero.cli import main
from abzero.commands import RECIPES
from abzero.config import Config
from abzero.flags import parse, read_recipe
from abzero.journal import Archive
from abzero.policy import plan
from abzero.policy.known import KNOWN
from abzero.prompts import Prompts

NAMES = sorted(path.stem for path in RECIPES.glob("*.toml") if path.stem != "tiny-cpu")
GB = 10**9
PARAMETERS = {
    "Qwen/Qwen2.5-7B": 7_615_616_512,
    "Qwen/Qwen2.5-Coder-7B": 7_615_616_512,
    "Qwen/Qwen2.5-Coder-14B": 14_770_033_664,
    "Qwen/Qwen2.5-Coder-3B": 3_085_938_688,
    "meta-llama/Llama-3.1-8B": 8_030_261_248,
}
"""As published."""
SMALL = ("--steps=2", "--batch-size=2", "--sampling.max-tokens=12", "--optimizer.microbatch-tokens=2048")
SEEDS = [
    {"program": "def f(x):\n    return x[::-1]", "inputs": ["[1, 2]", "'ab'"]},
    {"program": "def f(n):\n    return n * n + 1", "inputs": ["3", "7"]},
    {"program": "def f(x):\n    return x + 1", "inputs": [str(n) for n in range(10)], "message": "one more"},
]


def read(name: str, *flags: str) -> Config:
    return parse([*read_recipe(RECIPES / f"{name}.toml"), *flags], "abzero train")


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level tokenizer that has seen the prompts, with an end token and no pad token."""
    raw = Tokenizer(BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = BpeTrainer(vocab_size=800, special_tokens=["<end>"], initial_alphabet=alphabet, show_progress=False)
    raw.train_from_iterator([template.template for template in Prompts("paper")._templates.values()], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<end>")


@pytest.fixture
def small(tokenizer: PreTrainedTokenizerFast, tmp_path: Path):
    """Makes the folder of a random model of the architecture that a recipe names: its ratios, its ties, two layers."""

    def make(name: str) -> Path:
        kind, numbers = KNOWN[name]
        heads = numbers["num_attention_heads"] // numbers["num_key_value_heads"]
        sizes = {
            "hidden_size": 8 * heads,
            "intermediate_size": 32,
            "num_hidden_layers": 2,
            "max_position_embeddings": 8192,
        }
        sizes |= {"num_attention_heads": heads, "num_key_value_heads": 1, "vocab_size": len(tokenizer)}
        ends = {"bos_token_id": None, "eos_token_id": 0, "pad_token_id": None}
        config = AutoConfig.for_model(kind, **dict(numbers) | sizes | ends)
        torch.manual_seed(0)
        AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "model")
        tokenizer.save_pretrained(tmp_path / "model")
        return tmp_path / "model"

    return make


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_shape_has_the_published_number_of_weights(name):
    assert plan.shape(name).parameters == PARAMETERS[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_is_planned_without_its_model(name, capsys):
    assert main(["plan", name]) in (0, 1)
    assert f"{PARAMETERS[read(name).model.name]:,}" in capsys.readouterr().out


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_trains_a_small_model_of_its_shape(name, small, tmp_path):
    """The recipe's own settings but for its size; the seeds give the solver something to solve."""
    seeds, run = tmp_path / "seeds.jsonl", tmp_path / "run"
    seeds.write_text("".join(json.dumps(row) + "\n" for row in SEEDS))
    config = read(name)
    flags = [f"--run={run}", f"--seeds={seeds}", f"--model.name={small(config.model.name)}", "--model.device=cpu", "--model.threads=1"]
    assert main(["train", name, *flags, *SMALL]) == 0
    with closing(Archive(run / "run.db")) as archive:
        metrics = archive.metrics(2)
        assert len(archive.proposals(2)) == 6
        assert len(archive.attempts(2)) >= 5
    assert metrics["learner/grad_norm"] > 0
    assert metrics["learner/logprob_gap"] < 0.05
    saved = {path.name for path in (run / "checkpoints" / "step-000002" / "model").iterdir()}
    assert ("adapter_model.safetensors" if config.model.lora_rank else "model.safetensors") in saved


def test_the_small_recipe_fits_24_gb():
    config = read("qwen2.5-3b-coder-lora-24gb", "--model.device=cpu")
    setup = engines.memory_setup(config)
    assert plan.memory(plan.shape(config.model.name), setup)["peak"] < 0.8 * 24 * GB
