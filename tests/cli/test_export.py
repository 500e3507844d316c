"""What is exported from a run of the model in the box, and measured."""

import json
import shutil
import signal
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from abzero.cli.main import main
from abzero.cli.recipes import measured, settings
from abzero.cli.train import naming, terminated_as_interrupted
from abzero.config import backends
from abzero.config.backends.local import TINY
from abzero.config.config import Config
from abzero.config.exported import ASKED, files, flags
from abzero.config.load import parse
from abzero.config.tree import leaves
from abzero.errors import BackendError, ConfigError
from abzero.run.directory import RunFolder
from abzero.tasks import prompts


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
    conversation, codec, config = backends.conversation(config, checkpoint)
    assert config.model.chat == "plain"
    sent = AutoTokenizer.from_pretrained(exported / "out").apply_chat_template(
        [{"role": "user", "content": "<deduce><program>"}], add_generation_prompt=True, return_dict=False
    )
    trained = conversation.frame("<deduce><program>")
    assert sent == codec.tokenizer.encode(trained, add_special_tokens=False)
    card = (exported / "out" / "README.md").read_text()
    assert "| steps | 1 |" in card
    assert "What is 6 * 7?<think>\n```" in card


def test_its_thoughts_are_cut_and_its_answers_graded(exported, capsys):
    capsys.readouterr()
    assert main(["oversight", "truncate", str(exported / "run"), "--n", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["cuts"] == [0, 0.25, 0.5, 0.75, 1]
    assert told["modes"]
    assert all(0 <= score <= 1 for row in told["modes"] for score in row["scores"])


def test_what_is_exported_is_asked_as_the_run_was(exported):
    told: list[str] = []
    of_run, of_export = (measured(str(exported / name), tell=told.append)[0] for name in ("run", "out"))
    assert dict(how(of_export)) == dict(how(of_run))
    assert dict(how(of_export))["tasks.prompts"] == "compact"
    [line] = told
    assert line.startswith(f"model '{exported / 'out'}' is asked as it was in its training: model.chat plain, ")


def test_a_model_is_asked_as_its_run_was_where_the_run_itself_is_named(exported):
    found = settings(Config, [f"--model.name={exported / 'run'}"], "abzero train")
    assert dict(how(found.config)) == dict(how(measured(str(exported / "run"))[0]))


def test_templates_that_a_run_names_by_a_path_are_not_taken_over(exported, tmp_path):
    run = shutil.copytree(exported / "run", tmp_path / "run")
    config = json.loads((run / "config.json").read_text())
    config["tasks"]["prompts"] = "/etc"
    (run / "config.json").write_text(json.dumps(config))
    assert not any("/etc" in flag for flag in flags(str(run)))


def test_flags_and_recipes_stand_over_what_an_export_says(exported):
    out = f"--model.name={exported / 'out'}"
    assert settings(Config, [out, "--tasks.prompts=paper"], "abzero train").config.tasks.prompts == "paper"
    found = settings(Config, ["smollm2-135m-cpu", out], "abzero train")
    assert (found.config.tasks.prompts, found.config.sampling.stop) == ("examples", ("</answer>",))
    assert found.origins["model.chat"] == "recipe"


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ("[]", "a list, not an object"),
        ("{", "does not say how the model was asked"),
        ('{"run": "/etc"}', "'run' is not about how"),
        ('{"tasks": {"prompts": "/etc"}}', "'tasks.prompts' is .* not '/etc'"),
        ('{"tasks": {"modes": ["evil:code"]}}', "'tasks.modes' is not about how"),
        ('{"model": {"chat": "loud"}}', "'model.chat' cannot be 'loud'"),
        ('{"sampling": ' * 10_000, "does not say how the model was asked"),
        ('{"tasks": {"prompts": "\\u0000"}}', "NUL"),
    ],
)
def test_a_stranger_s_record_sets_nothing_else(tmp_path, record, message):
    (tmp_path / "abzero.json").write_text(record)
    with pytest.raises(ConfigError, match=message) as caught:
        flags(str(tmp_path))
    assert "abzero.json" in str(caught.value)


def test_prompts_of_one_s_own_go_with_the_export(tmp_path):
    mine = tmp_path / "mine"
    shutil.copytree(Path(prompts.__file__).parent / "compact", mine)
    (mine / "notes.txt").write_text("private")
    config = parse([f"--tasks.prompts={mine}", "--model.chat=template", "--sampling.stop", "a b", "c"], "abzero train")
    (tmp_path / "out").mkdir()
    for name, content in files(config).items():
        (tmp_path / "out" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "out" / name).write_bytes(content)
    shutil.rmtree(mine)
    found = parse(flags(str(tmp_path / "out")), "abzero train")
    assert found.tasks.prompts == str(tmp_path / "out" / "prompts")
    assert (found.model.chat, found.sampling.stop) == ("template", ("a b", "c"))
    assert prompts.Prompts(found.tasks.prompts).converse("solve_deduction", program="p", entry="f", input="1")
    assert not (tmp_path / "out" / "prompts" / "notes.txt").exists()


def test_a_copy_of_a_model_that_nothing_trained_claims_no_training(tmp_path):
    assert main(["export", str(TINY), str(tmp_path / "out")]) == 0
    assert "nothing was trained" in (tmp_path / "out" / "README.md").read_text()
    assert not (tmp_path / "out" / "abzero.json").exists()


def how(config):
    return [(name, value) for name, value in leaves(config) if name in ASKED]


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


def test_a_run_that_is_terminated_while_it_loads_is_taken_back_as_by_ctrl_c():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), terminated_as_interrupted():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before
