"""How much of sampling is the matrix products that it cannot do without, in the shape of SmolLM2-135M.

    python benchmarks/sampling.py [--rows 64 192] [--prompts 40 500] [--group 8] [--new 48]

Random weights in bf16, on one thread; `group` rows continue each prompt. *Products* are those of one decoding step with
all weights, timed by themselves, times the new tokens; a sampling phase has beside them the prefill, attention over the
cache, norms, and the draw from 49,152 tokens. Seconds are processor seconds of this process. What bounds the share:
with long prompts the prefill, which is products, too, and is not counted among them.
"""

import argparse
import random
import time
from collections.abc import Callable
from functools import partial

import torch
from torch.nn.functional import linear
from transformers import LlamaConfig, LlamaForCausalLM

from abzero.policy.local.packed_engine import PackedEngine
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


def products(made: PackedEngine, rows: int) -> None:
    """All matrix products of one step, with nothing between them."""
    layers = [one for layer in made.layers for one in (layer.qkv, layer.out, layer.gate_up, layer.down)]
    for one in (*layers, made.unembedding):
        linear(torch.ones(rows, one.weight.shape[1], dtype=one.weight.dtype), one.weight)


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
    torch.set_num_threads(1)
    made = engine()
    products(made, 8)
    heads = ("rows", "prompt", "prefill s", "decoding s", "products s", "of all", "of decoding")
    print("{:>5} {:>7} {:>10} {:>11} {:>11} {:>7} {:>12}".format(*heads))
    for length in options.prompts:
        for rows in options.rows:
            run = partial(phase, made, rows, length, options.group)
            prefill, whole = seconds(partial(run, 1)), seconds(partial(run, options.new))
            needed = min(seconds(partial(products, made, rows)) for _ in range(3)) * options.new
            decoding = whole - prefill
            shares = f"{needed / whole:7.0%} {needed / decoding:12.0%}"
            print(f"{rows:5} {length:7} {prefill:10.2f} {decoding:11.2f} {needed:11.2f} {shares}", flush=True)


if __name__ == "__main__":
    main()
