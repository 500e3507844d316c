"""Chat templates in the shape of five families: the ids sent are those of transformers' own rendering."""

import json
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from abzero.config.backends import local
from abzero.config.config import Config
from abzero.config.schema import Model
from abzero.errors import ConfigError
from abzero.policy.models import chat
from abzero.policy.models.tokenizer import Codec
from abzero.tasks.prompts import Prompts
from abzero.types import Prompt

GOLDEN = Path(__file__).parents[2] / "golden" / "chat.json"

TURN = "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
QWEN25 = (
    "{% if messages[0].role != 'system' %}<|im_start|>system\nYou answer questions.<|im_end|>\n{% endif %}"
    f"{{% for m in messages %}}{TURN}{{% endfor %}}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
QWEN3 = (
    "{%- if messages[0].role == 'system' %}\n"
    "    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}\n{%- endif %}\n"
    "{%- for m in messages if m.role != 'system' %}\n"
    "    {%- set content = m.content.split('</think>')[-1].lstrip('\\n') if m.role == 'assistant' else m.content %}\n"
    "    {{- '<|im_start|>' + m.role + '\\n' + content + '<|im_end|>\\n' }}\n{%- endfor %}\n"
    "{%- if add_generation_prompt %}\n    {{- '<|im_start|>assistant\\n' }}\n"
    "    {%- if enable_thinking is defined and enable_thinking is false %}\n"
    "        {{- '<think>\\n\\n</think>\\n\\n' }}\n    {%- endif %}\n{%- endif %}\n"
)
LLAMA = (
    "{{- bos_token }}\n{%- if not date_string is defined %}"
    "{%- set date_string = strftime_now('%d %b %Y') %}{%- endif %}"
    "{%- if messages[0].role == 'system' %}{%- set said = messages[0].content | trim %}"
    "{%- set messages = messages[1:] %}{%- else %}{%- set said = '' %}{%- endif %}"
    "{{- '<|start_header_id|>system<|end_header_id|>\\n\\nToday is ' + date_string + '\\n\\n' + said }}"
    "{{- '<|eot_id|>' }}{%- for m in messages %}{{- '<|start_header_id|>' + m.role + '<|end_header_id|>\\n\\n' }}"
    "{{- (m.content | trim) + '<|eot_id|>' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}"
)
DATED = LLAMA.replace("date_string", "day").replace("'%d %b %Y'", '"%A %d.%m.%y"')
SMOLLM2 = (
    f"{{% for m in messages %}}{{% if loop.first and m.role != 'system' %}}<|im_start|>system\nYou are small and kind."
    f"<|im_end|>\n{{% endif %}}{TURN}{{% endfor %}}{{% if add_generation_prompt %}}<|im_start|>assistant\n{{% endif %}}"
)
GEMMA2 = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    "<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n{{ m.content | trim }}<end_of_turn>\n"
    "{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
GEMMA3 = (
    "{{ bos_token }}\n{%- if messages[0].role == 'system' -%}{%- set first = messages[0].content + '\n\n' -%}"
    "{%- set turns = messages[1:] -%}{%- else -%}{%- set first = '' -%}{%- set turns = messages -%}{%- endif -%}"
    "{%- for m in turns -%}{{ '<start_of_turn>' + ('model' if m.role == 'assistant' else m.role) + '\n' }}"
    "{{ (first if loop.first else '') + m.content | trim }}{{ '<end_of_turn>\n' }}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<start_of_turn>model\n' }}{%- endif -%}"
)
SHAPES = {
    "qwen2.5": (QWEN25, "<|im_end|>"),
    "qwen3": (QWEN3, "<|im_end|>"),
    "llama-3.1": (LLAMA, "<|eot_id|>"),
    "dated": (DATED, "<|eot_id|>"),
    "smollm2": (SMOLLM2, "<|im_end|>"),
    "gemma-2": (GEMMA2, "<end_of_turn>"),
    "gemma-3": (GEMMA3, "<end_of_turn>"),
}
"""Templates in the shape of the families', in our words, and the token that closes a turn in each."""
CONTROLS = ["<bos>", "<eos>", "<|im_start|>", "<|im_end|>", "<|start_header_id|>", "<|end_header_id|>"]
CONTROLS += ["<|eot_id|>", "<start_of_turn>", "<end_of_turn>"]


def codec(template: str | None, end: str) -> Codec:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    raw = Tokenizer(BPE({letter: index for index, letter in enumerate(letters)}, []))
    raw.pre_tokenizer, raw.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    raw.add_special_tokens(CONTROLS)
    raw.add_tokens(["<think>", "</think>"])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, bos_token="<bos>", eos_token=end)
    tokenizer.chat_template = template
    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    with torch.device("meta"):
        model = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **sizes, eos_token_id=None))
    return Codec(tokenizer, model)


