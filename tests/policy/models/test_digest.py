"""Weights are known by the hashes of their files."""

import hashlib
import json

import pytest

from abzero.policy.models import digest


def model(folder, **files):
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_bytes(content)
    return folder


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"model_safetensors": b"1", "pytorch_bin": b"2", "tokenizer_json": b"3"}, "model.safetensors"),
        ({"pytorch_bin": b"1"}, "pytorch.bin"),
    ],
)
def test_the_files_that_are_loaded_are_hashed(tmp_path, files, name):
    assert digest.weights(str(model(tmp_path / "m", **files))) == {name: sha256(b"1")}


def test_an_adapter_is_hashed_with_its_base(tmp_path):
    base = model(tmp_path / "base", model_safetensors=b"1")
    adapter = model(tmp_path / "adapter", adapter_safetensors=b"2")
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(base)}))
    found = digest.weights(str(adapter))
    assert found == {"adapter.safetensors": sha256(b"2"), "base/model.safetensors": sha256(b"1")}
