"""How much of sampling is the matrix products that it cannot do without, in the shape of SmolLM2-135M.

    python benchmarks/sampling.py [--rows 64 192] [--prompts 40 500] [--group 8] [--new 48]

Random weights in bf16, on one thread; `group` rows continue each prompt. *Products* are those with the weights, timed
by themselves: of all tokens of the prompts, and of each row and decoding step. Beside them a sampling phase has
attention, norms, and the draw from 49,152 tokens; a prefill ends with the first draw. Seconds are processor seconds of
this process. What bounds the share: attention to the prompts, which is products, too, and is not counted among them.
"""

import argparse
import random
import time
from collections.abc import Callable
from functools import partial

import torch
from torch.nn.functional import linear
from transformers import LlamaConfig, LlamaForCausalLM

from abzero.policy.local.packed_engine import PREFILL_TOKENS, PackedEngine
from abzero.policy.local.sampling import sample
from abzero.policy.models.shapes import KNOWN

_, SMOL = KNOWN["HuggingFaceTB/SmolLM2-135M-Instruct"]
NEVER = torch.tensor([-1])
"""No token ends a row."""


def engine() -> PackedEngine:
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**SMOL, max_position_embeddings=8192))
    return PackedEngine(model.to(torch.bfloat16).eval(), torch.bfloat16)


def seconds(run: Callable[[], object]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def products(made: PackedEngine, tokens: int, rows: int) -> None:
    """All matrix products over so many tokens, the logits of `rows` of them, with nothing between them.

    Of the last layer's states only those are computed that have logits.
    """
    for number, layer in enumerate(made.layers, 1):
        for one in (layer.qkv, layer.out, layer.gate_up, layer.down):
            asked = rows if number == len(made.layers) and one is not layer.qkv else tokens
            linear(torch.ones(asked, one.weight.shape[1], dtype=one.weight.dtype), one.weight)
    linear(
        torch.ones(rows, made.unembedding.weight.shape[1], dtype=made.unembedding.weight.dtype), made.unembedding.weight
    )


def needed(made: PackedEngine, tokens: int, rows: int) -> float:
    return min(seconds(partial(products, made, tokens, rows)) for _ in range(3))


def phase(made: PackedEngine, rows: int, length: int, group: int, new: int) -> None:
    rng = random.Random(0)
    prompts = [[rng.randrange(SMOL["vocab_size"]) for _ in range(length)] for _ in range(rows // group)]
    seeds = [[group * number + copy for copy in range(group)] for number in range(len(prompts))]
    sample(made, prompts, seeds, new, 1.0, NEVER)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[64, 192])
    parser.add_argument("--prompts", type=int, nargs="+", default=[40, 500], help="tokens of each prompt")
    parser.add_argument("--group", type=int, default=8)
    parser.add_argument("--new", type=int, default=48)
    options = parser.parse_args()
    if min(options.rows) < options.group:
        parser.error(f"--rows {min(options.rows)}: at least as many as --group {options.group}")
    torch.set_num_threads(1)
    made = engine()
    products(made, 8, 8)
    heads = ("rows", "prompt", "prefill s", "products", "decoding s", "products", "products of all")
    print("{:>5} {:>7} {:>10} {:>9} {:>11} {:>9} {:>16}".format(*heads))
    for length in options.prompts:
        for rows in options.rows:
            run, prompts = partial(phase, made, rows, length, options.group), rows // options.group
            prefill, whole = seconds(partial(run, 1)), seconds(partial(run, options.new))
            before = min(prompts, max(1, PREFILL_TOKENS // length))
            first = needed(made, before * length, before) * prompts / before
            later = needed(made, rows, rows) * (options.new - 1)
            decoding = whole - prefill
            shares = f"{prefill:10.2f} {first / prefill:9.0%} {decoding:11.2f} {later / decoding:9.0%}"
            print(f"{rows:5} {length:7} {shares} {(first + later) / whole:16.0%}", flush=True)


if __name__ == "__main__":
    main()
