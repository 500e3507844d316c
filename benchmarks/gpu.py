"""A 7B-shaped model on one GPU: tokens per second of each way to sample, and the update's share of the chip's rate.

    python benchmarks/gpu.py [--rows 64] [--prompt 512] [--new 1024] [--rank 0] [--only graphs vllm]
    python benchmarks/gpu.py --tiny        # a small model and a few tokens, anywhere: whether the script runs

Weights are random, in bf16, of the shape of Qwen2.5-7B. Every way samples one completion of `new` tokens for each of
`rows` prompts, without an end token, at temperature 1 with nothing cut off; each runs once to warm up and once by the
clock, and `ratio` is to the first. `graphs` is `policy/local/cuda_graphs.py`, `cached` the same without static cache or
capture, `continuous` transformers' continuous batching (on CUDA alone), `vllm` the engine of `policy/vllm` where it is
installed.

The update is one optimizer step on as many rollouts, with recomputed activations and 8-bit moments. Its rate counts 6
operations per weight and trained-on token (2 forward, 4 backward) of all but the embedding, and attention's products;
what is computed again does not count. The chip's rate is the best of its square products in bf16.

What bounds the figures: a decode step reads all weights and all keys and values once, so sampling is bound by memory
bandwidth until some hundreds of rows; prefill and update are matrix products, bound by the chip's rate, less what
attention, norms and the optimizer's pass over fp32 masters take.
"""

import argparse
import gc
import random
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import torch
from transformers import GenerationConfig, Qwen2Config, Qwen2ForCausalLM
from transformers.utils import logging

import abzero
from abzero.policy.local.cuda_graphs import CudaGraphEngine
from abzero.policy.local.hf_engine import HFEngine
from abzero.policy.local.learner import LocalLearner
from abzero.policy.local.optimizer import adam_8bit
from abzero.policy.local.sampling import Engine, sample
from abzero.policy.models import loading, lora
from abzero.policy.models.shapes import KNOWN
from abzero.policy.vllm.engine import CacheBudget, VllmEngine
from abzero.types import Experience, Rollout

