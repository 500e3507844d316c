"""Tokenizers of the families that models come from, with control tokens, and next to no vocabulary."""

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from abzero.policy.models.tokenizer import Codec

CONTROLS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|eot_id|>", "</s>", "<think>")


def like_qwen() -> Tokenizer:
    """Bytes, as Qwen, SmolLM and Llama 3 have them."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    found = Tokenizer(models.BPE({c: n for n, c in enumerate([*alphabet, "<|"])}, merges=[("<", "|")]))
    found.pre_tokenizer, found.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    return found


def like_smollm() -> Tokenizer:
    found = like_qwen()
    found.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(True), found.pre_tokenizer])
    return found


def like_llama() -> Tokenizer:
    """Words behind a bar, with a bar before the first, as Llama 2 has them; control tokens stand in its vocabulary."""
    words = ["<unk>", "<s>", "</s>", "▁", *(f"<0x{byte:02X}>" for byte in range(256)), *map(chr, range(33, 127))]
    found = Tokenizer(models.BPE({w: n for n, w in enumerate(words)}, [], unk_token="<unk>", byte_fallback=True))
    found.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    found.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return found


def controlled_codec(backend: Tokenizer) -> Codec:
    """A codec that has `CONTROLS`, the last of them not as a special token, for a model of no size."""
    backend.add_special_tokens([AddedToken(text, special=True) for text in CONTROLS[:-1]])
    backend.add_tokens([AddedToken(CONTROLS[-1], special=False, normalized=False)])
    fast = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="</s>", clean_up_tokenization_spaces=False)
    config = Qwen2Config(
        vocab_size=len(fast),
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        num_key_value_heads=1,
        eos_token_id=fast.eos_token_id,
    )
    return Codec(fast, Qwen2ForCausalLM(config))


def controls_in(found: Codec, tokens: list[int]) -> list[str]:
    names = {token: str(text) for token, text in found.tokenizer.added_tokens_decoder.items()}
    return [names[token] for token in tokens if token in names]
