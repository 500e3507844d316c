import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from abzero.errors import RunError
from abzero.policy.models import loading, lora
from abzero.policy.models.export import export, model_card
from abzero.policy.optimisation import Optimisation
from abzero.types import Experience, Rollout
from tests.policy.conftest import local_policy

TEXT = torch.arange(2, 20)[None]


def logits(model) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(TEXT).logits


@pytest.mark.parametrize("shape", ["qwen2", "qwen3", "llama"])
def test_an_exported_model_loads_anywhere_with_the_same_logits(folders, tmp_path, shape):
    export(folders[shape], tmp_path / "out", "card")
    original, _ = loading.load(folders[shape], dtype=torch.float32, device="cpu")
    found = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert torch.equal(logits(found), logits(original))
    assert AutoTokenizer.from_pretrained(tmp_path / "out").encode("abc") == [2, 3, 4]
    assert (tmp_path / "out" / "README.md").read_text() == "card"
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "out").iterdir()} == {0o644}


@pytest.mark.parametrize("shape", ["qwen2", "llama"])
def test_a_trained_bf16_model_keeps_its_ties_its_type_and_its_logits(folders, tmp_path, shape):
    """The first shape's embeddings are its head, the other's are not."""
    fast = Optimisation(learning_rate=0.1)
    _, learner = local_policy(folders[shape], dtype=torch.bfloat16, optimisation=fast, gap_limit=9.0)
    learner.update([Experience(("solve", 0), "deduction", 0, Rollout([5], [6, 7], [-3.0, -3.0], "", "stop"), (), 1.0)])
    learner.save(tmp_path)
    export(tmp_path / "model", tmp_path / "out", "card")
    found = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    tied = found.get_output_embeddings().weight is found.get_input_embeddings().weight
    assert (tied, found.dtype) == (shape == "qwen2", torch.bfloat16)
    assert torch.equal(logits(found), logits(learner.model))
    base, _ = loading.load(folders[shape], dtype=torch.bfloat16, device="cpu")
    assert not torch.equal(logits(found), logits(base))


@pytest.mark.parametrize("shape", ["qwen2", "qwen3", "llama"])
def test_an_adapter_is_merged(folders, tmp_path, shape):
    folder = folders[shape]
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
    base, _ = loading.load(folder, dtype=torch.float32, device="cpu")
    assert float((logits(found) - logits(base)).abs().max()) > 0.1


@pytest.mark.parametrize(("size", "dtype"), [(5e-5, torch.float32), (0.3, torch.bfloat16)])
def test_an_adapter_that_bf16_would_round_away_is_exported_in_float32(folder, tmp_path, size, dtype):
    """Five steps at a learning rate of 1e-5, and a long run."""
    export(folder, tmp_path / "half", "card", dtype=torch.bfloat16)
    _, learner = local_policy(tmp_path / "half", dtype=torch.bfloat16, rank=4)
    with torch.no_grad():
        for name, parameter in learner.model.named_parameters():
            if ".lora_B" in name:
                parameter.normal_(std=size)
    learner.save(tmp_path)
    assert export(tmp_path / "model", tmp_path / "out", "card") == dtype
    found = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert found.dtype == dtype
    exact = dict(lora.plain_weights(learner.model))
    assert all(torch.equal(value, exact[name].to(dtype)) for name, value in found.state_dict().items())


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
    card = model_card("mine", "some/base", {"steps": "200"}, "ask it")
    assert "base_model: some/base" in card
    assert "| steps | 200 |" in card
