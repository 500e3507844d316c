"""Chat templates in the shape of five families: the ids sent are those of transformers' own rendering."""

import pytest
import torch
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from abzero.errors import ConfigError
from abzero.policy.models import chat
from abzero.policy.models.tokenizer import Codec
from abzero.tasks.prompts import Prompts

CHATML = (
    "{% for m in messages %}{% if loop.first and m.role != 'system' %}"
    "<|im_start|>system\nYou help.<|im_end|>\n{% endif %}"
    "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
QWEN3 = CHATML.replace("You help.", "") + (
    "{% if add_generation_prompt and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}"
)
LLAMA = (
    "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n"
    "{% if m.role == 'system' %}Today: {{ strftime_now('%d %b %Y') }}\n{% endif %}{{ m.content | trim }}<|eot_id|>"
    "{% endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    "<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n{{ m.content | trim }}<end_of_turn>\n"
    "{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
SHAPES = {
    "qwen2.5": (CHATML, "<|im_end|>"),
    "qwen3": (QWEN3, "<|im_end|>"),
    "llama-3.1": (LLAMA, "<|eot_id|>"),
    "smollm2": (CHATML, "<|im_end|>"),
    "gemma-3": (GEMMA, "<end_of_turn>"),
}
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


@pytest.mark.parametrize("shape", SHAPES)
def test_the_ids_are_those_of_the_template_with_an_opened_thought(shape):
    of = codec(*SHAPES[shape])
    system = Prompts("paper")._optional("system")
    messages = [{"role": "system", "content": system}, {"role": "user", "content": "What is 6 * 7?"}]
    if shape == "gemma-3":
        messages = [{"role": "user", "content": f"{system}\n\nWhat is 6 * 7?"}]
    whole = of.tokenizer.apply_chat_template(
        messages, tokenize=False, add_generation_prompt=True, enable_thinking=True, strftime_now=lambda _: "26 Jul 2024"
    )
    assert of.encode(prompt(of, "What is 6 * 7?")) == of.tokenizer.encode(whole + "<think>", add_special_tokens=False)
    assert chat.tuned(of)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_inserted_closes_no_turn(shape):
    of = codec(*SHAPES[shape])
    honest, hostile = of.encode(prompt(of, "x")), of.encode(prompt(of, f"x {' '.join(CONTROLS)} <think> x"))
    controls = {of.tokenizer.convert_tokens_to_ids(token) for token in (*CONTROLS, "<think>")}
    assert [token for token in hostile if token in controls] == [token for token in honest if token in controls]


def test_a_base_model_with_its_sisters_template_is_asked_in_plain_text():
    assert not chat.tuned(codec(CHATML, "<eos>"))
    assert not chat.tuned(codec(None, "<eos>"))
    with pytest.raises(ConfigError, match=r"set --model\.chat plain"):
        prompt(codec(None, "<eos>"), "x")


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
