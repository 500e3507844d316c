"""An update on rows of one prompt, the prompt computed once, against plain rows: processor seconds and memory.

    python benchmarks/shared_prefix.py [--prompt 1000] [--response 128] [--rows 8] [--layers 30] [--dtype float32]

The model has the shape of SmolLM2-135M and random weights. Each way runs in a process of its own, on one thread, the
ways in turn; times are those of forward, backward and optimizer step, the best of `--updates` after a first one. Plain
rows are timed one at a time, which is quickest on a CPU; the last way holds all of them at once, as the shared way
does: what its growth of the largest resident size is to be compared with. What bounds the ratio: the head, the same
for both, and attention of responses to the prompt.
"""

import argparse
import os
import random
import resource
import subprocess
import sys
import time

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from abzero.algo.losses import Objective
from abzero.policy.local.learner import LocalLearner
from abzero.policy.models.shapes import KNOWN
from abzero.types import Experience, Rollout

WAYS = ("shared", "plain, a row at a time", "plain, all rows at once")
_, SMOL = KNOWN["HuggingFaceTB/SmolLM2-135M-Instruct"]


def model(layers: int, dtype: torch.dtype) -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(**SMOL | {"num_hidden_layers": layers}, max_position_embeddings=8192)
    return LlamaForCausalLM(config).to(dtype)


def batch(prompt: int, response: int, rows: int) -> list[Experience]:
    rng = random.Random(0)
    before = [rng.randrange(SMOL["vocab_size"]) for _ in range(prompt)]
    made = []
    for row in range(rows):
        tokens = [rng.randrange(SMOL["vocab_size"]) for _ in range(response)]
        rollout = Rollout(before, tokens, [-10.8] * response, "", "stop")
        made.append(Experience(("solve", row), "deduction", 0, rollout, (), (-1.0) ** row))
    return made


def measure(way: str, options: argparse.Namespace) -> str:
    torch.set_num_threads(1)
    trained = model(options.layers, getattr(torch, options.dtype))
    text = options.prompt + options.response
    budget = text if way == WAYS[1] else text * options.rows
    learner = LocalLearner(
        trained,
        None,  # type: ignore[arg-type]  (nothing is decoded or saved)
        objective=Objective(entropy=0.0),
        gap_limit=1e9,
        micro_batch_tokens=budget,
        share_prompts=way == WAYS[0],
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows, times = batch(options.prompt, options.response, options.rows), []
    for _ in range(1 + options.updates):
        start = time.process_time()
        figures = learner.update(rows)
        times.append(time.process_time() - start)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**10
    return f"{min(times[1:] or times):8.2f} s {grown:8.0f} MB   gradient {figures['grad_norm']:.6f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("prompt", 1000), ("response", 128), ("rows", 8), ("layers", 30), ("updates", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        print(measure(options.way, options))
        return
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": "262144"}
    for way in WAYS:
        command = [sys.executable, __file__, *sys.argv[1:], f"--way={way}"]
        print(f"{way:24}", subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)


if __name__ == "__main__":
    main()
