import shutil
from pathlib import Path

import pytest
import torch
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from abzero.errors import ConfigError
from abzero.policy.models import loading
from abzero.policy.models.tokenizer import Codec
from tests.policy.conftest import ALPHABET, END, edit, tokenizer


@pytest.fixture(params=["qwen2", "qwen3", "llama"])
def copied(request: pytest.FixtureRequest, folders: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(folders[request.param], tmp_path / "model"))


def codec(folder: Path) -> Codec:
    return loading.load(folder, dtype=torch.float32, device="cpu")[1]


def test_text_survives_the_way_there_and_back(folder):
    found = codec(folder)
    assert found.decode(found.encode(ALPHABET)) == ALPHABET


def test_special_tokens_stay_visible_and_spaces_as_they_are(folder):
    found = codec(folder)
    assert found.decode(found.encode(f"a , b {END} .")) == f"a , b {END} ."


@pytest.mark.parametrize("prompt", ["\ud800", "a\udfffb", "\0", "é" * 3])
def test_any_string_can_be_a_prompt(folder, prompt):
    assert len(codec(folder).encode(prompt)) == len(prompt)


def test_an_empty_prompt_is_one_token(folder):
    assert codec(folder).encode("") == [0]


def test_tokens_beyond_the_tokenizer_decode_to_nothing(folder):
    found = codec(folder)
    assert found.decode([*found.encode("ab"), 10_000]) == "ab"


def test_end_tokens_come_from_every_file_that_names_one(copied):
    edit(copied / "config.json", eos_token_id=5)
    edit(copied / "generation_config.json", eos_token_id=[6, 7])
    assert codec(copied).ends == {0, 5, 6, 7}


def test_a_model_without_an_end_token_is_refused(copied):
    edit(copied / "config.json", eos_token_id=None)
    edit(copied / "generation_config.json", eos_token_id=None)
    edit(copied / "tokenizer_config.json", eos_token=None)
    with pytest.raises(ConfigError, match="no end-of-sequence token"):
        codec(copied)


def test_the_start_token_is_kept_and_an_added_end_token_is_not(copied):
    raw = tokenizer().backend_tokenizer
    raw.post_processor = TemplateProcessing(single=f"? $A {END}", special_tokens=[("?", 1), (END, 0)])
    PreTrainedTokenizerFast(tokenizer_object=raw, eos_token=END, unk_token="?").save_pretrained(copied)
    assert codec(copied).encode("ab") == [1, 2, 3]
    assert codec(copied).encode("") == [1]