BOX = Path(abzero.__file__).parent / "tiny" / "weights"
SMALL = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "vocab_size": 512}
SMALL |= {"num_attention_heads": 2, "num_key_value_heads": 1}
NEVER = torch.tensor([-1])
"""A token that does not come up."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("rows", 64), ("prompt", 512), ("new", 1024), ("rank", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--only", nargs="*", default=["graphs", "cached", "continuous", "vllm", "update"])
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    if options.tiny:
        options.rows, options.prompt, options.new = 4, 12, 8
        torch.set_num_threads(1)
    elif not torch.cuda.is_available():
        raise SystemExit("this machine has no CUDA device; --tiny tries the script without one")
    logging.set_verbosity_error()
    model = build(SMALL if options.tiny else dict(KNOWN["Qwen/Qwen2.5-7B"][1]))
    chip = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    print(f"{chip}, torch {torch.__version__}, {model.num_parameters():,} parameters in bf16; {vars(options)}")
    prompts = texts(model, options.rows, options.prompt)
    ways = {name: way for name, way in contestants(model, prompts, options.new).items() if name in options.only}
    first = 0.0
    for name, prepare in ways.items():
        rate, peak = measured(prepare, options.rows * options.new)
        first = first or rate
        print(f"{name:12} {rate:10,.0f} tokens/s  ratio {rate / first:5.2f}  peak {peak / 2**30:6.1f} GiB")
    if "update" in options.only:
        rate, achieved, possible = update(model, prompts, options.new, options.rank, 512 if options.tiny else 8192)
        print(
            f"update       {rate:10,.0f} tokens/s  {achieved / 1e12:.3g} of {possible / 1e12:.3g} Tflop/s: "
            f"{achieved / possible:.0%}"
        )


def build(shape: dict[str, int | bool]) -> Qwen2ForCausalLM:
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = Qwen2ForCausalLM(Qwen2Config(**shape, bos_token_id=None, eos_token_id=None))
    torch.set_default_dtype(torch.float32)
    return model.eval()


def texts(model: Qwen2ForCausalLM, rows: int, length: int) -> list[list[int]]:
    rng = random.Random(0)
    return [[rng.randrange(model.config.vocab_size) for _ in range(length)] for _ in range(rows)]


def contestants(
    model: Qwen2ForCausalLM, prompts: list[list[int]], new: int
) -> dict[str, Callable[[], Callable[[], object]]]:
    """By name, what sets a way up and returns what samples."""
    seeds = list(range(len(prompts)))

    def ours(engine: type[HFEngine] | type[CudaGraphEngine]) -> Callable[[], Callable[[], object]]:
        def prepare() -> Callable[[], object]:
            made: Engine = engine(model)
            return lambda: sample(made, prompts, [[seed] for seed in seeds], new, 1.0, NEVER)

        return prepare

    def continuous() -> Callable[[], object]:
        plain = {"do_sample": True, "top_k": 0, "top_p": 1.0, "temperature": 1.0, "eos_token_id": -1, "pad_token_id": 0}
        settings = GenerationConfig(**plain, max_new_tokens=new)
        return lambda: model.generate_batch(prompts, generation_config=settings)

    def vllm() -> Callable[[], object]:
        length = len(prompts[0]) + new
        engine = VllmEngine(model, dtype=torch.bfloat16, length=length, cache=CacheBudget(32 << 30, len(prompts)))
        engine.load(lora.plain_weights(model))
        return lambda: engine.sample(prompts, seeds, new, 1.0, [])

    ways = {"graphs": ours(CudaGraphEngine), "cached": ours(HFEngine)}
    if model.device.type == "cuda":
        ways["continuous"] = continuous
    return ways | {"vllm": vllm} if find_spec("vllm") else ways


def measured(prepare: Callable[[], Callable[[], object]], tokens: int) -> tuple[float, int]:
    """Tokens per second of the second run, and the peak of this process' memory on the device."""
    run = prepare()
    run()
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    seconds = clock(run)
    peak = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    del run
    gc.collect()
    torch.cuda.empty_cache()
    return tokens / seconds, peak


def clock(run: Callable[[], object]) -> float:
    settle()
    start = time.perf_counter()
    run()
    settle()
    return time.perf_counter() - start


def settle() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def update(
    model: Qwen2ForCausalLM, prompts: list[list[int]], new: int, rank: int, square: int
) -> tuple[float, float, float]:
    """Tokens learned from in a second, and operations in a second: of the update, and of the chip at its best."""
    _, codec = loading.load(BOX, dtype=torch.bfloat16, device="cpu")
    if rank:
        lora.add(model, rank, 2.0 * rank)
    learner = LocalLearner(model, codec, adam=adam_8bit, checkpointing=True, gap_limit=float("inf"))
    answers = texts(model, len(prompts), new)
    batch = [
        Experience(
            ("solve", row), "deduction", row, Rollout(prompt, answer, [-12.0] * new, "", "length"), (), (-1.0) ** row
        )
        for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True))
    ]
    learner.update(batch)
    seconds = clock(lambda: learner.update(batch))
    achieved = operations(model, len(prompts[0]) + new, len(prompts), rank) / seconds
    return len(prompts) * new / seconds, achieved, best_rate(model, square)


def operations(model: Qwen2ForCausalLM, length: int, rows: int, rank: int = 0) -> float:
    """Of one forward and backward pass; a causal query sees half of the text on average.

    Under an adapter of `rank`, base weights get no gradient of their own: 4 operations each instead of 6.
    """
    config = model.config
    weights = model.num_parameters() - config.vocab_size * config.hidden_size
    attention = 4 * config.num_hidden_layers * config.hidden_size * length / 2
    return ((2.0 if rank else 3.0) * 2 * weights + 3.0 * attention) * rows * length


def best_rate(model: Qwen2ForCausalLM, size: int) -> float:
    a, b = (torch.randn(size, size, device=model.device, dtype=torch.bfloat16) for _ in range(2))
    return max(2 * size**3 / clock(lambda: a @ b) for _ in range(10))


if __name__ == "__main__":
    main()
