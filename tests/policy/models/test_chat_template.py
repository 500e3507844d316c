"""What an export's chat template gives a plain user of transformers is what training sent."""

import pytest
from transformers import AutoTokenizer

from abzero.policy.models import chat, chat_template
from abzero.tasks.prompts import SETS, Prompts
from abzero.types import Prompt
from tests.policy.models.test_chat import QWEN25, SHAPES, codec

MESSAGES = [{"role": "user", "content": "Say f(x)."}]


def plain_user(of, template, tmp_path) -> list[int]:
    """The ids of a reader who knows nothing of abzero."""
    chat_template.write(of, template)
    of.tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    return loaded.apply_chat_template(MESSAGES, add_generation_prompt=True, return_dict=False)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_plain_user_sends_what_training_sent_in_the_models_own_template(shape, name, tmp_path):
    of = codec(*SHAPES[shape])
    prompts = Prompts(name, lambda system, thinks: chat.frame(of, system, thinks))
    trained, ids = prompts.frame("What?"), of.encode(prompts.frame("Say f(x)."))
    template = chat_template.trained(of, trained, prompts.system)
    assert plain_user(of, template, tmp_path) == ids
    assert "for m in" in template, "its own is kept"
    assert chat.tuned(of)
    again = Prompts(name, lambda system, thinks: chat.frame(of, system, thinks))
    assert of.encode(again.frame("Say f(x).")) == ids, "a run that begins with the export asks alike"


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("template", [None, QWEN25])
def test_a_plain_user_sends_the_plain_conversation_that_training_sent(name, template, tmp_path):
    of = codec(template, "<eos>")
    trained = Prompts(name).frame("What?")
    written = chat_template.trained(of, trained, None)
    assert plain_user(of, written, tmp_path) == of.encode(Prompts(name).frame("Say f(x)."))
    assert not chat.tuned(of)


def test_a_template_that_cannot_be_kept_gives_way_to_the_prompt_alone(tmp_path):
    of = codec("{% if messages | length > 1 %}{{ messages[0].content }}{% endif %}{{ messages[-1].content }}", "<eos>")
    prompts = Prompts("paper", lambda system, thinks: chat.frame(of, system, thinks))
    asked = prompts.frame("What?")
    of.tokenizer.chat_template = "{{ raise_exception('not any more') }}"
    written = chat_template.trained(of, asked, prompts.system)
    assert plain_user(of, written, tmp_path) == of.encode(
        Prompt.of(asked[: asked.begin], "Say f(x).", asked[asked.end :])
    )


def test_other_templates_of_the_tokenizer_stay():
    of = codec(QWEN25, "<|im_end|>")
    of.tokenizer.chat_template = {"default": QWEN25, "tool_use": "t"}
    chat_template.write(of, "d")
    assert of.tokenizer.chat_template == {"default": "d", "tool_use": "t"}
