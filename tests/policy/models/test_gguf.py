"""A GGUF file as others make them, small: byte tokens, a chat template, weights of eight bits or of 32."""

import importlib.util
from pathlib import Path

import numpy
import pytest
import torch
from tokenizers.pre_tokenizers import ByteLevel

from abzero.cli.main import main
from abzero.config.backends import local
from abzero.config.config import Config
from abzero.config.schema import Model
from abzero.errors import ConfigError
from abzero.policy.local.plan import shape
from abzero.policy.local.sharding import ALONE
from abzero.policy.models import loading

pytest.importorskip("gguf", reason="needs abzero[gguf]")

WIDTH, HIDDEN, LAYERS, HEADS = 64, 96, 2, 4
VOCABULARY = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *sorted(ByteLevel.alphabet()), "Ġa"]
TEMPLATE = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"


def write(path: Path, quantised: bool = True) -> Path:
    """A Llama of random weights with the tokenizer of a SmolLM2."""
    import gguf

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(256)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(VOCABULARY))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(VOCABULARY)
    writer.add_token_types([3] * 3 + [1] * (len(VOCABULARY) - 3))
    writer.add_token_merges(["Ġ a"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(TEMPLATE)
    draw = numpy.random.default_rng(3)

    def add(name: str, *size: int) -> None:
        values = draw.normal(0, 0.2, size).astype(numpy.float32)
        if len(size) == 1 or not quantised:
            writer.add_tensor(name, values + (len(size) == 1))
        else:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(name, gguf.quantize(values, kind), raw_dtype=kind)

    add("token_embd.weight", len(VOCABULARY), WIDTH)
    add("output_norm.weight", WIDTH)
    for layer in range(LAYERS):
        for name in ("attn_norm", "ffn_norm"):
            add(f"blk.{layer}.{name}.weight", WIDTH)
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            add(f"blk.{layer}.{name}.weight", WIDTH, WIDTH)
        for name in ("ffn_gate", "ffn_up"):
            add(f"blk.{layer}.{name}.weight", HIDDEN, WIDTH)
        add(f"blk.{layer}.ffn_down.weight", WIDTH, HIDDEN)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("gguf") / "small.Q8_0.gguf")


def logits(model: torch.nn.Module) -> torch.Tensor:
    with torch.no_grad():
        return model(torch.tensor([[5, 9, 40, 3, 77]])).logits


def test_weights_tokenizer_template_and_ends_come_out_of_the_file(file):
    model, codec = loading.load(file, dtype=torch.float32, device="cpu")
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    assert all(weight.requires_grad for weight in model.parameters())
    assert codec.ends == {2}
    assert codec.tokenizer.chat_template == TEMPLATE
    text = "def f(a):\n    return a + 'é'"
    assert codec.decode(codec.encode(text)) == text
    assert loading.positions(file) == 256
    assert loading.codec(file).ends == {2}
    assert shape(str(file)).parameters == model.num_parameters()


def test_nothing_is_drawn_into_a_pipe(file, capfd):
    loading.load(file, dtype=torch.float32, device="cpu")
    assert capfd.readouterr().err == ""


def test_a_model_from_quantised_weights_is_saved_and_loaded_like_any_other(file, tmp_path):
    """transformers refuses to save it as it comes."""
    model, codec = loading.load(file, dtype=torch.float32, device="cpu")
    model.save_pretrained(tmp_path)
    codec.tokenizer.save_pretrained(tmp_path)
    again, other = loading.load(tmp_path, dtype=None, device="cpu")
    assert torch.equal(logits(model), logits(again))
    assert (other.ends, other.tokenizer.chat_template) == (codec.ends, TEMPLATE)
    assert other.encode("b a\n") == codec.encode("b a\n")


def test_it_is_exported_as_a_folder_which_an_adapter_needs(file, tmp_path):
    config = Config(model=Model(name=str(file), lora_rank=4))
    with pytest.raises(ConfigError, match=r"abzero export .*small.Q8_0.gguf FOLDER"):
        local.learner(config, *loading.load(file, dtype=torch.float32, device="cpu"), ALONE)
    assert main(["export", str(file), str(tmp_path / "whole")]) == 0
    model, _ = loading.load(file, dtype=torch.float32, device="cpu")
    whole, codec = loading.load(tmp_path / "whole", dtype=torch.float32, device="cpu")
    assert torch.equal(logits(model), logits(whole))
    assert codec.ends == {2}


@pytest.mark.parametrize(("name", "said"), [("none.gguf", "does not exist"), ("broken.gguf", "no tokenizer that can")])
def test_a_file_that_is_none_is_one_clear_error(tmp_path, name, said):
    (tmp_path / "broken.gguf").write_bytes(b"GGUF or not")
    with pytest.raises(ConfigError, match=said):
        loading.load(tmp_path / name, dtype=None, device="cpu")


def test_without_the_package_the_error_says_what_to_install(file, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'abzero\[gguf\]'"):
        loading.load(file, dtype=None, device="cpu")
