import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from abzero.errors import RunError
from abzero.policy import lora, models
from abzero.policy.export import export, model_card

from .conftest import local_policy

TEXT = torch.arange(2, 20)[None]


def logits(model) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(TEXT).logits


@pytest.mark.parametrize("shape", ["qwen2", "qwen3", "llama"])
def test_an_exported_model_loads_anywhere_with_the_same_logits(folders, tmp_path, shape):
    export(folders[shape], tmp_path / "out", "card")
    original, _ = models.load(folders[shape], dtype=torch.float32, device="cpu")
    found = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert torch.equal(logits(found), logits(original))
    assert AutoTokenizer.from_pretrained(tmp_path / "out").encode("abc") == [2, 3, 4]
    assert (tmp_path / "out" / "README.md").read_text() == "card"


def test_an_adapter_is_merged(folder, tmp_path):
    _, learner = local_policy(folder, rank=4)
    with torch.no_grad():
        for name, parameter in learner.model.named_parameters():
            if ".lora_" in name:
                parameter.normal_(std=0.1)
    learner.save(tmp_path)
    export(tmp_path / "model", tmp_path / "out", "card")
    found = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert not lora.present(found)
    torch.testing.assert_close(logits(found), logits(learner.model), rtol=0, atol=1e-4)
    base, _ = models.load(folder, dtype=torch.float32, device="cpu")
    assert float((logits(found) - logits(base)).abs().max()) > 0.1


def test_weights_keep_their_type_or_take_the_one_asked_for(folder, tmp_path):
    export(folder, tmp_path / "kept", "card")
    export(folder, tmp_path / "half", "card", dtype=torch.bfloat16)
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "kept").dtype == torch.float32
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "half").dtype == torch.bfloat16


def test_nothing_is_overwritten_and_nothing_is_left_behind(folder, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "precious").write_text("")
    with pytest.raises(RunError, match="not an empty folder"):
        export(folder, tmp_path / "out", "card")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    (tmp_path / "out" / "precious").unlink()
    export(folder, tmp_path / "out", "card")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_the_card_states_base_and_facts():
    card = model_card("mine", "some/base", {"steps": "200"})
    assert "base_model: some/base" in card
    assert "| steps | 200 |" in card
