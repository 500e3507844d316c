"""Every recipe: read, planned without its model, and run for two steps on a small model of the same architecture."""

import json
import re
from contextlib import closing
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from abzero.cli.main import main
from abzero.config.config import Config
from abzero.config.load import parse
from abzero.config.recipe import BOX, read_recipe
from abzero.policy.local import plan
from abzero.policy.models.shapes import KNOWN
from abzero.run.journal import JournalReader
from abzero.tasks.prompts import Prompts

NAMES = sorted(path.stem for path in BOX.glob("*.toml") if path.stem != "tiny-cpu")
PARAMETERS = {
    "Qwen/Qwen2.5-7B": 7_615_616_512,
    "Qwen/Qwen2.5-Coder-7B": 7_615_616_512,
    "Qwen/Qwen2.5-Coder-14B": 14_770_033_664,
    "Qwen/Qwen2.5-Coder-3B": 3_085_938_688,
    "meta-llama/Llama-3.1-8B": 8_030_261_248,
    "HuggingFaceTB/SmolLM2-135M-Instruct": 134_515_008,
}
"""As published."""
SMALL = ("--steps=2", "--batch-size=2", "--sampling.max-tokens=12", "--optimizer.microbatch-tokens=2048")
SEEDS = [
    {"program": "def f(x):\n    return x[::-1]", "inputs": ["[1, 2]", "'ab'"]},
    {"program": "def f(n):\n    return n * n + 1", "inputs": ["3", "7"]},
    {"program": "def f(x):\n    return x + 1", "inputs": [str(n) for n in range(10)], "message": "one more"},
]


def read(name: str, *flags: str) -> Config:
    return parse([*read_recipe(BOX / f"{name}.toml"), *flags], "abzero train")


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
    """The recipe's own settings but for its size, and the entropy bonus, which alone has a gradient where all rewards
    of of a random model are equal; seeds, its own if it names some, give the solver something to solve.
    """
    seeds, run = tmp_path / "seeds.jsonl", tmp_path / "run"
    seeds.write_text("".join(json.dumps(row) + "\n" for row in SEEDS))
    config = read(name)
    flags = [
        f"--run={run}",
        *([] if config.seeds else [f"--seeds={seeds}"]),
        f"--model.name={small(config.model.name)}",
        "--model.device=cpu",
        "--model.threads=1",
        "--loss.entropy=0.001",
    ]
    assert main(["train", name, *flags, *SMALL]) == 0
    with closing(JournalReader(run / "run.db")) as reader:
        metrics = reader.metrics(2)
        assert len(reader.proposals(2)) == 6
        assert len(reader.attempts(2)) >= 5
    assert metrics["learner/grad_norm"] > 0
    assert metrics["learner/logprob_gap"] < 0.05
    saved = {path.name for path in (run / "checkpoints" / "step-000002" / "model").iterdir()}
    assert ("adapter_model.safetensors" if config.model.lora_rank else "model.safetensors") in saved


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("qwen2.5-3b-coder-lora-24gb", "--gib 22"),
        ("qwen2.5-7b-coder", "--gib 74.5 --processes 4"),
        ("qwen2.5-7b-coder", "--gib 74.5 --processes 2 --optimizer.eight-bit True"),
        ("qwen2.5-7b-coder", "--gib 131 --optimizer.eight-bit True"),
        ("qwen2.5-7b-coder", "--gib 37 --model.lora-rank 64"),
        ("qwen2.5-7b", "--gib 74.5 --processes 4"),
        ("qwen2.5-14b-coder", "--gib 74.5 --processes 8"),
        ("qwen2.5-14b-coder", "--gib 74.5 --processes 4 --optimizer.eight-bit True"),
        ("llama-3.1-8b", "--gib 74.5 --processes 4"),
        ("llama-3.1-8b", "--gib 131 --optimizer.eight-bit True"),
        ("reference", "--gib 74.5 --processes 4"),
    ],
)
def test_a_recipe_fits_the_cards_it_names(name, flags):
    assert main(["plan", name, *flags.split()]) == 0


def test_what_does_not_fit_is_told_with_what_would(capsys):
    assert main(["plan", "qwen2.5-7b-coder", "--gib", "44"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "--optimizer.eight-bit True" in said
    assert "shared by 6 processes" in said
    assert main(["plan", "qwen2.5-7b-coder", "--gib", "74.5"]) == 1
    assert "shared by 3 processes" in " ".join(capsys.readouterr().out.split())
    assert main(["plan", "qwen2.5-7b-coder", "--processes", "0"]) == 1


@pytest.mark.parametrize("gib", ["100", "44", "24"])
def test_the_flags_that_would_fit_can_be_pasted_as_they_are(gib, capsys):
    plan = ["plan", "qwen2.5-7b-coder", "--gib", gib]
    assert main(plan) == 1
    flags = re.search(r"it would with (.*?)(, or|$)", capsys.readouterr().out, re.MULTILINE)
    assert main([*plan, *flags[1].split()]) == 0


def test_a_server_s_memory_is_its_own_affair(tmp_path, capsys):
    recipe = tmp_path / "server.toml"
    model = '[model]\nname = "Qwen/Qwen2.5-Coder-7B"\nengine = "tinker"\n'
    recipe.write_text(f"{model}[loss]\nentropy = 0.0\n[optimizer]\nclip = 1e9\n")
    assert main(["plan", str(recipe)]) == 0
    assert "the Tinker server at http://127.0.0.1:8000 holds the model" in capsys.readouterr().out
