"""The nursery's tokenizer: a closed list of words that covers printable ASCII, as a Hugging Face fast tokenizer.

Every tag of the compact prompts is one token, every digit and letter is one token, and longer words only make programs
shorter. Text is split by the longest word first; decoding is concatenation, so it gives back exactly what was encoded.
"""

import re
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

PAD, END, UNKNOWN = "<|pad|>", "<|end|>", "<|unknown|>"

BLOCKS = ("program", "input", "output", "message", "think", "answer")
PROMPTS = ("deduce", "abduce", "induce", "propose-deduction", "propose-abduction", "propose-induction")
TAGS = (*(f"<{name}>" for name in PROMPTS), *(tag for name in BLOCKS for tag in (f"<{name}>", f"</{name}>")))

_PHRASES = (
    *("def f(x):", "\n    ", "return ", " = ", " -> ", " <- ", ", ", " + ", " - ", " * ", " // ", " % 10", " % "),
    *("[::-1]", "[1:]", "[:-1]", "[:2]", "[-2:]", "[:1]", "[-1:]", "[::2]", "[-1]", "] * "),
    *("[(i + ", ") % 10 for i in ", "[i * 2 % 10 for i in ", "[i // 2 for i in ", "[9 - i for i in ", "[i for i in "),
    *(" if i > ", " if i < ", "[max(i, ", "[min(i, ", ") for i in ", ") % 10", " for i in ", " for c in ", " if "),
    *("sorted(", "max(", "min(", "sum(", "abs(", "len(", "str(", "map(str, ", "''.join(", ", reverse=True)"),
    *(".upper()", ".swapcase()", ".replace('", ".count('", ".count(c)", "', '", "')", " + '", "' + "),
)
_ASCII = tuple(map(chr, (*range(32, 127), 10)))

WORDS = tuple(dict.fromkeys((PAD, END, UNKNOWN, *TAGS, *_PHRASES, *_ASCII)))


def build() -> PreTrainedTokenizerFast:
    """The tokenizer, made from the word list above."""
    longest_first = sorted(WORDS[3:], key=len, reverse=True)
    tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token=UNKNOWN))
    pattern = Regex("|".join(re.escape(word).replace("/", "\\/") for word in longest_first))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(pattern, behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        unk_token=UNKNOWN,
        clean_up_tokenization_spaces=False,
        padding_side="left",
    )


def save(folder: Path) -> None:
    """Write the tokenizer's files into `folder`."""
    build().save_pretrained(folder)
