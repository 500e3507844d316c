"""What is exported from a run of the model in the box, and measured."""

import json

import pytest
from transformers import AutoTokenizer

from abzero.cli.main import main
from abzero.cli.recipes import measured
from abzero.cli.train import naming
from abzero.config import backends
from abzero.errors import BackendError
from abzero.policy.models import export
from abzero.run.directory import RunFolder


@pytest.fixture(scope="module", params=[0, 2], ids=["whole weights", "adapter"])
def exported(request, tmp_path_factory):
    """A run of one small step, and its export."""
    if request.param:
        pytest.importorskip("peft", reason="the extra [lora] is not installed")
    folder = tmp_path_factory.mktemp("exported")
    few = ["--steps=1", "--batch-size=2", "--seeding.batches=0", "--model.threads=1", "--solve.attempts=1"]
    few += [f"--model.lora-rank={request.param}"]
    assert main(["train", "tiny-cpu", f"--run={folder / 'run'}", *few]) == 0
    assert main(["export", str(folder / "run"), str(folder / "out")]) == 0
    return folder


def test_a_plain_user_of_the_export_sends_what_training_sent(exported):
    config, checkpoint = measured(str(exported / "run"))
    prompts, codec, config = backends.conversation(config, checkpoint)
    assert config.model.chat == "plain"
    sent = AutoTokenizer.from_pretrained(exported / "out").apply_chat_template(
        [{"role": "user", "content": "<deduce><program>"}], add_generation_prompt=True, return_dict=False
    )
    trained = prompts.frame("<deduce><program>")
    assert sent == codec.tokenizer.encode(trained, add_special_tokens=False)
    card = (exported / "out" / "README.md").read_text()
    assert "| steps | 1 |" in card
    assert "What is 6 * 7?<think>\n```" in card


def test_what_descends_from_the_model_in_the_box_is_measured_with_its_settings(exported):
    told: list[str] = []
    config, _ = measured(str(exported / "out"), tell=told.append)
    assert (config.tasks.prompts, config.sampling.max_tokens) == ("compact", measured("tiny")[0].sampling.max_tokens)
    [line] = told
    assert "with the settings of tiny-cpu" in line
    (exported / "other").mkdir()
    for file in (exported / "out").iterdir():
        (exported / "other" / file.name).write_bytes(file.read_bytes())
    (exported / "other" / "README.md").write_text(export.model_card("other", "some/base", {}))
    told.clear()
    measured(str(exported / "other"), tell=told.append)
    assert not any("tiny-cpu" in line for line in told)


@pytest.mark.parametrize("model", ["run", "out"])
def test_the_doctor_prints_json_alone_and_a_prompt_as_it_is_sent(exported, capsys, model):
    main(["doctor", "--json", "--model", str(exported / model)])
    found = {row["what"]: row["found"] for row in json.loads(capsys.readouterr().out)}
    assert found["model: as sent"].startswith("<abduce><program>def f(a):")
    assert found["model: ends"] == "'<|end|>' (1)"
    assert found["model: asked in"].startswith("plain text, with the prompts 'compact': ")


def test_a_backends_remedy_names_the_run(tmp_path):
    with pytest.raises(BackendError, match=rf"abzero fork {tmp_path} --step N --run NEW"), naming(RunFolder(tmp_path)):
        raise BackendError("log-probabilities are not finite: abzero fork RUN --step N --run NEW")
