"""Tokens per second of the lean decode loop against `model.generate`, same model, prompts, lengths and process.

    python benchmarks/decode.py [--rows 256] [--prompt 64] [--new 48] [--rounds 5]

Every way samples `rows` distinct prompts, one completion each, without an end token, at temperature 1 without top-k
or top-p. The ways take turns, round by round; the table gives each one's median, and the median over rounds of its
ratio to `generate` of the same round. Seconds are processor seconds of this process, on one thread, so that a busy
machine moves the ratios little.

What bounds the figures: `prefill` is matrix products over all prompt tokens, the same work for every way; a decode step
of the small sizes is bound by reading the cache (attention is a product with one row per head) and by the overhead of
some twenty operations per layer; `generate` adds its own bookkeeping, and copies the whole cache at every step.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from transformers import GenerationConfig, Qwen2Config, Qwen2ForCausalLM

from abzero.policy.local.hf_engine import HFEngine
from abzero.policy.local.packed_engine import PackedEngine
from abzero.policy.local.sampling import Engine, sample

SIZES = {"d64 L4": (64, 4, 2), "d128 L4": (128, 4, 4), "d128 L5": (128, 5, 4)}
VOCABULARY = 180


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("rows", 256), ("prompt", 64), ("new", 48), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(
        f"torch {torch.__version__}, {torch.cpu.get_capabilities().get('cpu_name', 'cpu')}, 1 thread; {vars(options)}"
    )
    print(f"{'model':10} {'parameters':>10}  {'way':18} {'tokens/s':>9} {'ratio':>6}")
    for label, (width, layers, heads) in SIZES.items():
        model = build(width, layers, heads)
        ways = contestants(model, options.rows, options.prompt, options.new)
        for run in ways.values():
            run()
        seconds = [{name: clock(run) for name, run in ways.items()} for _ in range(options.rounds)]
        for name in ways:
            rate = statistics.median(options.rows * options.new / row[name] for row in seconds)
            ratio = statistics.median(row["generate fp32"] / row[name] for row in seconds)
            print(f"{label:10} {model.num_parameters():10,}  {name:18} {rate:9,.0f} {ratio:6.2f}")


def build(width: int, layers: int, heads: int) -> Qwen2ForCausalLM:
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=width,
        intermediate_size=3 * width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=None,
    )
    return Qwen2ForCausalLM(config).eval()


def contestants(model: Qwen2ForCausalLM, rows: int, prompt: int, new: int) -> dict[str, Callable[[], object]]:
    prompts_BT = torch.randint(0, VOCABULARY, (rows, prompt), generator=torch.Generator().manual_seed(0))
    half = build(model.config.hidden_size, model.config.num_hidden_layers, model.config.num_attention_heads).bfloat16()
    settings = GenerationConfig(
        do_sample=True, top_k=0, top_p=1.0, temperature=1.0, max_new_tokens=new, min_new_tokens=new, pad_token_id=0
    )

    def generate(model: Qwen2ForCausalLM) -> Callable[[], object]:
        return lambda: model.generate(
            prompts_BT, attention_mask=torch.ones_like(prompts_BT), generation_config=settings
        )

    def ours(engine: Engine) -> Callable[[], object]:
        seeds = [[row] for row in range(rows)]
        return lambda: sample(engine, prompts_BT.tolist(), seeds, new, 1.0, torch.tensor([-1]))

    return {
        "generate fp32": generate(model),
        "generate bf16": generate(half),
        "our cached fp32": ours(HFEngine(model)),
        "our lean fp32": ours(PackedEngine(model, torch.float32)),
        "our lean bf16": ours(PackedEngine(model, torch.bfloat16)),
    }


def clock(run: Callable[[], object]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


if __name__ == "__main__":
    main()
