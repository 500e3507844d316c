"""The shapes of the models that recipes name, so that they can be planned where their files are not.

The numbers are those of each ``config.json`` on the Hugging Face hub; tests hold them against published weight counts.
"""

from collections.abc import Mapping

_QWEN_7B: Mapping[str, int | bool] = {
    "hidden_size": 3584,
    "intermediate_size": 18_944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "vocab_size": 152_064,
    "tie_word_embeddings": False,
}
_QWEN_14B: Mapping[str, int | bool] = {
    "hidden_size": 5120,
    "intermediate_size": 13_824,
    "num_hidden_layers": 48,
    "num_attention_heads": 40,
    "num_key_value_heads": 8,
    "vocab_size": 152_064,
    "tie_word_embeddings": False,
}
_QWEN_3B: Mapping[str, int | bool] = {
    "hidden_size": 2048,
    "intermediate_size": 11_008,
    "num_hidden_layers": 36,
    "num_attention_heads": 16,
    "num_key_value_heads": 2,
    "vocab_size": 151_936,
    "tie_word_embeddings": True,
}
_LLAMA_8B: Mapping[str, int | bool] = {
    "hidden_size": 4096,
    "intermediate_size": 14_336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128_256,
    "tie_word_embeddings": False,
}

_SMOL_135M: Mapping[str, int | bool] = {
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "vocab_size": 49_152,
    "tie_word_embeddings": True,
}

KNOWN: Mapping[str, tuple[str, Mapping[str, int | bool]]] = {
    "Qwen/Qwen2.5-7B": ("qwen2", _QWEN_7B),
    "Qwen/Qwen2.5-Coder-7B": ("qwen2", _QWEN_7B),
    "Qwen/Qwen2.5-Coder-14B": ("qwen2", _QWEN_14B),
    "Qwen/Qwen2.5-Coder-3B": ("qwen2", _QWEN_3B),
    "meta-llama/Llama-3.1-8B": ("llama", _LLAMA_8B),
    "HuggingFaceTB/SmolLM2-135M-Instruct": ("llama", _SMOL_135M),
}
"""Model type and numbers, by name."""
