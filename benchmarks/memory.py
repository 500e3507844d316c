"""What `abzero plan` says a run needs against what it takes: peak resident memory on CPU, for several sizes.

    python benchmarks/memory.py

Each case builds a random model in a process of its own, with generator and learner, and takes two updates on a batch
that fills two micro-batches exactly. Measured is the growth of the process's largest resident size from just before
the model is built, twice: with glibc told to give every freed tensor back (MALLOC_MMAP_THRESHOLD_=262144), which is
what the plan counts, and as it is, where the heap keeps much that is free. What bounds the agreement: activations are
counted for one way of computing attention, and buffers of the numeric libraries are not counted.
"""

import argparse
import json
import os
import resource
import subprocess
import sys

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel, Qwen2Config, Qwen2ForCausalLM

from abzero.policy.local.generator import engine
from abzero.policy.local.learner import LocalLearner
from abzero.policy.local.optimizer import adam, adam_8bit
from abzero.policy.local.plan import Setup, memory, shape_of
from abzero.policy.models import lora
from abzero.policy.optimisation import Optimisation
from abzero.types import Experience, Rollout

PLAIN: dict[str, object] = {"vocabulary": 4000, "hidden": 256, "layers": 4, "heads": 8, "rows": 16, "length": 256}
CASES: dict[str, dict[str, object]] = {
    "5M": PLAIN,
    "42M": PLAIN | {"vocabulary": 16_000, "hidden": 512, "layers": 8, "rows": 8},
    "134M": PLAIN | {"vocabulary": 32_000, "hidden": 768, "layers": 12, "heads": 12, "rows": 4},
    "42M, checkpointing": PLAIN | {"vocabulary": 16_000, "hidden": 512, "layers": 8, "rows": 32, "checkpointing": True},
    "42M, one prompt": PLAIN | {"vocabulary": 16_000, "hidden": 512, "layers": 8, "rows": 8, "prompts": 1},
    "42M, bf16": PLAIN | {"vocabulary": 16_000, "hidden": 512, "layers": 8, "rows": 8, "width": 2},
    "134M, 8-bit Adam": PLAIN
    | {"vocabulary": 32_000, "hidden": 768, "layers": 12, "heads": 12, "rows": 4, "moments": 2},
    "134M, LoRA": PLAIN | {"vocabulary": 32_000, "hidden": 768, "layers": 12, "heads": 12, "rows": 4, "rank": 16},
}


def build(case: dict[str, int], dtype: torch.dtype) -> PreTrainedModel:
    sizes = {
        "vocab_size": case["vocabulary"],
        "hidden_size": case["hidden"],
        "intermediate_size": 3 * case["hidden"],
        "num_hidden_layers": case["layers"],
        "num_attention_heads": case["heads"],
        "num_key_value_heads": case["heads"] // 2,
        "tie_word_embeddings": True,
        "dtype": dtype,
    }
    if case["layers"] == 8:
        return LlamaForCausalLM._from_config(LlamaConfig(**sizes))
    return Qwen2ForCausalLM._from_config(Qwen2Config(**sizes))


def measure(case: dict[str, int]) -> None:
    """Print the bytes planned and taken, as JSON."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    width, rank, checkpointing = case.get("width", 4), case.get("rank", 0), bool(case.get("checkpointing", False))
    dtype = torch.bfloat16 if width == 2 else torch.float32
    (torch.ones(64, 64, requires_grad=True) @ torch.ones(64, 64)).sum().backward()
    before = peak()
    model = build(case, dtype)
    if rank:
        lora.add(model, rank, 2.0 * rank)
    sampler = engine(model, dtype)
    learner = LocalLearner(
        model,
        None,  # type: ignore[arg-type]  # nothing is encoded here
        optimisation=Optimisation(),
        adam=adam_8bit if case.get("moments", 8) == 2 else adam,
        micro_batch_tokens=case["rows"] * case["length"],
        checkpointing=checkpointing,
        gap_limit=1e9,
    )
    half = case["length"] // 2
    count = 2 * case["rows"]
    prompts = [[1 + row % case.get("prompts", count)] * half for row in range(count)]
    rollouts = [Rollout(prompt, [2] * half, [0.0] * half, "", "length") for prompt in prompts]
    rows = [Experience(("solve", 0), "deduction", 0, rollout, (), 1.0) for rollout in rollouts]
    for _ in range(2):
        learner.update(rows)
    assert sampler is not None
    setup = Setup(
        width=width,
        sampler_width=width,
        moments=case.get("moments", 8),
        rank=rank,
        checkpointing=checkpointing,
        micro_batch_tokens=case["rows"] * case["length"],
        rows=count // case.get("prompts", count),
        max_prompt_tokens=half,
        max_tokens=half,
    )
    planned = memory(
        shape_of(model.config, sum(p.numel() for p in model.parameters() if not rank or not p.requires_grad)), setup
    )
    print(json.dumps({"planned": planned["peak"], "taken": peak() - before, "parts": planned}))


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", choices=CASES)
    options = parser.parse_args()
    if options.case:
        measure(CASES[options.case])  # type: ignore[arg-type]
        return
    print(f"{'case':20} {'planned MB':>11} {'taken MB':>9} {'ratio':>6} {'heap as it is MB':>17} {'ratio':>6}")
    for name in CASES:
        runs = []
        for environment in ({"MALLOC_MMAP_THRESHOLD_": "262144"}, {}):
            command = [sys.executable, __file__, "--case", name]
            result = subprocess.run(
                command, check=True, capture_output=True, text=True, env=dict(os.environ) | environment
            )
            runs.append(json.loads(result.stdout))
        planned, (tight, loose) = runs[0]["planned"], (run["taken"] for run in runs)
        columns = f"{tight / 1e6:9,.0f} {planned / tight:6.2f} {loose / 1e6:17,.0f} {planned / loose:6.2f}"
        print(f"{name:20} {planned / 1e6:11,.0f} {columns}", flush=True)


if __name__ == "__main__":
    main()
