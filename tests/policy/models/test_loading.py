import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from abzero.errors import ConfigError
from abzero.policy.models import loading
from tests.policy.conftest import edit


def load(folder: Path | str) -> object:
    return loading.load(folder, dtype=torch.float32, device="cpu")


@pytest.fixture
def damaged(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "model"))


@pytest.mark.parametrize("name", ["/no/such/folder", "./models/none", "a b", "one/two/three"])
def test_a_folder_that_does_not_exist_is_named(name):
    with pytest.raises(ConfigError, match="neither a folder that exists"):
        load(name)


def test_a_name_that_is_not_here_fails_at_once_when_offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ConfigError, match="HF_HUB_OFFLINE is set: put its files in a folder"):
        load("nobody-at-all/no-such-model")


def test_an_empty_folder_is_no_model(tmp_path):
    with pytest.raises(ConfigError, match=r"no config\.json"):
        load(tmp_path)


def test_a_model_without_a_tokenizer_is_refused(damaged):
    for path in damaged.glob("tokenizer*"):
        path.unlink()
    with pytest.raises(ConfigError, match="no tokenizer"):
        load(damaged)


def test_a_damaged_tokenizer_is_refused(damaged):
    (damaged / "tokenizer.json").write_text("{")
    with pytest.raises(ConfigError, match="no tokenizer"):
        load(damaged)


def test_a_model_without_weights_is_refused(damaged):
    (damaged / "model.safetensors").unlink()
    with pytest.raises(ConfigError, match="cannot be loaded"):
        load(damaged)


def test_damaged_weights_are_refused(damaged):
    (damaged / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{broken}")
    with pytest.raises(ConfigError, match="cannot be loaded"):
        load(damaged)


def test_weights_of_another_shape_are_refused(damaged):
    edit(damaged / "config.json", hidden_size=64)
    with pytest.raises(ConfigError, match="cannot be loaded"):
        load(damaged)


def test_missing_weights_are_refused(damaged):
    weights = load_file(damaged / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, damaged / "model.safetensors", {"format": "pt"})
    with pytest.raises(ConfigError, match=r"lacks 1 of its weights, 'model.layers.1.mlp.up_proj.weight'"):
        load(damaged)


def test_an_unknown_model_type_is_refused(damaged):
    edit(damaged / "config.json", model_type="unheard-of")
    with pytest.raises(ConfigError, match="unheard-of"):
        load(damaged)


def test_a_tokenizer_of_another_model_is_refused(damaged):
    weights = load_file(damaged / "model.safetensors")
    weights["model.embed_tokens.weight"] = weights["model.embed_tokens.weight"][:20].clone()
    save_file(weights, damaged / "model.safetensors", {"format": "pt"})
    edit(damaged / "config.json", vocab_size=20)
    with pytest.raises(ConfigError, match="not from the same model"):
        load(damaged)


def test_dropout_is_off(damaged):
    edit(damaged / "config.json", attention_dropout=0.5)
    model, _ = loading.load(damaged, dtype=torch.float32, device="cpu")
    model.train()
    text = torch.arange(2, 20)[None]
    with torch.no_grad():
        assert torch.equal(model(text).logits, model(text).logits)


def test_texts_beyond_the_model_s_positions_are_refused_before_anything_is_loaded(damaged):
    (damaged / "model.safetensors").unlink()
    loading.check_context(damaged, 412, 100)
    with pytest.raises(ConfigError, match=r"sampling.max-prompt-tokens 413 and .* make 513, but .* has 512 positions"):
        loading.check_context(damaged, 413, 100)
    edit(damaged / "config.json", rope_parameters={"rope_type": "yarn", "factor": 4.0, "rope_theta": 1e4})
    loading.check_context(damaged, 1948, 100)
    with pytest.raises(ConfigError, match="has 2048 positions"):
        loading.check_context(damaged, 1949, 100)


def test_an_adapter_is_encoded_and_ended_as_its_base(folder, tmp_path):
    for file in folder.glob("tokenizer*.json"):
        shutil.copy(file, tmp_path)
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(folder)}))
    ours, base = loading.codec(tmp_path), loading.codec(folder)
    assert (ours.ends, ours.encode("hello")) == (base.ends, base.encode("hello"))


def test_an_adapter_has_the_positions_of_its_base(folder, tmp_path):
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(folder)}))
    with pytest.raises(ConfigError, match="has 512 positions"):
        loading.check_context(tmp_path, 500, 100)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", b"[1]"),
        ("config.json", b'{"model_type": "qwen2", "hidden_size": "wide"}'),
        ("config.json", b'{"model_type": "qwen2", "num_attention_heads": 0}'),
        ("config.json", b'{"model_type": ["qwen2"]}'),
        ("config.json", b"\xff\xfe"),
        ("config.json", b"[" * 5000),
        ("generation_config.json", b'{"eos_token_id": "last"}'),
        ("tokenizer.json", b"[]"),
        ("tokenizer_config.json", b"[]"),
        ("tokenizer_config.json", b'{"eos_token": {"a": 1}}'),
        ("model.safetensors", b""),
        ("adapter_config.json", b"[]"),
    ],
)
def test_no_file_of_a_model_ends_in_a_traceback(damaged, file, content):
    """Each way of reading the folder does without the file, or says in one line what is wrong with which model."""
    (damaged / file).write_bytes(content)
    told = [refusal(read, damaged) for read in (load, loading.codec, loading.positions)]
    assert any(told)
    assert [line for line in told if line and (str(damaged) not in line or "\n" in line)] == []


def refusal(read: Callable[[Path], object], folder: Path) -> str:
    """What `read` says against the folder; '' if it reads it."""
    try:
        read(folder)
    except ConfigError as error:
        return str(error)
    return ""


def test_an_error_that_only_announces_the_next_line_is_told_with_it(damaged):
    edit(damaged / "config.json", hidden_size="wide")
    with pytest.raises(ConfigError, match=r"cannot be loaded: .*'hidden_size': TypeError: .* expected int"):
        load(damaged)