def prompt(of: Codec, text: str, name: str = "paper") -> str:
    return Prompts(name, lambda system, thinks: chat.frame(of, system, thinks)).frame(text)


def sent(shape: str, thinks: bool, system: str) -> dict[str, str | list[int]]:
    of = codec(*SHAPES[shape])
    before, after = chat.frame(of, system, thinks)
    tokens = of.encode(Prompt.of(before, "6 * 7?", after))
    return {"text": of.decode(tokens), "ids": tokens}


ASKED = [(shape, thinks, system) for shape in SHAPES for thinks in (True, False) for system in ("", "Be brief.")]


@pytest.mark.parametrize(("shape", "thinks", "system"), ASKED)
def test_the_ids_are_the_stored_ones(shape, thinks, system):
    """Written by `python -m tests.policy.models.test_chat`; a changed file is read before it is committed."""
    stored = json.loads(GOLDEN.read_text())[f"{shape}, {'thinks' if thinks else 'does not'}, {system or 'no system'}"]
    assert sent(shape, thinks, system) == stored


@pytest.mark.parametrize("shape", SHAPES)
def test_the_ids_are_those_of_the_template_with_an_opened_thought(shape):
    of = codec(*SHAPES[shape])
    system = Prompts("paper").system
    messages = [{"role": "system", "content": system}, {"role": "user", "content": "What is 6 * 7?"}]
    if shape == "gemma-2":
        messages = [{"role": "user", "content": f"{system}\n\nWhat is 6 * 7?"}]
    whole = of.tokenizer.apply_chat_template(
        messages, tokenize=False, add_generation_prompt=True, enable_thinking=True, strftime_now=chat.DAY.strftime
    )
    assert of.encode(prompt(of, "What is 6 * 7?")) == of.tokenizer.encode(whole + "<think>", add_special_tokens=False)
    assert chat.tuned(of)
    assert of.decode([chat.closer(of)]) == SHAPES[shape][1]


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_inserted_closes_no_turn(shape):
    of = codec(*SHAPES[shape])
    honest, hostile = of.encode(prompt(of, "x")), of.encode(prompt(of, f"x {' '.join(CONTROLS)} <think> x"))
    controls = {of.tokenizer.convert_tokens_to_ids(token) for token in (*CONTROLS, "<think>")}
    assert [token for token in hostile if token in controls] == [token for token in honest if token in controls]


def test_a_base_model_with_its_sisters_template_is_asked_in_plain_text():
    assert not chat.tuned(codec(QWEN25, "<eos>"))
    assert not chat.tuned(codec(None, "<eos>"))
    with pytest.raises(ConfigError, match=r"set --model\.chat plain"):
        prompt(codec(None, "<eos>"), "x")


@pytest.mark.parametrize(("how", "ends"), [("template", ["<eos>", "<|im_end|>"]), ("plain", ["<eos>"])])
def test_a_base_model_that_is_asked_in_a_template_ends_where_it_closes_a_turn(how, ends):
    of = local.ending(Config(model=Model(chat=how)), codec(QWEN25, "<eos>"))
    assert [of.decode([token]) for token in sorted(of.ends)] == ends


def test_a_turn_that_no_control_token_closes_ends_nothing_more():
    of = codec("{% for m in messages %}### {{ m.role }}: {{ m.content }}\n### end\n{% endfor %}", "<eos>")
    assert chat.closer(of) is None


def test_a_set_that_begins_the_answer_switches_thinking_off_and_its_reply_is_read_whole():
    of = codec(*SHAPES["qwen3"])
    asked = Prompts("examples", lambda system, thinks: chat.frame(of, system, thinks)).converse(
        "solve_deduction", program="def f(x): return x", input="1"
    )
    assert asked.endswith("<think>\n\n</think>\n\n<answer>")
    assert asked.begun == "</think><answer>"


@pytest.mark.parametrize(
    "template", ["nothing", "{% for m in messages %}{{ m.content }}{{ m.content }}{% endfor %}", "{% if"]
)
def test_a_template_that_shows_no_message_once_is_refused(template):
    with pytest.raises(ConfigError, match=r"set --model\.chat plain"):
        chat.frame(codec(template, "<eos>"), "", True)


if __name__ == "__main__":
    cells = {f"{a}, {'thinks' if b else 'does not'}, {c or 'no system'}": sent(a, b, c) for a, b, c in ASKED}
    rows = ",\n".join(f" {json.dumps(name)}: {json.dumps(cell)}" for name, cell in cells.items())
    GOLDEN.write_text(f"{{\n{rows}\n}}\n")
