import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import decoders
from transformers import PreTrainedTokenizerFast

from abzero.policy.local.report import Trait, traits, untrained
from tests.policy.conftest import tokenizer


def of(folder: Path) -> dict[str, Trait]:
    return {trait.what: trait for trait in traits(folder)}


SHAPES = ["qwen2", "qwen3", "llama"]


@pytest.fixture(params=SHAPES)
def tagged(request: pytest.FixtureRequest, folders: dict[str, Path], tmp_path: Path) -> Path:
    """A model with the think tag in place of its last character."""
    copied = Path(shutil.copytree(folders[request.param], tmp_path / "model"))
    text = (copied / "tokenizer.json").read_text()
    copied.joinpath("tokenizer.json").write_text(
        text.replace('"-": 47', '"<think>": 47').replace("<end>|", "<end>|<think>|")
    )
    return copied


@pytest.mark.parametrize("shape", SHAPES)
def test_a_plain_model_is_fine(folders, shape):
    found = of(folders[shape])
    assert found["model"].found.startswith(f"{shape}, ")
    assert found["think tag"].fine
    assert "plain text" in found["think tag"].found


def test_a_trained_think_token_is_fine_and_an_untrained_one_is_not(tagged):
    assert of(tagged)["think tag"] == Trait("think tag", "one trained token (47)")
    weights = load_file(tagged / "model.safetensors")
    weights["model.embed_tokens.weight"][47] *= 0.01
    save_file(weights, tagged / "model.safetensors", {"format": "pt"})
    assert not of(tagged)["think tag"].fine


def test_tokens_that_equal_the_spare_ones_are_untrained():
    embeddings = torch.randn(20, 8, generator=torch.Generator().manual_seed(0))
    embeddings[15:] = embeddings[3]
    assert untrained(embeddings, 3, 15)
    assert not untrained(embeddings, 4, 15)


def test_a_tokenizer_that_loses_spaces_is_reported(folder, tmp_path):
    copied = Path(shutil.copytree(folder, tmp_path / "model"))
    raw = tokenizer().backend_tokenizer
    raw.decoder = decoders.WordPiece()
    PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<end>", unk_token="?").save_pretrained(copied)
    assert not of(copied)["round trip"].fine
